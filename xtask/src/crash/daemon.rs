//! The daemon under test as a process: started, known to be ready, killed. And where the others find it at a moment.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::Signal;
use serde_json::Value;

use super::http::{self, Endpoint};
use super::procs;
use crate::process::program;

/// A daemon that is not ready by then never will be.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Where the daemon finds programs, git among them.
pub(super) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where everything of a run lies.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) scratch: PathBuf,
    pub(super) binary: PathBuf,
}

impl Place {
    /// The daemon's home.
    pub(super) fn home(&self) -> PathBuf {
        self.scratch.join("home")
    }

    /// What a session's agents say that they did.
    pub(super) fn record(&self, session: &str) -> PathBuf {
        self.scratch.join(format!("{session}.record"))
    }

    /// Where a session works.
    pub(super) fn workspace(&self, session: &str) -> PathBuf {
        self.scratch.join(format!("{session}.work"))
    }

    /// What the daemons said.
    pub(super) fn daemon_log(&self) -> PathBuf {
        self.scratch.join("daemon.log")
    }

    /// The place of one round of many.
    pub(super) fn of_round(&self, n: u64) -> Self {
        Self { scratch: self.scratch.join(format!("round-{n}")), binary: self.binary.clone() }
    }

    /// Where processes look for an order to die.
    pub(super) fn order(&self) -> PathBuf {
        self.scratch.join("crash.order")
    }

    /// What only this run's processes carry.
    pub(super) fn mark(&self) -> String {
        self.scratch.to_string_lossy().into_owned()
    }
}

/// A running daemon. Dropped, it is killed.
pub(super) struct Daemon {
    child: Child,
    started: Instant,
}

impl Daemon {
    pub(super) fn start(place: &Place) -> anyhow::Result<Self> {
        Self::start_by(place, program(&place.binary))
    }

    /// Starts it by a command that becomes the daemon once its arguments are added.
    pub(super) fn start_by(place: &Place, mut command: Command) -> anyhow::Result<Self> {
        let log: File = OpenOptions::new().create(true).append(true).open(place.daemon_log())?;
        command
            .env_clear()
            .env("PATH", PATH)
            .env("HOME", &place.scratch)
            .env("RUST_BACKTRACE", "1")
            .env("TENURE_CRASH_ORDER", place.order());
        command.arg("--home").arg(place.home()).args(["up", "--listen", "127.0.0.1:0"]);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let started = Instant::now();
        let child = command.spawn().with_context(|| format!("cannot start {}", place.binary.display()))?;
        Ok(Self { child, started })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has told where it listens.
    pub(super) fn is_up(&self, place: &Place) -> bool {
        told(&place.home(), self.pid()).is_some()
    }

    /// Waits until it has told where it listens and answers there; tells how long that took since its start.
    pub(super) fn ready(&mut self, place: &Place) -> anyhow::Result<(Endpoint, Duration)> {
        while self.started.elapsed() < READY_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                bail!("the daemon ended by itself ({status}); see {}", place.daemon_log().display());
            }
            if let Some(endpoint) = told(&place.home(), self.pid())
                && http::ask(&endpoint, "GET", "/healthz", None, Duration::from_secs(5))
                    .is_ok_and(|reply| reply.status == 200)
            {
                return Ok((endpoint, self.started.elapsed()));
            }
            thread::sleep(Duration::from_millis(1));
        }
        bail!("the daemon was not ready within {READY_WITHIN:?}; see {}", place.daemon_log().display())
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// SIGKILL. True if it was still there to be killed.
    pub(super) fn kill(mut self) -> anyhow::Result<bool> {
        let alive = self.child.try_wait()?.is_none();
        self.child.kill()?;
        self.child.wait()?;
        Ok(alive)
    }

    /// Stops it for a while, as a debugger or a busy machine would.
    pub(super) fn freeze(&self, for_how_long: Duration) {
        procs::signal(self.pid(), Signal::STOP);
        thread::sleep(for_how_long);
        procs::signal(self.pid(), Signal::CONT);
    }

    /// Whether a second daemon on the same home ends by itself, with an error.
    pub(super) fn is_refused(place: &Place) -> anyhow::Result<bool> {
        let mut second = Self::start(place)?;
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if let Some(status) = second.child.try_wait()? {
                return Ok(!status.success());
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(false)
    }

    /// SIGTERM, and waits for its end; false if it does not come.
    pub(super) fn stop(mut self) -> anyhow::Result<bool> {
        procs::signal(self.pid(), Signal::TERM);
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(false)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `daemon.json` says, if it is this process that wrote it.
fn told(home: &Path, pid: u32) -> Option<Endpoint> {
    let file: Value = serde_json::from_slice(&fs::read(home.join("daemon.json")).ok()?).ok()?;
    if file["pid"].as_u64() != Some(u64::from(pid)) {
        return None;
    }
    let address: SocketAddr =
        file["url"].as_str()?.strip_prefix("http://")?.trim_end_matches('/').parse().ok()?;
    let token = fs::read_to_string(home.join("token")).ok()?.trim().to_owned();
    Some(Endpoint { address, token })
}

/// Where the daemon is now, if it is; and whether somebody has waited so long that it is to be left alone.
#[derive(Default)]
pub(super) struct Link {
    now: Mutex<Option<Endpoint>>,
    changed: Condvar,
    pleas: AtomicUsize,
}

/// Somebody asks for a daemon that is left alone, as long as this is there.
pub(super) struct Plea<'a>(&'a Link);

impl Drop for Plea<'_> {
    fn drop(&mut self) {
        self.0.pleas.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Link {
    pub(super) fn set(&self, endpoint: Option<Endpoint>) {
        *self.hold() = endpoint;
        self.changed.notify_all();
    }

    /// The daemon, as soon as there is one within that time.
    pub(super) fn get(&self, within: Duration) -> Option<Endpoint> {
        let (now, _) = self
            .changed
            .wait_timeout_while(self.hold(), within, |now| now.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// A call was repeated for long: killed again before each answer, it may never have one, and that would say
    /// nothing of the daemon.
    pub(super) fn plead(&self) -> Plea<'_> {
        self.pleas.fetch_add(1, Ordering::Relaxed);
        Plea(self)
    }

    pub(super) fn is_pleaded_with(&self) -> bool {
        self.pleas.load(Ordering::Relaxed) > 0
    }

    fn hold(&self) -> MutexGuard<'_, Option<Endpoint>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
