//! The same ends, by cgroup. Skipped, with its reason, where there is none.

use tenure_host::{Attached, PidRef, Shim, facts, launch};

use crate::fixture::{Fixture, exited, until};

async fn in_cgroup(fixture: &Fixture, steps: &str) -> Option<Shim> {
    if let Some(trouble) = facts().cgroup_trouble {
        crate::fixture::note(&format!("skipped: no cgroup can be made here: {trouble}"));
        return None;
    }
    let mut spec = fixture.spec(steps);
    spec.cgroup = true;
    Some(launch(spec).await.expect("an agent"))
}

#[tokio::test]
async fn a_cgroup_is_killed_as_one_and_removed() {
    let fixture = Fixture::new();
    let Some(shim) = in_cgroup(&fixture, "fork setsid say up sleep -- sleep").await else { return };
    let child = PidRef::of(fixture.forked(&shim).await).expect("a child");
    fixture.line_with(&shim, "up").await;
    let group = shim.identity().cgroup.clone().expect("a cgroup");
    let members = std::fs::read_to_string(group.join("cgroup.procs")).expect("its members");
    let members: Vec<i32> = members.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(members.contains(&child.pid) && members.contains(&shim.identity().agent.pid), "{members:?}");
    assert!(!members.contains(&shim.identity().shim.pid));
    shim.kill();
    let exit = exited(&shim).await;
    assert_eq!(exit.signal, Some(9));
    assert!(exit.hit.contains(&child.pid) && exit.remained.is_empty(), "{exit:?}");
    assert!(!child.is_alive() && !group.exists());
}

#[tokio::test]
async fn an_agent_that_ends_takes_its_cgroup_along() {
    let fixture = Fixture::new();
    let Some(shim) = in_cgroup(&fixture, "fork setsid sleep -- exit 0").await else { return };
    let exit = exited(&shim).await;
    assert_eq!((exit.code, exit.hit.len()), (Some(0), 1));
    assert!(!shim.identity().cgroup.clone().expect("a cgroup").exists());
}

#[tokio::test]
async fn a_lost_shim_leaves_a_cgroup_that_is_cleared() {
    let fixture = Fixture::new();
    let Some(shim) = in_cgroup(&fixture, "fork setsid say up sleep -- sleep").await else { return };
    let child = PidRef::of(fixture.forked(&shim).await).expect("a child");
    fixture.line_with(&shim, "up").await;
    let group = shim.identity().cgroup.clone().expect("a cgroup");
    shim.identity().shim.signal(rustix::process::Signal::KILL).expect("a kill");
    let status = until(&shim, "the loss", |status| status.lost.is_some()).await;
    let lost = status.lost.expect("the loss");
    assert_eq!((lost.hit.contains(&child.pid), lost.remained.len()), (true, 0), "{lost:?}");
    assert!(!child.is_alive() && !group.exists());
    assert!(matches!(fixture.attach().await, Attached::Lost(_)));
}
