//! Commands run for their output, background programs, locks, identities, facts.

use std::time::Duration;

use bytes::Bytes;
use rustix::process::Signal;
use tenure_host::process::{SignalError, usage};
use tenure_host::{
    Capture, CaptureError, LockError, PidRef, boot_id, disk_free, facts, lock_file, peer_uid, run_capture,
};

use crate::fixture::{AGENT, Fixture, PROBE, appears, ended};

fn rude(steps: &str) -> Capture {
    Capture::new(std::iter::once(AGENT).chain(steps.split_whitespace()))
}

#[tokio::test]
async fn a_command_is_run_for_its_output() {
    let ran = run_capture(rude("say out err bad env HOME exit 3")).await.expect("a result");
    assert_eq!((ran.code, ran.signal, ran.timed_out, ran.truncated), (Some(3), None, false, false));
    assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"out\nHOME unset\n"[..], &b"bad\n"[..]));
}

#[tokio::test]
async fn a_command_is_fed() {
    let stdin = Bytes::from(vec![b'a'; 3 << 20]);
    let ran = run_capture(Capture { stdin, ..rude("count") }).await.expect("a result");
    assert!(ran.stdout.starts_with(b"3145728 "));
    // One that does not read what it is given is no failure.
    let stdin = Bytes::from(vec![b'a'; 3 << 20]);
    let ran = run_capture(Capture { stdin, ..rude("say done") }).await.expect("a result");
    assert_eq!(ran.stdout, b"done\n");
}

#[tokio::test]
async fn output_beyond_the_bound_is_dropped() {
    let ran = run_capture(Capture { max_bytes: 1000, ..rude("lines 100 99") }).await.expect("a result");
    assert_eq!((ran.stdout.len(), ran.truncated, ran.code), (1000, true, Some(0)));
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_its_tree() {
    let capture = Capture { timeout: Duration::from_secs(2), ..rude("fork ignore-term sleep -- sleep") };
    let ran = run_capture(capture).await.expect("a result");
    assert_eq!((ran.timed_out, ran.code, ran.signal), (true, None, Some(9)));
    let pid: i32 =
        String::from_utf8_lossy(&ran.stdout).trim().trim_start_matches("forked ").parse().expect("a pid");
    ended("the end of the child", pid).await;
}

#[tokio::test]
async fn a_child_that_holds_the_output_delays_nothing_and_is_killed() {
    let ran = run_capture(rude("fork sleep -- exit 0")).await.expect("a result");
    assert_eq!((ran.code, ran.timed_out), (Some(0), false));
    let pid: i32 =
        String::from_utf8_lossy(&ran.stdout).trim().trim_start_matches("forked ").parse().expect("a pid");
    ended("the end of the child", pid).await;
}

#[tokio::test]
async fn a_missing_command_is_an_error() {
    let error = run_capture(Capture::new(["/no/such/program"])).await.expect_err("no result");
    assert!(matches!(error, CaptureError::Start { .. }), "{error}");
    let empty: [&str; 0] = [];
    let error = run_capture(Capture::new(empty)).await.expect_err("no result");
    assert!(matches!(error, CaptureError::Start { .. }), "{error}");
}

#[tokio::test]
async fn a_daemon_is_detached() {
    let fixture = Fixture::new();
    let log = fixture.path().join("log");
    let starter = Capture {
        env: vec![("DROPPED".into(), "1".into()), ("KEPT".into(), "2".into())],
        ..Capture::new([PROBE, "detach", &log.display().to_string()])
    };
    let ran = run_capture(starter).await.expect("a starter");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let told = || std::fs::read_to_string(&log).unwrap_or_default();
    appears("the daemon's word", fixture.path(), || told().ends_with("end\n")).await;
    assert_eq!(told(), "leads its session, in /, DROPPED none, KEPT 2\nend\n");
}

#[test]
fn a_lock_is_held_once_and_its_file_stays() {
    let fixture = Fixture::new();
    let path = fixture.path().join("lock");
    let held = lock_file(&path).expect("the lock");
    let error = lock_file(&path).expect_err("no second lock");
    let own = i32::try_from(std::process::id()).expect("a pid");
    assert!(matches!(error, LockError::Held { pid, .. } if pid == Some(own)), "{error}");
    drop(held);
    assert!(path.exists());
    lock_file(&path).expect("the lock again");
    let error = lock_file(&fixture.path().join("no/dir")).expect_err("no lock");
    assert!(matches!(error, LockError::Io { .. }), "{error}");
}

#[test]
fn a_signal_reaches_only_who_was_meant() {
    let own = PidRef::own().expect("this process");
    assert!(own.is_alive() && own.boot_id == boot_id());
    own.signal(Signal::CONT).expect("a harmless signal");
    let earlier = PidRef { start_time: own.start_time - 1, ..own.clone() };
    let other_boot = PidRef { boot_id: "another".into(), ..own.clone() };
    for stranger in [earlier, other_boot] {
        assert!(!stranger.is_alive());
        assert!(matches!(stranger.signal(Signal::KILL), Err(SignalError::Gone { pid }) if pid == own.pid));
    }
    assert!(PidRef::of(i32::MAX).is_none() && PidRef::of(0).is_none());
    let used = usage(std::slice::from_ref(&own));
    assert!(used.processes == 1 && used.memory_bytes > 100_000, "{used:?}");
    assert_eq!(usage(&[PidRef { start_time: 1, ..own }]).processes, 0);
}

#[test]
fn the_machine_is_described() {
    let facts = facts();
    assert!(facts.pidfd && facts.subreaper && !facts.kernel.is_empty(), "{facts:?}");
    assert!(facts.cgroup_trouble.is_some() || facts.cgroup.is_some());
    assert!(disk_free(std::path::Path::new("/tmp")).expect("a figure") > 0);
    let (one, _other) = std::os::unix::net::UnixStream::pair().expect("a pair");
    assert_eq!(peer_uid(&one).expect("a user"), rustix::process::geteuid().as_raw());
}
