//! The shim of one command: its parent for as long as the daemon holds the other
//! end of the control socket, and the end of everything below it after that.
//!
//! Unlike an agent's shim it keeps nothing: the command's output goes straight into
//! the daemon's own pipes, whose ends came with the order, and the result is told
//! over the socket. So nothing has to be found again after the daemon is gone: the
//! socket breaks, and the whole tree is killed: at once, or after the grace that the
//! order gives the command.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions};

use super::agent::{self, Started};
use super::order::StartFailure;
use super::setup;
use super::tree_kill::{self, TreeKill};
use crate::exec::Gently;
use crate::exec::wire::{self, Ended, Order, Report, Running};
use crate::os::cgroup;
use crate::process::PidRef;

/// Runs the shim of a command to its end.
pub(super) fn main() -> ExitCode {
    match prepare() {
        Ok(shim) => {
            shim.run();
            ExitCode::SUCCESS
        }
        Err((control, failure)) => {
            if let Some(control) = control {
                wire::send_line(&control, &Report::Failed(failure));
            }
            ExitCode::FAILURE
        }
    }
}

type Failed = (Option<OwnedFd>, StartFailure);

fn prepare() -> Result<ExecShim, Failed> {
    let signals = setup::become_parent(c"tenure-exec").map_err(|e| (None, e))?;
    let control = std::io::stdin().as_fd().try_clone_to_owned();
    let control = control.map_err(|e| (None, StartFailure::system("keep the control socket", e)))?;
    match start(&control) {
        Ok((started, gentle)) => {
            setup::leave_standard_streams();
            let process = started.process.clone();
            let running = Running { shim: PidRef::own(), command: process };
            wire::send_line(&control, &Report::Started(running));
            Ok(ExecShim::new(control, signals, started, gentle))
        }
        Err(failure) => Err((Some(control), failure)),
    }
}

fn start(control: &OwnedFd) -> Result<(Started, Option<Gentle>), StartFailure> {
    let Order { order, gently, streams } = wire::receive(control).map_err(StartFailure::order)?;
    let gentle = gently.map(Gentle::new).transpose();
    let gentle = gentle.map_err(|e| StartFailure::system("lock the file that tells of the command", e))?;
    // Now that the lock is held: whoever takes it after the daemon's death would not wait for a command that is
    // started only then.
    if gentle.is_some() && is_alone(control) {
        return Err(StartFailure::system("start a command for nobody", Errno::PIPE));
    }
    if let Some(soft) = order.descriptors {
        // A limit that cannot be lowered harms nobody.
        let _ = crate::os::descriptors::set_soft_limit(soft);
    }
    let copies = || {
        let copy = |fd: &OwnedFd| fd.try_clone().map(Stdio::from);
        Ok([copy(&streams[0])?, copy(&streams[1])?, copy(&streams[2])?])
    };
    // Our own ends go when this returns: whoever reads sees the end once the command's are closed.
    Ok((agent::start_with(&order, copies)?, gentle))
}

/// Whether the other end is gone.
fn is_alone(control: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(control, PollFlags::empty())];
    poll(&mut fds, Some(&timespec(Duration::ZERO))).is_ok() && fds[0].revents().contains(PollFlags::HUP)
}

/// For a command that may come to its end.
struct Gentle {
    grace: Duration,
    /// Held until this process ends.
    _lock: File,
}

impl Gentle {
    fn new(gently: Gently) -> std::io::Result<Self> {
        let mut options = File::options();
        let lock = options.write(true).create(true).truncate(false).mode(0o600).open(gently.lock)?;
        // A daemon that has it alone waits for those of the daemon before: this one is too late.
        flock(&lock, FlockOperation::NonBlockingLockShared)?;
        Ok(Self { grace: gently.grace, _lock: lock })
    }
}

/// A command's parent at work.
struct ExecShim {
    control: Option<OwnedFd>,
    signals: OwnedFd,
    command: PidRef,
    group: Option<std::path::PathBuf>,
    ended: Option<Ended>,
    gentle: Option<Gentle>,
    /// Nobody waits for it, and it has until then.
    grace: Option<Instant>,
    kill: Option<TreeKill>,
    /// A kill that found all it could.
    killed: bool,
    childless: bool,
    hit: Vec<i32>,
}

