//! Starting the agent: found, told apart from what cannot be started, and bound to
//! the shim's life.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use super::order::{Order, StartFailure};
use crate::os::cgroup;
use crate::process::PidRef;

/// A started agent and our ends of its pipes, which do not block.
pub(crate) struct Agent {
    pub(crate) process: PidRef,
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    /// The cgroup that it was really put in.
    pub(crate) cgroup: Option<PathBuf>,
}

/// A started process whose pipes are elsewhere.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) process: PidRef,
    /// The cgroup that it was really put in.
    pub(crate) cgroup: Option<PathBuf>,
}

/// Standard input, output and error of a process that is about to start.
pub(crate) type Streams = [Stdio; 3];

/// Starts the agent from this thread, which must be the main one: the agent dies
/// with the thread that started it.
pub(crate) fn start(order: &Order) -> Result<Agent, StartFailure> {
    let Started { child, process, cgroup } =
        start_with(order, || Ok([Stdio::piped(), Stdio::piped(), Stdio::piped()]))?;
    let missing = || StartFailure::system("open the agent's pipes", rustix::io::Errno::BADF);
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin, child.stdout, child.stderr) else {
        return Err(missing());
    };
    let agent = Agent { process, stdin: stdin.into(), stdout: stdout.into(), stderr: stderr.into(), cgroup };
    for pipe in [&agent.stdin, &agent.stdout, &agent.stderr] {
        rustix::io::ioctl_fionbio(pipe, true).map_err(|e| StartFailure::system("set up a pipe", e))?;
    }
    Ok(agent)
}

/// The same with streams of the caller's choice, asked for once per attempt. From
/// the main thread, too.
pub(crate) fn start_with(
    order: &Order,
    streams: impl Fn() -> std::io::Result<Streams>,
) -> Result<Started, StartFailure> {
    check_cwd(&order.cwd)?;
    let program = find(order)?;
    let group = order.cgroup.as_ref().and_then(|path| Some((path, cgroup::open_procs(path).ok()?)));
    let first = spawn(order, &program, group.as_ref().map(|(_, fd)| fd), &streams);
    // A cgroup that does not take it is no reason not to start: the tree is walked then.
    let (child, cgroup) = match (first, &group) {
        (Ok(child), _) => (child, group.as_ref().map(|(path, _)| path.to_path_buf())),
        (Err(_), Some(_)) => {
            (spawn(order, &program, None, &streams).map_err(|e| refused(&program, e))?, None)
        }
        (Err(error), None) => return Err(refused(&program, error)),
    };
    let gone = || StartFailure::system("read /proc", rustix::io::Errno::SRCH);
    let pid = i32::try_from(child.id()).map_err(|_| gone())?;
    let process = PidRef::of(pid).ok_or_else(gone)?;
    Ok(Started { child, process, cgroup })
}

fn check_cwd(cwd: &Path) -> Result<(), StartFailure> {
    let missing = |errno| StartFailure::CwdMissing { cwd: cwd.to_path_buf(), errno };
    match std::fs::metadata(cwd) {
        Ok(meta) if meta.is_dir() => rustix::fs::access(cwd, rustix::fs::Access::EXEC_OK)
            .map_err(|errno| missing(errno.raw_os_error())),
        Ok(_) => Err(missing(libc::ENOTDIR)),
        Err(error) => Err(missing(error.raw_os_error().unwrap_or(libc::ENOENT))),
    }
}

/// Finds the program as the agent's own environment says, like a shell would.
fn find(order: &Order) -> Result<PathBuf, StartFailure> {
    let name = &order.argv[0];
    let candidates: Vec<PathBuf> = if name.contains('/') {
        vec![order.cwd.join(name)]
    } else {
        let path = order.env.iter().rev().find(|(key, _)| key == "PATH").map_or("", |(_, value)| value);
        path.split(':').filter(|dir| !dir.is_empty()).map(|dir| order.cwd.join(dir).join(name)).collect()
    };
    let mut barred = None;
    for candidate in &candidates {
        match std::fs::metadata(candidate) {
            Ok(meta) if meta.is_file() && meta.permissions().mode() & 0o111 != 0 => {
                return Ok(candidate.clone());
            }
            Ok(_) => barred = barred.or_else(|| Some((candidate.clone(), libc::EACCES))),
            Err(error) if error.raw_os_error() == Some(libc::EACCES) => {
                barred = barred.or_else(|| Some((candidate.clone(), libc::EACCES)));
            }
            Err(_) => {}
        }
    }
    Err(match barred {
        Some((path, errno)) => StartFailure::NotExecutable { path, errno },
        None => StartFailure::NotFound { program: name.clone(), tried: candidates },
    })
}

/// Reads the kernel's answer for a program that was there.
fn refused(program: &Path, error: std::io::Error) -> StartFailure {
    let path = program.to_path_buf();
    match error.raw_os_error() {
        Some(libc::ENOENT) => StartFailure::InterpreterMissing { path },
        Some(errno @ (libc::EACCES | libc::EPERM | libc::ENOEXEC)) => {
            StartFailure::NotExecutable { path, errno }
        }
        _ => StartFailure::system("start the agent", error),
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where agents are started")]
#[expect(unsafe_code, reason = "pre_exec: the agent sets itself up between fork and exec")]
fn spawn(
    order: &Order,
    program: &Path,
    group: Option<&OwnedFd>,
    streams: &impl Fn() -> std::io::Result<Streams>,
) -> std::io::Result<Child> {
    let mut command = Command::new(program);
    command.arg0(&order.argv[0]).args(&order.argv[1..]).current_dir(&order.cwd);
    command.env_clear().envs(order.env.iter().map(|(key, value)| (key, value)));
    let [stdin, stdout, stderr] = streams()?;
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    let shim = rustix::process::getpid();
    let group = group.map(|fd| fd.as_fd().try_clone_to_owned()).transpose()?;
    let set_up = move || {
        rustix::process::setsid()?;
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        if rustix::process::getppid() != Some(shim) {
            // The shim died before the line above: nothing would ever end this process.
            return Err(rustix::io::Errno::SRCH.into());
        }
        if let Some(procs) = &group {
            rustix::io::write(procs, b"0")?;
        }
        unblock_signals()
    };
    // SAFETY: the closure only makes system calls, on values made before the fork;
    // it allocates nothing and takes no lock.
    unsafe { command.pre_exec(set_up) };
    command.spawn()
}

/// The shim blocks signals to read them from a descriptor; an agent must not
/// inherit that.
#[expect(unsafe_code, reason = "the signal mask is not in rustix's interface")]
fn unblock_signals() -> std::io::Result<()> {
    // SAFETY: an all-zero signal set is a valid, empty one; the calls read and write
    // only it and this thread's mask.
    let failed = unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) != 0
    };
    if failed { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}
