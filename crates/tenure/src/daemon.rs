//! The daemon as a process of this same program: how it is started when a verb needs it, and how it is stopped.

use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tenure_client::{Client, Ended, Home, Launcher, Starting};
use tenure_host::{Detached, PidRef, detach_daemon};
use tokio::time::{Instant, sleep};

use crate::exit::{Exit, Failure};

/// A daemon belongs to no session, also when a session's agent calls `tenure`: it must not look like what that agent
/// has started, or it would be ended with it.
const NOT_INHERITED: &[&str] = &["TENURE_HOME_MARK", "TENURE_SESSION"];
/// How long a daemon may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

struct Child(Detached);

impl Starting for Child {
    fn ended(&mut self) -> Option<Ended> {
        let status = self.0.exited().ok()??;
        let home_is_held = status.code() == Some(i32::from(Exit::HomeHeld.code()));
        Some(Ended { how: status.to_string(), home_is_held })
    }
}

/// Starts `tenure up` with these arguments more, in the background, logging to the home's log.
pub(crate) fn launcher(more: Vec<OsString>) -> Launcher {
    Arc::new(move |home: &Home| -> io::Result<Box<dyn Starting>> {
        let mut args: Vec<OsString> =
            vec!["--home".into(), home.dir().into(), "up".into(), "--detached".into()];
        args.extend(more.iter().cloned());
        Ok(Box::new(Child(detach_daemon(&args, &home.log_path(), NOT_INHERITED)?)))
    })
}

/// The daemon's process: the one that answers, so that no other is ever meant.
pub(crate) async fn process(client: &Client) -> Result<PidRef, Failure> {
    let pid = client.info().await?.pid;
    let found = i32::try_from(pid).ok().and_then(PidRef::of);
    found.ok_or_else(|| {
        Failure::failed(format!("the daemon says that it is process {pid}, which is not here"))
    })
}

/// Asks the daemon to stop and waits until it has. Agents work on.
pub(crate) async fn stop(daemon: &PidRef) -> Result<(), Failure> {
    daemon.signal(Signal::TERM).map_err(Failure::failed)?;
    let deadline = Instant::now() + STOPS_WITHIN;
    while daemon.is_alive() {
        if Instant::now() > deadline {
            return Err(Failure::failed(format!(
                "process {} does not stop; its log may say why",
                daemon.pid
            )));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}
