//! Ends: by themselves, by the ladder, by force; and the tree with them.

use rustix::process::Signal;
use tenure_host::process::tree;
use tenure_host::{Attached, Forced, Ladder, PidRef, read_exit};

use crate::fixture::{CLOSE, Fixture, ended, eventually, exited, until};

const HOUR: u64 = 3_600_000;

#[tokio::test]
async fn the_ladder_terminates_who_does_not_leave() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say ready sleep").await;
    fixture.line_with(&shim, "ready").await;
    shim.end(Ladder { close_stdin: true, grace_ms: 1, term_ms: HOUR });
    let exit = exited(&shim).await;
    assert_eq!((exit.signal, exit.forced), (Some(15), Forced::Term));
    assert_eq!(exit.hit, [shim.identity().agent.pid]);
}

#[tokio::test]
async fn the_ladder_kills_who_ignores_it() {
    let fixture = Fixture::new();
    let shim = fixture.launch("ignore-term say ready sleep").await;
    fixture.line_with(&shim, "ready").await;
    shim.end(Ladder { close_stdin: false, grace_ms: 1, term_ms: 20 });
    let exit = exited(&shim).await;
    assert_eq!((exit.code, exit.signal, exit.forced), (None, Some(9), Forced::Kill));
}

#[tokio::test]
async fn a_harsher_request_overtakes_and_a_milder_one_does_not_delay() {
    let fixture = Fixture::new();
    let shim = fixture.launch("ignore-term say ready sleep").await;
    fixture.line_with(&shim, "ready").await;
    shim.end(CLOSE);
    shim.end(Ladder { close_stdin: false, grace_ms: 10, term_ms: 10 });
    shim.end(CLOSE);
    assert_eq!(exited(&shim).await.forced, Forced::Kill);
}

#[tokio::test]
async fn a_kill_hits_the_whole_tree_at_once() {
    let fixture = Fixture::new();
    let shim = fixture.launch("fork setsid ignore-term fork setsid sleep -- say up sleep -- sleep").await;
    fixture.line_with(&shim, "up").await;
    let agent = shim.identity().agent.clone();
    let all = tree(agent.pid);
    assert_eq!(all.len(), 3, "{all:?}");
    shim.kill();
    let exit = exited(&shim).await;
    assert_eq!((exit.signal, exit.forced), (Some(9), Forced::Kill));
    assert!(all.iter().all(|process| exit.hit.contains(&process.pid)), "{:?} of {all:?}", exit.hit);
    assert!(exit.remained.is_empty());
    assert!(!all.iter().any(PidRef::is_alive));
}

#[tokio::test]
async fn what_an_agent_leaves_behind_is_killed_even_if_it_holds_the_output() {
    let fixture = Fixture::new();
    let shim = fixture.launch("fork setsid fork setsid say hello sleep -- -- line exit 4").await;
    let orphan = PidRef::of(fixture.forked(&shim).await);
    fixture.line_with(&shim, "hello").await;
    let left: Vec<PidRef> = tree(shim.identity().shim.pid)
        .into_iter()
        .filter(|p| *p != shim.identity().shim && *p != shim.identity().agent)
        .collect();
    assert!(!left.is_empty());
    crate::fixture::send(&shim, 1, "\n").await;
    let exit = exited(&shim).await;
    assert_eq!((exit.code, exit.forced), (Some(4), Forced::None));
    // Of the two that were left, the one between may have ended by itself.
    assert!(left.iter().all(|process| !process.is_alive()), "{exit:?}");
    assert!(left.iter().any(|process| exit.hit.contains(&process.pid)), "{exit:?}");
    assert!(!orphan.is_some_and(|orphan| orphan.is_alive()));
    assert!(!exit.hit.contains(&shim.identity().agent.pid));
}

