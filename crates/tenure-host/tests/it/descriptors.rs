//! The limit of descriptors: raised for the daemon, given back to everything that it starts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tenure_host::{Capture, launch, raise_descriptor_limit, run_capture};

use crate::fixture::Fixture;

/// Lower than any usual one, so that there is something to raise.
const SOFT: u64 = 200;

#[tokio::test]
async fn what_is_started_has_the_limit_that_was_found() {
    let found = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(SOFT), maximum: found.maximum }).expect("lowered");
    let raised = raise_descriptor_limit();
    assert!(raised > SOFT);
    assert_eq!(getrlimit(Resource::Nofile).current, Some(raised));
    assert_eq!(raise_descriptor_limit(), raised, "asked for again, it stays");

    let tell = "ulimit -Sn; ulimit -Hn";
    let hard = found.maximum.map_or_else(|| "unlimited".to_owned(), |hard| hard.to_string());
    let fixture = Fixture::new();
    let mut spec = fixture.spec("");
    spec.argv = ["/bin/sh", "-c", tell].map(str::to_owned).to_vec();
    let shim = launch(spec).await.expect("an agent");
    let of_shim = std::fs::read_to_string(format!("/proc/{}/limits", shim.identity().shim.pid));
    assert_eq!(fixture.all_lines(&shim).await, [SOFT.to_string(), hard.clone()]);
    if let Ok(limits) = of_shim {
        let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("its line");
        assert_eq!(line.split_whitespace().nth(3), Some(SOFT.to_string().as_str()), "of the shim");
    }

    let captured = run_capture(Capture::new(["/bin/sh", "-c", tell])).await.expect("run");
    assert_eq!(String::from_utf8_lossy(&captured.stdout), format!("{SOFT}\n{hard}\n"));
}
