//! An innocent that was hit is told of, whatever it was hit with.

use super::*;

#[test]
fn whoever_is_killed_or_stopped_is_told_of_and_nobody_else() {
    let mut innocents = Innocents::default();
    for what in ["lives", "killed", "stopped"] {
        innocents.keep(innocent().expect("a process"), what.to_owned());
    }
    assert_eq!(innocents.living.len(), 3);
    procs::signal(innocents.living[1].0.id(), Signal::KILL);
    procs::signal(innocents.living[2].0.id(), Signal::STOP);
    let until = Instant::now() + Duration::from_secs(60);
    while innocents.living[1].0.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
        thread::yield_now();
    }
    let stat = format!("/proc/{}/stat", innocents.living[2].0.id());
    while !fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")) && Instant::now() < until {
        thread::yield_now();
    }
    let hit = innocents.hit().join("\n");
    assert!(hit.contains("killed: signal: 9") && hit.contains("stopped: stopped"), "{hit}");
    assert!(!hit.contains("lives"), "{hit}");
}
