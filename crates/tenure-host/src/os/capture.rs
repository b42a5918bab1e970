//! Running a short command for its output: bounded in time and bytes, and nothing
//! of it is left afterwards. For probing versions and for tools such as git; not
//! for agents, which get a shim.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::descriptors::{limit_for_children, set_soft_limit};
use super::off_thread;
use crate::process::{PidRef, sweep};

/// A grandchild may hold the output open; it is awaited no longer than this.
const DRAIN: Duration = Duration::from_millis(200);
const BLOCK: usize = 16 * 1024;

/// A command to run.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The program (looked up in the PATH of `env`) and its arguments.
    pub argv: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Where it runs; `/` if none.
    pub cwd: Option<PathBuf>,
    /// What it reads on its standard input.
    pub stdin: Bytes,
    /// How long it may take.
    pub timeout: Duration,
    /// How many bytes of each output are kept; the rest is read and dropped.
    pub max_bytes: usize,
}

impl Capture {
    /// A command with an empty environment, ten seconds and 1 MB.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Capture {
        Capture {
            argv: argv.into_iter().map(Into::into).collect(),
            env: Vec::new(),
            cwd: None,
            stdin: Bytes::new(),
            timeout: Duration::from_secs(10),
            max_bytes: 1 << 20,
        }
    }
}

/// What a command gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The time was over and it was killed.
    pub timed_out: bool,
    /// More was written than is kept.
    pub truncated: bool,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Why a command gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It could not be started.
    #[error("cannot run {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
    /// It was started, but could not be followed.
    #[error("lost {program} while it ran: {source}")]
    Follow {
        /// The program.
        program: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Runs a command to its end or its timeout; then everything that it started and
/// that is still there is killed.
///
/// # Errors
/// See [`CaptureError`]. A command that fails is no error but a code.
pub async fn run_capture(capture: Capture) -> Result<Captured, CaptureError> {
    let program = capture.argv.first().cloned().unwrap_or_default();
    let lost = |source| CaptureError::Follow { program, source };
    off_thread("capture", move || run(&capture)).await.map_err(lost)?
}

fn run(capture: &Capture) -> Result<Captured, CaptureError> {
    let program = capture.argv.first().cloned().unwrap_or_default();
    let mut child =
        spawn(capture).map_err(|source| CaptureError::Start { program: program.clone(), source })?;
    let root = i32::try_from(child.id()).ok().and_then(PidRef::of);
    let mut captured = Captured::default();
    let followed = follow(&mut child, capture, &mut captured);
    // Counted while the root is still there to descend from.
    let left = root.as_ref().map(|root| crate::process::tree(root.pid)).unwrap_or_default();
    sweep(&left);
    // Those that were orphaned before still share the group, whose id cannot have
    // changed hands: its leader is not waited for yet.
    if let Some(group) = root.and_then(|root| Pid::from_raw(root.pid)) {
        let _ = rustix::process::kill_process_group(group, Signal::KILL);
    }
    let status = child.wait();
    finish(followed, status, &mut captured).map_err(|source| CaptureError::Follow { program, source })?;
    Ok(captured)
}

fn finish(
    followed: io::Result<()>,
    status: io::Result<ExitStatus>,
    captured: &mut Captured,
) -> io::Result<()> {
    use std::os::unix::process::ExitStatusExt;
    followed?;
    let status = status?;
    captured.code = status.code();
    captured.signal = status.signal();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "processes are started in this crate")]
#[expect(unsafe_code, reason = "pre_exec: the limit of descriptors is given back")]
fn spawn(capture: &Capture) -> io::Result<Child> {
    let Some((program, args)) = capture.argv.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
    };
    let cwd = capture.cwd.clone().unwrap_or_else(|| PathBuf::from("/"));
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(capture.env.iter().map(|(key, value)| (key, value))).current_dir(cwd);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    if let Some(soft) = limit_for_children() {
        // SAFETY: the closure makes two system calls, allocates nothing and takes no lock.
        unsafe { command.pre_exec(move || set_soft_limit(soft)) };
    }
    let child = command.spawn()?;
    let pipes = [
        child.stdin.as_ref().map(AsFd::as_fd),
        child.stdout.as_ref().map(AsFd::as_fd),
        child.stderr.as_ref().map(AsFd::as_fd),
    ];
    for pipe in pipes.into_iter().flatten() {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    Ok(child)
}

/// Feeds and reads until the process has ended and its output too, or the time is
/// over. The process is not waited for here: it stays there to be counted from.
fn follow(child: &mut Child, capture: &Capture, captured: &mut Captured) -> io::Result<()> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
    let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let mut unwritten = capture.stdin.as_ref();
    let mut until = Instant::now() + capture.timeout;
    let mut ended = false;
    let mut scratch = [0; BLOCK];
    while !(ended && stdout.is_none() && stderr.is_none()) {
        if unwritten.is_empty() {
            stdin = None;
        }
        let mut fds = Vec::with_capacity(4);
        if !ended {
            fds.push(PollFd::new(&pidfd, PollFlags::IN));
        }
        fds.extend(stdin.as_ref().map(|fd| PollFd::new(fd, PollFlags::OUT)));
        fds.extend(stdout.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        fds.extend(stderr.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            captured.timed_out = !ended;
            break;
        }
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if !ended && !fds[0].revents().is_empty() {
            ended = true;
            until = until.min(Instant::now() + DRAIN);
        }
        if let Some(pipe) = &stdin {
            match rustix::io::write(pipe, unwritten) {
                Ok(written) => unwritten = &unwritten[written..],
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => unwritten = &[],
            }
        }
        let max = capture.max_bytes;
        captured.truncated |= take(&mut stdout, &mut captured.stdout, max, &mut scratch);
        captured.truncated |= take(&mut stderr, &mut captured.stderr, max, &mut scratch);
    }
    Ok(())
}

/// Reads once. Returns whether something had to be dropped.
fn take<T: AsFd>(pipe: &mut Option<T>, kept: &mut Vec<u8>, max: usize, scratch: &mut [u8]) -> bool {
    let Some(fd) = pipe else { return false };
    match rustix::io::read(fd, &mut *scratch) {
        Ok(0) => *pipe = None,
        Ok(got) => {
            let room = max.saturating_sub(kept.len()).min(got);
            kept.extend_from_slice(&scratch[..room]);
            return room < got;
        }
        Err(Errno::AGAIN | Errno::INTR) => {}
        Err(_) => *pipe = None,
    }
    false
}
