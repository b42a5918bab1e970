//! Commands: each reaches the agent once, whatever becomes of the daemon.

use bytes::Bytes;
use tenure_host::{Ladder, SendError};

use crate::fixture::{CLOSE, Fixture, exited, send, until};

const MEGABYTE: usize = 1 << 20;

#[tokio::test]
async fn commands_out_of_order_are_refused_and_old_ones_are_done() {
    let fixture = Fixture::new();
    let shim = fixture.launch("echo").await;
    assert_eq!(shim.try_send(2, Bytes::from("early\n")), Err(SendError::Gap { n: 2, expected: 1 }));
    send(&shim, 1, "one\n").await;
    until(&shim, "the acknowledgement", |status| status.acked == 1).await;
    assert_eq!(shim.try_send(1, Bytes::from("again\n")), Ok(()));
    send(&shim, 2, "two\n").await;
    fixture.line_with(&shim, "two").await;
    drop(shim);
    // A later daemon starts from what was applied.
    let shim = fixture.attach_live().await;
    assert_eq!(shim.applied(), 2);
    send(&shim, 3, "three\n").await;
    shim.end(CLOSE);
    assert_eq!(fixture.all_lines(&shim).await, ["one", "two", "three"]);
    assert_eq!(shim.try_send(4, Bytes::from("late\n")), Err(SendError::Gone { n: 4 }));
}

#[tokio::test]
async fn many_small_commands_keep_their_order() {
    let fixture = Fixture::new();
    let shim = fixture.launch("echo").await;
    for n in 1..=5000 {
        send(&shim, n, format!("command {n}\n")).await;
    }
    shim.end(CLOSE);
    let wanted: Vec<String> = (1..=5000).map(|n| format!("command {n}")).collect();
    assert_eq!(fixture.all_lines(&shim).await, wanted);
}

#[tokio::test]
async fn a_large_command_arrives_whole() {
    let fixture = Fixture::new();
    let shim = fixture.launch("count").await;
    let bytes: Vec<u8> = (0..70 * MEGABYTE).map(|i| (i / 7 + i / 1000) as u8).collect();
    let sum = bytes.iter().fold(0u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    let len = bytes.len();
    send(&shim, 1, bytes).await;
    until(&shim, "the acknowledgement", |status| status.acked == 1).await;
    shim.end(CLOSE);
    assert_eq!(fixture.all_lines(&shim).await, [format!("{len} {sum}")]);
}

#[tokio::test]
async fn an_agent_that_does_not_read_is_still_heard() {
    let fixture = Fixture::new();
    let shim = fixture.launch("line lines 20000 100 say done sleep").await;
    send(&shim, 1, "go\n").await;
    send(&shim, 2, vec![b'x'; 8 * MEGABYTE]).await;
    until(&shim, "the acknowledgement", |status| status.acked == 2).await;
    fixture.line_with(&shim, "done").await;
    shim.kill();
    assert_eq!(exited(&shim).await.signal, Some(9));
}

#[tokio::test]
async fn a_shim_that_takes_no_more_input_still_takes_a_kill() {
    let fixture = Fixture::new();
    let shim = fixture.launch("sleep").await;
    for n in 1..=2 {
        send(&shim, n, vec![b'x'; 40 * MEGABYTE]).await;
    }
    until(&shim, "the acknowledgements", |status| status.acked == 2).await;
    // More than the bound lies unwritten: this one is not read to its end.
    send(&shim, 3, vec![b'x'; 40 * MEGABYTE]).await;
    assert!(matches!(
        shim.try_send(4, Bytes::from(vec![b'x'; 40 * MEGABYTE])),
        Err(SendError::Full { n: 4 })
    ));
    shim.kill();
    let exit = exited(&shim).await;
    assert_eq!((exit.signal, exit.applied), (Some(9), 2));
}

#[tokio::test]
async fn an_agent_that_closes_its_input_loses_nothing_else() {
    let fixture = Fixture::new();
    // `exec 0<&-` in a shell: its own input closed, its output open.
    let mut spec = fixture.spec("");
    spec.argv = vec!["/bin/sh".into(), "-c".into(), "exec 0<&-; echo closed; exec sleep 600".into()];
    spec.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    let shim = tenure_host::launch(spec).await.expect("an agent");
    fixture.line_with(&shim, "closed").await;
    send(&shim, 1, "into the void\n").await;
    until(&shim, "the closed input", |status| status.stdin_closed).await;
    send(&shim, 2, "never\n").await;
    let status = until(&shim, "the refusal", |status| status.refused.is_some()).await;
    assert_eq!(status.refused.map(|refused| (refused.n, refused.applied)), Some((2, 1)));
    shim.end(Ladder { close_stdin: true, grace_ms: 0, term_ms: 60_000 });
    assert_eq!(exited(&shim).await.signal, Some(15));
}

#[tokio::test]
async fn commands_handed_over_before_the_end_are_applied_before_it() {
    let fixture = Fixture::new();
    let shim = fixture.launch("echo").await;
    for n in 1..=50 {
        send(&shim, n, format!("{n:0>60000}\n")).await;
    }
    shim.end(CLOSE);
    let exit = exited(&shim).await;
    assert_eq!((exit.applied, fixture.lines(exit.spool_end).len()), (50, 50));
}

#[tokio::test]
async fn a_shim_that_takes_no_more_input_still_takes_an_end() {
    let fixture = Fixture::new();
    let shim = fixture.launch("sleep").await;
    for n in 1..=3 {
        send(&shim, n, vec![b'x'; 40 * MEGABYTE]).await;
    }
    shim.end(Ladder { close_stdin: true, grace_ms: 1, term_ms: 60_000 });
    assert_eq!(exited(&shim).await.signal, Some(15));
}
