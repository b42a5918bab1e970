//! Starting: what is handed over, and what every failure is called.

use std::os::unix::fs::PermissionsExt;

use tenure_host::{Forced, LaunchError, launch};

use crate::fixture::{AGENT, CLOSE, Fixture, exited, send};

#[tokio::test]
async fn an_agent_is_fed_heard_and_ended() {
    let fixture = Fixture::new();
    let shim = fixture.launch("err careful echo exit 7").await;
    send(&shim, 1, "one\n").await;
    send(&shim, 2, "two\nthr").await;
    send(&shim, 3, "ee\n").await;
    fixture.line_with(&shim, "three").await;
    shim.end(CLOSE);
    let exit = exited(&shim).await;
    assert_eq!(fixture.lines(exit.spool_end), ["one", "two", "three"]);
    assert_eq!((exit.code, exit.signal, exit.forced), (Some(7), None, Forced::None));
    assert_eq!((exit.stderr_tail.as_str(), exit.applied), ("careful\n", 3));
    assert!(exit.hit.is_empty() && exit.remained.is_empty() && !exit.truncated_line);
}
