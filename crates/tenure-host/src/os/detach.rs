//! Starting this same program in the background, as a daemon.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A program in the background. Dropping this leaves it alone.
#[derive(Debug)]
pub struct Detached {
    child: Child,
}

impl Detached {
    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it did already.
    ///
    /// # Errors
    /// Those of `waitpid`.
    pub fn exited(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

/// Starts `/proc/self/exe ARGS` in a session of its own, in `/`, with its standard
/// output and error appended to a log file (0600) and nothing on its standard
/// input. It inherits the environment, but for the names in `without`.
///
/// Arguments must not hold relative paths.
///
/// # Errors
/// Those of opening the log file and of starting a process.
#[expect(clippy::disallowed_methods, reason = "processes are started in this crate")]
#[expect(unsafe_code, reason = "pre_exec: leaving the caller's session")]
pub fn detach_daemon(args: &[OsString], log: &Path, without: &[&str]) -> io::Result<Detached> {
    let log = File::options().append(true).create(true).mode(0o600).open(log)?;
    let mut command = Command::new("/proc/self/exe");
    command.arg0("tenure").args(args).current_dir("/");
    for name in without {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    // SAFETY: the closure makes one system call, allocates nothing and takes no lock.
    unsafe { command.pre_exec(|| Ok(rustix::process::setsid().map(|_| ())?)) };
    Ok(Detached { child: command.spawn()? })
}