#[tokio::test]
async fn children_are_kept_where_that_was_asked_for() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("fork setsid sleep -- exit 0");
    spec.keep_children = true;
    let shim = tenure_host::launch(spec).await.expect("an agent");
    let exit = exited(&shim).await;
    assert!(exit.hit.is_empty());
    let line = fixture.lines(exit.spool_end).remove(0);
    let child = PidRef::of(line.trim_start_matches("forked ").parse().expect("a pid")).expect("a child");
    let shim = &shim.identity().shim;
    ended("the end of the shim", shim.pid).await;
    assert!(child.is_alive());
    child.signal(Signal::KILL).expect("its end");
}

#[tokio::test]
async fn orphans_do_not_stay_as_zombies() {
    let fixture = Fixture::new();
    let shim = fixture.launch("fork fork exit 0 -- exit 0 -- echo").await;
    fixture.forked(&shim).await;
    let own = shim.identity().shim.pid;
    // Only the agent's own child is its own to wait for.
    eventually("the end of the orphan", || {
        let pids = std::fs::read_dir("/proc")
            .expect("/proc")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let children = pids.filter(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let rest = stat.rsplit(')').next().unwrap_or_default();
            rest.split_whitespace().nth(1) == Some(&own.to_string())
        });
        children.count() == 1
    })
    .await;
    shim.end(CLOSE);
    exited(&shim).await;
}

#[tokio::test]
async fn the_exit_is_recorded_whole_before_it_is_told() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say bye abort").await;
    let exit = exited(&shim).await;
    assert_eq!((exit.code, exit.signal), (None, Some(6)));
    assert_eq!(read_exit(&fixture.dir()).expect("a record"), Some(exit.clone()));
    assert!(!fixture.dir().join("exit.part").exists());
    assert!(matches!(fixture.attach().await, Attached::Exited(found) if found == exit));
}

#[tokio::test]
async fn a_shim_that_is_told_to_end_ends_its_agent_first() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say ready sleep").await;
    fixture.line_with(&shim, "ready").await;
    shim.identity().shim.signal(Signal::TERM).expect("a signal");
    let exit = exited(&shim).await;
    assert_eq!((exit.signal, exit.forced), (Some(15), Forced::Term));
}

#[tokio::test]
async fn an_agent_that_closes_its_output_still_runs() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say quiet mute echo exit 5").await;
    fixture.line_with(&shim, "quiet").await;
    crate::fixture::send(&shim, 1, "x\n").await;
    until(&shim, "the acknowledgement", |status| status.acked == 1).await;
    assert!(shim.identity().agent.is_alive());
    shim.end(CLOSE);
    assert_eq!(exited(&shim).await.code, Some(5));
}

#[tokio::test]
async fn a_shim_whose_directory_was_removed_does_not_stay() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say ready line lines 100 1000").await;
    fixture.line_with(&shim, "ready").await;
    let (own, agent) = (shim.identity().shim.clone(), shim.identity().agent.clone());
    std::fs::remove_dir_all(fixture.dir()).expect("removed");
    agent.signal(Signal::KILL).expect("a kill");
    ended("the end of the shim", own.pid).await;
}

#[tokio::test]
async fn a_stopped_shim_is_woken_to_end_its_agent() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say ready sleep").await;
    fixture.line_with(&shim, "ready").await;
    shim.identity().shim.signal(Signal::STOP).expect("stopped");
    shim.kill();
    assert_eq!(exited(&shim).await.forced, Forced::Kill);
}

#[tokio::test]
async fn a_shim_that_stays_stopped_is_killed_with_its_agent() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say ready sleep").await;
    fixture.line_with(&shim, "ready").await;
    let (stopped, agent) = (shim.identity().shim.clone(), shim.identity().agent.clone());
    stopped.signal(Signal::STOP).expect("stopped");
    shim.end(Ladder { close_stdin: true, grace_ms: 1, term_ms: 1 });
    let stays_stopped = async {
        while stopped.signal(Signal::STOP).is_ok() {
            tokio::task::yield_now().await;
        }
    };
    let lost = async { until(&shim, "the loss", |status| status.is_over()).await };
    let (status, ()) = tokio::join!(lost, stays_stopped);
    assert!(status.lost.is_some(), "{status:?}");
    assert!(!agent.is_alive());
}
