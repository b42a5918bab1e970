//! When the daemon goes, the agent stays; when the shim goes, the agent does not.

use rustix::process::Signal;
use tenure_host::process::{find_marked, orphans, sweep, variable};
use tenure_host::{AttachError, Attached, LaunchError, PidRef, attach, launch};

use crate::fixture::{CLOSE, Fixture, ended, eventually, exited, send, until};

#[tokio::test]
async fn an_agent_goes_on_without_a_daemon() {
    let fixture = Fixture::new();
    let shim = fixture.launch("line lines 1000 50 line say end").await;
    send(&shim, 1, "\n").await;
    until(&shim, "the acknowledgement", |status| status.acked == 1).await;
    drop(shim);
    let shim = fixture.attach_live().await;
    until(&shim, "the lines", |status| status.spool_end == 51_000).await;
    drop(shim);
    let shim = fixture.attach_live().await;
    assert_eq!((shim.applied(), shim.status().borrow().spool_end), (1, 51_000));
    send(&shim, 2, "\n").await;
    assert_eq!(fixture.all_lines(&shim).await.len(), 1001);
}

#[tokio::test]
async fn the_end_is_found_also_by_who_was_not_there() {
    let fixture = Fixture::new();
    let shim = fixture.launch("line exit 9").await;
    send(&shim, 1, "\n").await;
    until(&shim, "the acknowledgement", |status| status.acked == 1).await;
    let agent = shim.identity().agent.clone();
    drop(shim);
    ended("the end of the agent", agent.pid).await;
    let exit = match fixture.attach().await {
        Attached::Exited(exit) => exit,
        // Between the agent's end and its record.
        Attached::Live(shim) => exited(&shim).await,
        Attached::Lost(lost) => panic!("{lost:?}"),
    };
    assert_eq!(exit.code, Some(9));
}

#[tokio::test]
async fn a_newer_connection_replaces_the_older_which_comes_back() {
    let fixture = Fixture::new();
    let first = fixture.launch("echo").await;
    let second = fixture.attach_live().await;
    // Both want the one connection, so both keep replacing each other until one goes.
    drop(second);
    until(&first, "the connection", |status| status.connected).await;
    send(&first, 1, "still here\n").await;
    fixture.line_with(&first, "still here").await;
    first.end(CLOSE);
    exited(&first).await;
}

#[tokio::test]
async fn an_agent_dies_with_its_shim_and_the_sweep_finds_the_rest() {
    let fixture = Fixture::new();
    let marker = format!("{}", fixture.path().display());
    // The child is an orphan already: it does not hang below the agent.
    let mut spec = fixture.spec("fork fork setsid ignore-term say up sleep -- exit 0 -- sleep");
    spec.env = vec![("TENURE_TEST_MARK".into(), marker.clone())];
    let shim = launch(spec).await.expect("an agent");
    fixture.line_with(&shim, "up").await;
    let (agent, own) = (shim.identity().agent.clone(), shim.identity().shim.clone());
    eventually("the orphan", || find_marked("TENURE_TEST_MARK", &marker).len() == 2).await;

    let marked = find_marked("TENURE_TEST_MARK", &marker);
    let child = marked.iter().map(|found| &found.process).find(|process| **process != agent);
    let child = child.expect("a child").clone();
    assert_eq!(orphans(marked, std::slice::from_ref(&own)), []);
    assert_eq!(variable(&child, "TENURE_TEST_MARK"), Some(marker.clone()));
    assert_eq!(variable(&child, "TENURE_TEST"), None);

    own.signal(Signal::KILL).expect("a kill");
    let status = until(&shim, "the loss", |status| status.lost.is_some()).await;
    assert!(status.exit.is_none() && !status.connected);
    assert!(!agent.is_alive() && child.is_alive());
    assert!(matches!(fixture.attach().await, Attached::Lost(lost) if lost.remained.is_empty()));

    let left = orphans(find_marked("TENURE_TEST_MARK", &marker), &[own]);
    let left: Vec<PidRef> = left.into_iter().map(|marked| marked.process).collect();
    assert_eq!(left, std::slice::from_ref(&child));
    let report = sweep(&left);
    assert_eq!((report.killed, report.remained), (vec![child.pid], vec![]));
    assert!(!child.is_alive() && find_marked("TENURE_TEST_MARK", &marker).is_empty());
    assert_eq!(variable(&child, "TENURE_TEST_MARK"), None);
}