impl ExecShim {
    fn new(control: OwnedFd, signals: OwnedFd, started: Started, gentle: Option<Gentle>) -> ExecShim {
        ExecShim {
            control: Some(control),
            signals,
            command: started.process,
            group: started.cgroup,
            ended: None,
            gentle,
            grace: None,
            kill: None,
            killed: false,
            childless: false,
            hit: Vec::new(),
        }
    }

    fn run(mut self) {
        loop {
            self.reap();
            // What the command leaves behind ends with it.
            if self.ended.is_some() && !self.childless && !self.killed {
                self.kill_all();
            }
            if self.grace.is_some_and(|end| end <= Instant::now()) {
                self.grace = None;
                self.kill_all();
            }
            self.kill_round();
            if self.childless || self.killed {
                return self.tell();
            }
            self.wait();
        }
    }

    fn wait(&mut self) {
        let (mut signalled, mut spoken) = (false, false);
        {
            let mut fds = vec![PollFd::new(&self.signals, PollFlags::IN)];
            fds.extend(self.control.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
            let next = self.kill.as_ref().map(TreeKill::next).into_iter().chain(self.grace).min();
            let wait = next.map(|next| next.saturating_duration_since(Instant::now()));
            if poll(&mut fds, wait.map(timespec).as_ref()).is_ok() {
                signalled = !fds[0].revents().is_empty();
                spoken = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
            }
        }
        if signalled {
            self.read_signals();
        }
        if spoken {
            self.listen();
        }
    }

    fn read_signals(&mut self) {
        // A record is 128 bytes and starts with the signal's number.
        let mut record = [0u8; 128];
        while let Ok(got) = rustix::io::read(&self.signals, &mut record) {
            if got == record.len() && record[..4] == (libc::SIGTERM as u32).to_ne_bytes() {
                self.kill_all();
            }
        }
    }

    fn listen(&mut self) {
        let Some(control) = &self.control else { return };
        let mut words = [0u8; 16];
        match rustix::io::read(control, &mut words) {
            Ok(got) if got > 0 => {
                for word in &words[..got] {
                    match *word {
                        wire::TERM => self.terminate(),
                        wire::KILL => self.kill_all(),
                        wire::LEAVE => self.leave(),
                        _ => {}
                    }
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // The daemon is gone, or has let go: nobody wants what this would give.
            Ok(_) | Err(_) => {
                self.control = None;
                self.leave();
            }
        }
    }

    /// Nobody waits for the command any more.
    fn leave(&mut self) {
        let Some(gentle) = &self.gentle else { return self.kill_all() };
        if self.grace.is_none() && self.kill.is_none() {
            self.grace = Some(Instant::now() + gentle.grace);
        }
    }

    fn terminate(&mut self) {
        if self.command.signal(Signal::TERM).is_ok() {
            self.hit.push(self.command.pid);
        }
    }

    fn kill_all(&mut self) {
        if self.kill.is_none() {
            self.kill = Some(TreeKill::start(Instant::now()));
            self.killed = false;
        }
    }

    fn kill_round(&mut self) {
        let now = Instant::now();
        let Some(kill) = &mut self.kill else { return };
        if kill.is_over(now) {
            (self.kill, self.killed) = (None, true);
        } else if kill.next() <= now {
            kill.round(now, self.group.as_deref(), &mut self.hit);
        }
    }

    fn reap(&mut self) {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid.as_raw_nonzero().get() == self.command.pid && self.ended.is_none() {
                        let (code, signal) = (status.exit_status(), status.terminating_signal());
                        self.ended = Some(Ended { code, signal, ..Ended::default() });
                    }
                }
                Ok(None) => return self.childless = false,
                Err(Errno::INTR) => {}
                Err(_) => return self.childless = true,
            }
        }
    }

    fn tell(mut self) {
        let mut ended = self.ended.take().unwrap_or_default();
        if !self.childless {
            ended.remained = tree_kill::living().iter().map(|process| process.pid).collect();
        }
        if let Some(group) = &self.group {
            cgroup::remove(group);
        }
        ended.hit = self.hit;
        if let Some(control) = &self.control {
            wire::send_line(control, &Report::Ended(ended));
        }
    }
}

fn timespec(wait: Duration) -> Timespec {
    let nanos = i64::from(wait.subsec_nanos());
    Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: nanos }
}
