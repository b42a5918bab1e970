//! Starting a shim and, through it, an agent.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags};
use tenure_crash_point::crash_point;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::Shim;
use super::attach::{AttachError, connect};
use crate::os::{cgroup, descriptors, off_thread};
use crate::record::{EXIT_FILE, IDENTITY_FILE, LOST_FILE, SHIM_LOG, ShimIdentity, SpoolLimits};
use crate::shim::{Order, Report, StartFailure};

/// How long a shim may take to start its agent.
const PATIENCE: Duration = Duration::from_secs(20);
const MAX_REPORT: u64 = 1 << 20;

/// What to start, and where to keep it.
#[derive(Clone)]
pub struct LaunchSpec {
    /// The shim's directory: one per agent process, made if missing (0700).
    pub dir: PathBuf,
    /// The agent's program and arguments. A name without a slash is looked up in the
    /// PATH of `env`.
    pub argv: Vec<String>,
    /// Where the agent runs.
    pub cwd: PathBuf,
    /// The agent's whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Bounds of the spool.
    pub limits: SpoolLimits,
    /// Put the agent in a cgroup of its own, where the system gives one.
    pub cgroup: bool,
    /// Leave alone what the agent leaves behind when it ends.
    pub keep_children: bool,
    /// The program that becomes the shim when run as `PROGRAM shim DIR`; this very
    /// program if none.
    pub program: Option<PathBuf>,
}

impl LaunchSpec {
    /// A command in a directory, with an empty environment and the usual bounds.
    pub fn new(dir: impl Into<PathBuf>, argv: Vec<String>, cwd: impl Into<PathBuf>) -> LaunchSpec {
        LaunchSpec {
            dir: dir.into(),
            argv,
            cwd: cwd.into(),
            env: Vec::new(),
            limits: SpoolLimits::default(),
            cgroup: true,
            keep_children: false,
            program: None,
        }
    }
}

/// Values of the environment are never shown.
impl std::fmt::Debug for LaunchSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("LaunchSpec")
            .field("dir", &self.dir)
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &names)
            .finish_non_exhaustive()
    }
}

/// Why no agent was started. Nothing is left running in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No such program.
    #[error("there is no program {program}; looked for {}", list(.tried))]
    NotFound {
        /// The name that was given.
        program: String,
        /// Every path that was tried.
        tried: Vec<PathBuf>,
    },
    /// There is such a file, but it cannot be run.
    #[error("{path} cannot be run ({}); check its permissions and its kind", io::Error::from_raw_os_error(*.errno))]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// The system's error number.
        errno: i32,
    },
    /// The script's interpreter, or the program's loader, is missing.
    #[error("{path} needs an interpreter or loader that is not installed")]
    InterpreterMissing {
        /// The file.
        path: PathBuf,
    },
    /// The working directory is missing, is none, or may not be entered.
    #[error("{cwd} is no directory to work in ({})", io::Error::from_raw_os_error(*.errno))]
    CwdMissing {
        /// The directory.
        cwd: PathBuf,
        /// The system's error number.
        errno: i32,
    },
    /// The directory belongs to a shim already, running or ended.
    #[error("{dir} belongs to another agent process; each needs a directory of its own")]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// What was to be started cannot be said (an empty command, a zero byte).
    #[error("the launch order is not understood: {message}")]
    Order {
        /// Why.
        message: String,
    },
    /// The shim ended, or took too long, before it said anything.
    #[error("the shim did not start its agent: {message}; see {log}")]
    Silent {
        /// What was seen.
        message: String,
        /// Where the shim may have written why.
        log: PathBuf,
    },
    /// The system refused something.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The agent was started and runs, but its shim cannot be reached.
    #[error("the agent was started but its shim cannot be reached: {0}")]
    Connect(#[from] AttachError),
}

fn list(paths: &[PathBuf]) -> String {
    match paths {
        [] => "it nowhere, because the agent's PATH is empty".to_owned(),
        paths => paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

impl LaunchError {
    pub(crate) fn system(doing: &str) -> impl FnOnce(io::Error) -> LaunchError {
        let doing = doing.to_owned();
        move |source| LaunchError::System { doing, source }
    }

    pub(crate) fn of(failure: StartFailure, dir: &Path) -> LaunchError {
        match failure {
            StartFailure::NotFound { program, tried } => LaunchError::NotFound { program, tried },
            StartFailure::NotExecutable { path, errno } => LaunchError::NotExecutable { path, errno },
            StartFailure::InterpreterMissing { path } => LaunchError::InterpreterMissing { path },
            StartFailure::CwdMissing { cwd, errno } => LaunchError::CwdMissing { cwd, errno },
            StartFailure::Held => LaunchError::InUse { dir: dir.to_path_buf() },
            StartFailure::Order { message } => LaunchError::Order { message },
            StartFailure::System { doing, errno, message } => {
                let source = errno.map_or_else(|| io::Error::other(message), io::Error::from_raw_os_error);
                LaunchError::System { doing, source }
            }
        }
    }
}

/// Starts a shim and its agent and connects to it. An agent that ended at once is
/// no error here: its exit is in the status. While this process lives it
/// also waits for the shim, so that no zombie is left.
///
/// # Errors
/// See [`LaunchError`]; no process is left in any case but
/// [`LaunchError::Connect`], where [`super::attach`] may find it later.
pub async fn launch(spec: LaunchSpec) -> Result<Shim, LaunchError> {
    let dir = spec.dir.clone();
    let started = off_thread("launch", move || start(&spec)).await;
    let (identity, child) = started.map_err(LaunchError::system("start a thread"))??;
    reap(child);
    Ok(connect(&dir, identity).await?)
}

/// Everything that blocks: directory, cgroup, process, order, report.
fn start(spec: &LaunchSpec) -> Result<(ShimIdentity, Child), LaunchError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&spec.dir)
        .map_err(LaunchError::system("make the shim's directory"))?;
    if [IDENTITY_FILE, EXIT_FILE, LOST_FILE].iter().any(|name| spec.dir.join(name).exists()) {
        return Err(LaunchError::InUse { dir: spec.dir.clone() });
    }
    // Without a cgroup the tree is walked; a doctor tells why there is none.
    let group = spec.cgroup.then(|| cgroup::create().ok()).flatten();
    let order = Order {
        argv: spec.argv.clone(),
        cwd: spec.cwd.clone(),
        env: spec.env.clone(),
        limits: spec.limits,
        cgroup: group.clone(),
        keep_children: spec.keep_children,
        descriptors: descriptors::limit_for_children(),
    };
    let result = start_shim(spec, &order);
    // A failed launch, or an agent that the cgroup did not take, leaves it empty.
    if let Some(group) = group
        && !matches!(&result, Ok((identity, _)) if identity.cgroup.is_some())
    {
        cgroup::remove(&group);
    }
    result
}

