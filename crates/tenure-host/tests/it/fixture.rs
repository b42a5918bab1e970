//! A scratch directory, shims in it, and waiting for what must come.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tenure_host::process::sweep;
use tenure_host::spool::{LineKind, SpoolReader};
use tenure_host::{Attached, ExitRecord, Ladder, LaunchSpec, Shim, ShimStatus, SpoolLimits, attach, launch};

/// The program that becomes a shim.
pub(crate) const PROBE: &str = env!("CARGO_BIN_EXE_shim-probe");
/// The agent that does what its arguments say.
pub(crate) const AGENT: &str = env!("CARGO_BIN_EXE_rude-agent");

/// No wait in these tests is longer; it is for a broken program, not a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Fixture {
    scratch: tempfile::TempDir,
}

/// Nothing stays behind, also of a test that failed: the shim and all below it.
impl Drop for Fixture {
    fn drop(&mut self) {
        if let Ok(Some(identity)) = tenure_host::read_identity(&self.dir()) {
            sweep(&[identity.shim, identity.agent]);
        }
    }
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture { scratch: tempfile::tempdir().expect("a scratch directory") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.scratch.path()
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.path().join("shim")
    }

    /// An order for the rude agent with these steps.
    pub(crate) fn spec(&self, steps: &str) -> LaunchSpec {
        let argv = std::iter::once(AGENT).chain(steps.split_whitespace()).map(str::to_owned).collect();
        let mut spec = LaunchSpec::new(self.dir(), argv, self.path());
        spec.program = Some(PROBE.into());
        spec.cgroup = false;
        spec
    }

    pub(crate) async fn launch(&self, steps: &str) -> Shim {
        launch(self.spec(steps)).await.expect("an agent")
    }

    pub(crate) async fn attach(&self) -> Attached {
        attach(&self.dir()).await.expect("an answer")
    }

    pub(crate) async fn attach_live(&self) -> Shim {
        match self.attach().await {
            Attached::Live(shim) => shim,
            other => panic!("expected a living shim, found {other:?}"),
        }
    }

    /// All lines of the spool up to an end.
    pub(crate) fn lines(&self, upto: u64) -> Vec<String> {
        let mut reader = SpoolReader::open(&self.dir(), 0).expect("a spool");
        let mut all = Vec::new();
        loop {
            let page = reader.read(upto, 1 << 20).expect("lines");
            if page.is_empty() {
                return all;
            }
            all.extend(page.into_iter().map(|line| match line.kind {
                LineKind::Line(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                LineKind::Oversized { len } => format!("oversized {len}"),
            }));
        }
    }

    /// The lines of an agent that has ended.
    pub(crate) async fn all_lines(&self, shim: &Shim) -> Vec<String> {
        let exit = exited(shim).await;
        self.lines(exit.spool_end)
    }

    /// Waits until a line of the spool holds a text, and returns it.
    pub(crate) async fn line_with(&self, shim: &Shim, text: &str) -> String {
        let mut status = shim.status();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let (upto, over) = {
                    let status = status.borrow_and_update();
                    (status.spool_end, status.is_over())
                };
                if let Some(line) = self.lines(upto).into_iter().find(|line| line.contains(text)) {
                    return line;
                }
                assert!(!over, "the agent ended without saying {text:?}");
                let _ = status.changed().await;
            }
        });
        found.await.expect("the line in time")
    }

    /// The pid that the agent's `fork` step told.
    pub(crate) async fn forked(&self, shim: &Shim) -> i32 {
        let line = self.line_with(shim, "forked ").await;
        line.trim_start_matches("forked ").parse().expect("a pid")
    }
}

/// Waits for a state of the shim.
pub(crate) async fn until(shim: &Shim, what: &str, wanted: impl FnMut(&ShimStatus) -> bool) -> ShimStatus {
    let mut status = shim.status();
    let found = tokio::time::timeout(PATIENCE, status.wait_for(wanted)).await;
    match found {
        Ok(Ok(status)) => status.clone(),
        Ok(Err(_)) => panic!("the link ended before {what}: {:?}", shim.status().borrow()),
        Err(_) => panic!("{what} did not come: {:?}", shim.status().borrow()),
    }
}

pub(crate) async fn exited(shim: &Shim) -> ExitRecord {
    let status = until(shim, "the exit", |status| status.exit.is_some()).await;
    (*status.exit.expect("an exit")).clone()
}

/// Hands over a command, waiting for room.
pub(crate) async fn send(shim: &Shim, n: u64, text: impl Into<Bytes>) {
    let bytes = text.into();
    loop {
        match shim.try_send(n, bytes.clone()) {
            Ok(()) => return,
            Err(tenure_host::SendError::Full { .. }) => {
                let acked = shim.status().borrow().acked;
                until(shim, "room", |status| status.acked > acked).await;
            }
            Err(error) => panic!("command {n}: {error}"),
        }
    }
}

/// Waits for the end of a process that may be no child of this one. One that is gone has ended.
pub(crate) async fn ended(what: &str, pid: i32) {
    let pid = Pid::from_raw(pid).expect("a pid");
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    assert!(readable(process).await.is_some(), "{what} did not come");
}

/// Waits until something in a directory is as it should be; looks again whenever that directory changes.
pub(crate) async fn appears(what: &str, dir: &Path, mut look: impl FnMut() -> bool) {
    let news = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE;
    let mut watch = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).expect("a watch");
    inotify::add_watch(&watch, dir, news).expect("a watched directory");
    // What came before the watch was set is seen at the first look.
    while !look() {
        watch = readable(watch).await.unwrap_or_else(|| panic!("{what} did not come"));
        let mut events = [0; 4096];
        let _ = rustix::io::read(&watch, &mut events);
    }
}

/// The descriptor again, once it can be read.
async fn readable(fd: OwnedFd) -> Option<OwnedFd> {
    let wait = tokio::task::spawn_blocking(move || {
        let patience = rustix::time::Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&patience));
        ready.is_ok_and(|n| n > 0).then_some(fd)
    });
    wait.await.expect("a wait")
}

/// Waits for what the system announces to nobody, such as the state of a process: looks again as soon as everybody
/// else has had a turn.
pub(crate) async fn eventually(what: &str, mut look: impl FnMut() -> bool) {
    let seen = tokio::time::timeout(PATIENCE, async {
        while !look() {
            std::thread::yield_now();
            tokio::task::yield_now().await;
        }
    });
    assert!(seen.await.is_ok(), "{what} did not happen");
}

/// Closing the input, and nothing else for a long time.
pub(crate) const CLOSE: Ladder = Ladder::CLOSE_INPUT;

pub(crate) const SMALL: SpoolLimits =
    SpoolLimits { segment_bytes: 1000, quota_bytes: 20_000, max_line_bytes: 5_000 };

/// Says why a test is skipped, or what it measured.
pub(crate) fn note(text: &str) {
    let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("{text}\n").as_bytes());
}
