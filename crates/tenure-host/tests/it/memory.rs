//! A shim is small, and small again after a large command.

use tenure_host::process::usage;

use crate::fixture::{CLOSE, Fixture, exited, send, until};

#[tokio::test]
async fn memory_for_a_large_command_is_given_back() {
    let fixture = Fixture::new();
    let shim = fixture.launch("line say first line say second sleep").await;
    let own = [shim.identity().shim.clone()];
    send(&shim, 1, "\n").await;
    fixture.line_with(&shim, "first").await;
    let before = usage(&own).memory_bytes;
    send(&shim, 2, [vec![b'x'; 40 << 20], b"\n".to_vec()].concat()).await;
    fixture.line_with(&shim, "second").await;
    until(&shim, "the acknowledgement", |status| status.acked == 2).await;
    let after = usage(&own).memory_bytes;
    crate::fixture::note(&format!(
        "proportional memory of a shim: {} KB, after a command of 40 MB: {} KB",
        before >> 10,
        after >> 10
    ));
    assert!(after < before + (1 << 20), "{before} bytes before, {after} after");
    shim.end(tenure_host::Ladder { grace_ms: 0, ..CLOSE });
    exited(&shim).await;
}
