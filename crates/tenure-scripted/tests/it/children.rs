//! Processes that the agent leaves behind. Each test ends the ones it started, by their pids.

use rustix::process::Signal;
use serde_json::json;
use tenure_scripted::Act;

use crate::driver::{Agent, Scratch, is_alive, kill_pid, session_of, wait_gone};

/// Plays a fork step and gives the child's pid.
fn forked(scratch: &Scratch, agent: &mut Agent, step: serde_json::Value) -> u32 {
    let session = agent.open();
    assert_eq!(agent.turn(&session, json!([step])).stop(), "end_turn");
    scratch.wait_record(|e| match e.act {
        Act::Forked { child, .. } => Some(child),
        _ => None,
    })
}

#[test]
fn a_child_stays_when_the_agent_goes() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let child = forked(&scratch, &mut agent, json!({"fork": 600}));
    assert_eq!(session_of(child), session_of(agent.pid()));
    agent.close_stdin();
    agent.exited();
    assert_eq!(agent.line(), None, "stdout is held");
    assert!(is_alive(child));
    kill_pid(Signal::TERM, child);
    wait_gone(child);
}

#[test]
fn a_child_can_have_a_session_of_its_own_and_ignore_term() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let step = json!({"fork": {"sleep_s": 600, "setsid": true, "ignore_term": true}});
    let child = forked(&scratch, &mut agent, step);
    wait_for(|| session_of(child) == Some(child));
    wait_for(|| ignores_term(child));
    kill_pid(Signal::TERM, child);
    assert!(is_alive(child));
    kill_pid(Signal::KILL, child);
    scratch
        .wait_record(|e| matches!(e.act, Act::ChildEnded { child: ended } if ended == child).then_some(()));
}

#[test]
fn a_child_can_hold_stdout_open() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let step = json!({"fork": {"command": ["sleep", "600"], "hold_stdout": true}});
    let child = forked(&scratch, &mut agent, step);
    let stdout = |pid: u32| std::fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
    assert_eq!(stdout(child), stdout(agent.pid()));
    agent.kill();
    assert!(is_alive(child));
    kill_pid(Signal::KILL, child);
    assert_eq!(agent.line(), None);
}

#[test]
fn a_command_that_is_missing_says_so_on_stderr_only() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let step = json!({"fork": {"command": ["/no/such/program"], "hold_stdout": true}});
    let child = forked(&scratch, &mut agent, step);
    wait_gone(child);
    agent.close_stdin();
    assert!(agent.stderr().contains("cannot start /no/such/program"));
}

/// The child sets itself up after it was started.
fn wait_for(mut ready: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + crate::driver::PATIENCE;
    while !ready() {
        assert!(std::time::Instant::now() < deadline, "the child does not get ready");
        std::thread::yield_now();
    }
}

/// Whether SIGTERM is caught, by the mask that the kernel tells.
fn ignores_term(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << 14) != 0
}
