//! Starting a command under its shim.

use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::pipe::{PipeFlags, pipe_with};
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe;
use tokio::sync::{mpsc, watch};

use super::wire::{self, Report, Running};
use super::{Exec, ExecProcess, Lost, attend};
use crate::handle::{LaunchError, reap};
use crate::os::{cgroup, descriptors, off_thread};
use crate::record::SpoolLimits;
use crate::shim::{EXEC_FLAG, Order};

/// How long a shim may take to start its command.
const PATIENCE: Duration = Duration::from_secs(20);
/// Words for a shim that may wait; there are only two.
const WORDS: usize = 16;

/// A command to run.
#[derive(Clone)]
pub struct ExecSpec {
    /// The program and its arguments. A name without a slash is looked up in the PATH of `env`.
    pub argv: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// Its whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Both outputs as one, in the order in which they were written; standard error stays empty then.
    pub merged: bool,
    /// Put it in a cgroup of its own, where the system gives one.
    pub cgroup: bool,
    /// Let it go on for a moment where nobody waits for it any more; it is killed at once if none.
    pub gently: Option<Gently>,
    /// The program that becomes the shim; this very program if none.
    pub program: Option<PathBuf>,
}

/// How a command ends that is dropped, or whose daemon died: by itself, or else by a kill. For commands that are short
/// and leave something halfway if they are killed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gently {
    /// How long it may take.
    pub grace: Duration,
    /// A file that is locked while anything of the command lives, so that the next daemon can wait for that with
    /// [`wait_for_release`](super::wait_for_release).
    pub lock: PathBuf,
}

/// Values of the environment are never shown.
impl std::fmt::Debug for ExecSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        let mut f = f.debug_struct("ExecSpec");
        f.field("argv", &self.argv).field("cwd", &self.cwd).field("env", &names).finish_non_exhaustive()
    }
}

/// Starts a command.
///
/// # Errors
/// See [`LaunchError`]; no process is left in any case.
pub async fn exec(spec: ExecSpec) -> Result<Exec, LaunchError> {
    let runtime = tokio::runtime::Handle::current();
    let work = move || {
        // Also if nobody waits any more: whoever is started is attended, and waited for.
        let _within = runtime.enter();
        start(&spec).and_then(|begun| adopt(begun).map_err(LaunchError::system("follow the command")))
    };
    off_thread("exec", work).await.map_err(LaunchError::system("start a thread"))?
}

/// A command under its shim, seen from a thread that may block.
struct Begun {
    child: Child,
    control: UnixStream,
    running: Running,
    /// Our ends: input, output, error.
    streams: [OwnedFd; 3],
}

fn start(spec: &ExecSpec) -> Result<Begun, LaunchError> {
    let group = spec.cgroup.then(|| cgroup::create().ok()).flatten();
    let result = begin(spec, group.clone());
    if let (Some(group), Err(_)) = (group, &result) {
        cgroup::remove(&group);
    }
    result
}

fn begin(spec: &ExecSpec, group: Option<PathBuf>) -> Result<Begun, LaunchError> {
    let pipes = || pipe_with(PipeFlags::CLOEXEC).map_err(io::Error::from);
    let open = || Ok::<_, io::Error>((pipes()?, pipes()?, pipes()?, UnixStream::pair()?));
    let ((in_r, in_w), (out_r, out_w), (err_r, err_w), (ours, theirs)) =
        open().map_err(LaunchError::system("open pipes"))?;
    let mut child = start_shim(spec, theirs)?;
    let order = Order {
        argv: spec.argv.clone(),
        cwd: spec.cwd.clone(),
        env: spec.env.clone(),
        limits: SpoolLimits::default(),
        cgroup: group,
        keep_children: false,
        descriptors: descriptors::limit_for_children(),
    };
    let talk = || -> io::Result<Report> {
        ours.set_write_timeout(Some(PATIENCE))?;
        ours.set_read_timeout(Some(PATIENCE))?;
        let error = if spec.merged { out_w.as_fd() } else { err_w.as_fd() };
        wire::send(&mut &ours, &order, spec.gently.as_ref(), [in_r.as_fd(), out_w.as_fd(), error])?;
        let mut line = Vec::new();
        // One line and no more: what comes after it is not buffered away, for nothing comes before the end.
        BufReader::with_capacity(1, &ours).read_until(b'\n', &mut line)?;
        Ok(serde_json::from_slice(&line)?)
    };
    let failure = match talk() {
        Ok(Report::Started(running)) => {
            return Ok(Begun { child, control: ours, running, streams: [in_w, out_r, err_r] });
        }
        Ok(Report::Failed(failure)) => LaunchError::of(failure, Path::new("")),
        Ok(Report::Ended(_)) => silent("it told an end before a beginning"),
        Err(error) => silent(&error.to_string()),
    };
    // Not started is a promise: the command dies with a shim that only was slow.
    let _ = child.kill();
    let _ = child.wait();
    Err(failure)
}

fn silent(message: &str) -> LaunchError {
    LaunchError::System {
        doing: "start a command under its shim".to_owned(),
        source: io::Error::other(message.to_owned()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where commands of clients are started")]
fn start_shim(spec: &ExecSpec, control: UnixStream) -> Result<Child, LaunchError> {
    let program = spec.program.as_deref().unwrap_or(Path::new("/proc/self/exe"));
    let mut command = Command::new(program);
    command.arg0("tenure").arg("shim").arg(EXEC_FLAG).env_clear();
    command.stdin(Stdio::from(OwnedFd::from(control))).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map_err(LaunchError::system("start a shim"))
}

/// Back among the async: the streams, and a task that attends the shim.
fn adopt(begun: Begun) -> io::Result<Exec> {
    let Begun { child, control, running, streams: [stdin, stdout, stderr] } = begun;
    reap(child);
    control.set_read_timeout(None)?;
    control.set_nonblocking(true)?;
    let control = tokio::net::UnixStream::from_std(control)?;
    let (words, heard) = mpsc::channel(WORDS);
    let (told, ended) = watch::channel(None);
    let Running { shim, command } = running;
    tokio::spawn(attend(control, heard, told, Lost { command: command.clone() }));
    for stream in [&stdin, &stdout, &stderr] {
        rustix::io::ioctl_fionbio(stream, true)?;
    }
    Ok(Exec {
        process: ExecProcess { shim, command, words, ended },
        stdin: pipe::Sender::from_owned_fd(stdin)?,
        stdout: pipe::Receiver::from_owned_fd(stdout)?,
        stderr: pipe::Receiver::from_owned_fd(stderr)?,
    })
}