#[tokio::test]
async fn a_shim_whose_files_the_end_of_the_machine_tore_is_lost_all_the_same() {
    for torn in ["shim.json", "exit.json"] {
        let fixture = Fixture::new();
        let shim = fixture.launch("say up sleep").await;
        fixture.line_with(&shim, "up").await;
        let (own, agent) = (shim.identity().shim.clone(), shim.identity().agent.clone());
        own.signal(Signal::KILL).expect("a kill");
        until(&shim, "the loss", |status| status.lost.is_some()).await;
        drop(shim);
        std::fs::write(fixture.dir().join(torn), "").expect("torn");
        for _ in 0..2 {
            let Attached::Lost(lost) = fixture.attach().await else { panic!("{torn}: not lost") };
            assert!(lost.ran, "{torn}");
            assert_eq!(lost.identity.map(|found| found.agent), (torn == "exit.json").then(|| agent.clone()));
        }
    }
}

/// An agent that keeps forking out of its own sight, some 150 processes in all.
async fn forker(fixture: &Fixture) -> (tenure_host::Shim, String) {
    let marker = format!("{}", fixture.path().display());
    let mut spec = fixture.spec("relay 150 sleep");
    spec.env = vec![("TENURE_TEST_MARK".into(), marker.clone())];
    let shim = launch(spec).await.expect("an agent");
    fixture.line_with(&shim, "relay 128").await;
    assert!(find_marked("TENURE_TEST_MARK", &marker).len() > 20, "a small crowd");
    (shim, marker)
}

#[tokio::test]
async fn a_kill_outruns_a_tree_that_keeps_forking() {
    let fixture = Fixture::new();
    let (shim, marker) = forker(&fixture).await;
    shim.kill();
    assert_eq!(exited(&shim).await.remained, Vec::<i32>::new());
    assert_eq!(find_marked("TENURE_TEST_MARK", &marker), []);
}

#[tokio::test]
async fn a_sweep_outruns_a_tree_that_keeps_forking() {
    let fixture = Fixture::new();
    let (shim, marker) = forker(&fixture).await;
    let marked = find_marked("TENURE_TEST_MARK", &marker);
    let roots: Vec<PidRef> = marked.into_iter().map(|marked| marked.process).collect();
    let report = tokio::task::spawn_blocking(move || sweep(&roots)).await.expect("a sweep");
    assert_eq!(report.remained, Vec::<i32>::new());
    exited(&shim).await;
    assert_eq!(find_marked("TENURE_TEST_MARK", &marker), []);
}

#[tokio::test]
async fn a_directory_that_was_given_up_starts_nothing_any_more() {
    let fixture = Fixture::new();
    let error = attach(&fixture.path().join("nothing")).await.expect_err("no shim");
    assert!(matches!(error, AttachError::NoShim { .. }), "{error:?}");
    // A daemon that died half-way through a launch leaves this.
    std::fs::create_dir(fixture.dir()).expect("a directory");
    assert!(matches!(fixture.attach().await, Attached::Lost(lost) if !lost.ran && lost.identity.is_none()));
    let error = launch(fixture.spec("say hi")).await.expect_err("no agent");
    assert!(matches!(error, LaunchError::InUse { .. }), "{error:?}");
    // The shim itself, on its way to its lock, sees it too.
    let order = tenure_host::Capture {
        stdin: "{}".into(),
        ..tenure_host::Capture::new([crate::fixture::PROBE, "shim", &fixture.dir().display().to_string()])
    };
    let told = tenure_host::run_capture(order).await.expect("a shim");
    assert_eq!(String::from_utf8_lossy(&told.stdout), r#"{"failed":"held"}"#);
}
