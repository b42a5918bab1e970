//! What we depend on: licences, sources and banned crates by `deny.toml`, and known faults where their list
//! can be had. The list is on the network and changes by itself, so not having it is said and is no failure.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{program, run, say};

/// How long the list of faults may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Checks all that can be checked; with `fast`, nothing that needs the network.
pub(crate) fn check(deny: &Path, fast: bool) -> anyhow::Result<()> {
    let check = |what: &[&str]| {
        let mut command = command(deny);
        if fast {
            command.arg("--offline");
        }
        run(command.args(["check", "--hide-inclusion-graph"]).args(what))
    };
    check(&["bans", "licenses", "sources"])?;
    if fast {
        return Ok(());
    }
    if fetched(command(deny).args(["fetch", "db"]))? {
        check(&["--disable-fetch", "advisories"])
    } else {
        say("known faults were NOT checked: the RustSec advisory database cannot be had from here")
    }
}

fn command(deny: &Path) -> Command {
    let mut command = program(deny);
    command.args(["--locked", "--color", "never", "--log-level", "error"]);
    // The list is fetched with git, which by itself would wait for ever.
    command.env("GIT_HTTP_LOW_SPEED_LIMIT", "1000").env("GIT_HTTP_LOW_SPEED_TIME", "30");
    command
}

/// Whether the command ended well in time.
fn fetched(command: &mut Command) -> anyhow::Result<bool> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}