#[expect(clippy::disallowed_methods, reason = "the one place where shims are started")]
fn start_shim(spec: &LaunchSpec, order: &Order) -> Result<(ShimIdentity, Child), LaunchError> {
    let text = serde_json::to_vec(order).map_err(|e| LaunchError::Order { message: e.to_string() })?;
    let log = spec.dir.join(SHIM_LOG);
    let log_file = File::options().append(true).create(true).mode(0o600).open(&log);
    let log_file = log_file.map_err(LaunchError::system("open the shim's log"))?;
    let program = spec.program.as_deref().unwrap_or(Path::new("/proc/self/exe"));
    let mut command = Command::new(program);
    command.arg0("tenure").arg("shim").arg(&spec.dir).env_clear();
    tenure_crash_point::inherit(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log_file);
    let mut child = command.spawn().map_err(LaunchError::system("start a shim"))?;
    let end = Instant::now() + PATIENCE;
    crash_point!("start.spawned");
    let told = tell(&mut child, &text, end).and_then(|()| {
        crash_point!("start.told");
        listen(&mut child, end)
    });
    crash_point!("start.heard");
    let failed = match told {
        Ok(report) => match serde_json::from_slice(&report) {
            Ok(Report::Started(identity)) => return Ok((identity, child)),
            Ok(Report::Failed(failure)) => LaunchError::of(failure, &spec.dir),
            Err(_) => LaunchError::Silent { message: "it ended without a word".to_owned(), log },
        },
        Err(error) => LaunchError::Silent { message: error.to_string(), log },
    };
    // Not started is a promise: a shim that only was slow must not start it later.
    let _ = child.kill();
    let _ = child.wait();
    Err(failed)
}

fn tell(child: &mut Child, text: &[u8], end: Instant) -> io::Result<()> {
    let Some(mut pipe) = child.stdin.take() else { return Ok(()) };
    rustix::io::ioctl_fionbio(&pipe, true)?;
    let mut rest = text;
    while !rest.is_empty() {
        match pipe.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                until_ready(&pipe, PollFlags::OUT, end)?;
            }
            // It refused before it read all; why is in its report.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn listen(child: &mut Child, end: Instant) -> io::Result<Vec<u8>> {
    let Some(mut pipe) = child.stdout.take() else { return Ok(Vec::new()) };
    rustix::io::ioctl_fionbio(&pipe, true)?;
    let mut report = Vec::new();
    let mut block = [0; 4096];
    while (report.len() as u64) < MAX_REPORT {
        match pipe.read(&mut block) {
            Ok(0) => break,
            Ok(got) => report.extend_from_slice(&block[..got]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                until_ready(&pipe, PollFlags::IN, end)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(report)
}

fn until_ready(fd: impl AsFd, flags: PollFlags, end: Instant) -> io::Result<()> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long"));
    }
    let seconds = i64::try_from(left.as_secs()).unwrap_or(i64::MAX);
    let timeout = Timespec { tv_sec: seconds, tv_nsec: i64::from(left.subsec_nanos()) };
    match poll(&mut [PollFd::new(&fd, flags)], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Waits for a shim of this process in the background.
pub(crate) fn reap(mut child: Child) {
    let Some(ended) = watch_end(&child) else {
        tracing::warn!(pid = child.id(), "a shim cannot be waited for and will stay as a zombie");
        return;
    };
    tokio::spawn(async move {
        if ended.readable().await.is_ok() {
            let _ = child.wait();
        }
    });
}

#[expect(unsafe_code, reason = "AsyncFd asks for a promise about its descriptor")]
fn watch_end(child: &Child) -> Option<AsyncFd<OwnedFd>> {
    let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
    let fd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok()?;
    // SAFETY: an owned descriptor is open, and the same one, for as long as it is
    // owned; here by the AsyncFd itself.
    unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE).ok() }
}
