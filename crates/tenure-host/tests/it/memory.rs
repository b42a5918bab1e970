//! A shim is small, and small again after a large command.

use crate::fixture::{CLOSE, Fixture, exited, note, send, until};

/// Memory that is this process's alone, in KB: what is shared depends on who else runs.
fn anonymous(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the shim's memory");
    let line = text.lines().find_map(|line| line.strip_prefix("Anonymous:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn memory_for_a_large_command_is_given_back() {
    let fixture = Fixture::new();
    let shim = fixture.launch("line say first line say second sleep").await;
    let pid = shim.identity().shim.pid;
    send(&shim, 1, "\n").await;
    fixture.line_with(&shim, "first").await;
    let before = anonymous(pid);
    send(&shim, 2, [vec![b'x'; 40 << 20], b"\n".to_vec()].concat()).await;
    fixture.line_with(&shim, "second").await;
    until(&shim, "the acknowledgement", |status| status.acked == 2).await;
    let after = anonymous(pid);
    note(&format!("a shim's own memory: {before} KB, after a command of 40 MB: {after} KB"));
    assert!(before < 700 && after < 700, "{before} KB before, {after} KB after");
    shim.end(tenure_host::Ladder { grace_ms: 0, ..CLOSE });
    exited(&shim).await;
}
