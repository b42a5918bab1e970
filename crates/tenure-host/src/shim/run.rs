//! The loop of a shim: waits for anything to happen, does what is due, tells the
//! daemon. Each turn does a bounded amount of work for each side, so that none
//! starves another.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions, WaitStatus};

use super::ending::{Phase, Step, Steps};
use super::peer::{self, Peer, Request};
use super::setup::{EXIT_PART, Prepared, Started};
use super::stderr::{StderrRing, stderr_tail};
use super::stdin::Stdin;
use super::stdout::{RETRY, Stdout};
use super::tree_kill::{self, TreeKill};
use crate::clock;
use crate::os::cgroup;
use crate::protocol::{self, Kind, Progress, Welcome, json_frame};
use crate::record::{EXIT_FILE, ExitRecord, Ladder, ShimIdentity};

/// One read from any side.
const SCRATCH: usize = 32 * 1024;
const STDERR_TAIL: usize = 8 * 1024;
/// The machine goes down, or somebody signalled the shim by hand: the same ladder,
/// with little time.
const ON_SIGTERM: Ladder = Ladder { close_stdin: true, grace_ms: 0, term_ms: 5000 };

/// What woke the loop.
#[derive(Default)]
struct Ready {
    signals: bool,
    listener: bool,
    stdin: bool,
    stdout: bool,
    stderr: bool,
    peer_in: bool,
    peer_gone: bool,
}

/// A shim at work.
pub(crate) struct Loop {
    host: Prepared,
    identity: ShimIdentity,
    keep_children: bool,
    stdin: Stdin,
    stdout: Stdout,
    stderr: Option<OwnedFd>,
    ring: StderrRing,
    peer: Option<Peer>,
    steps: Steps,
    phase: Phase,
    kill: Option<TreeKill>,
    /// No child is left, so no descendant either.
    childless: bool,
    exit: ExitRecord,
    scratch: Box<[u8]>,
}

impl Loop {
    pub(crate) fn new(host: Prepared, started: Started) -> Loop {
        Loop {
            host,
            identity: started.identity,
            keep_children: started.keep_children,
            stdin: Stdin::new(started.agent.stdin),
            stdout: Stdout::new(started.agent.stdout, started.spool),
            stderr: Some(started.agent.stderr),
            ring: started.ring,
            peer: None,
            steps: Steps::default(),
            phase: Phase::Running,
            kill: None,
            childless: false,
            exit: ExitRecord::default(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
        }
    }

    /// Runs until the agent has ended and its exit is recorded.
    pub(crate) fn run(mut self) {
        while self.phase != Phase::Over {
            let ready = self.wait();
            if ready.signals {
                self.read_signals();
            }
            if ready.signals || self.phase != Phase::Running || self.kill.is_some() {
                self.reap();
            }
            if ready.stdout {
                self.stdout.read(&mut self.scratch);
            }
            if ready.stderr {
                self.read_stderr();
            }
            if ready.listener
                && let Some(peer) = peer::accept(&self.host.listener)
            {
                self.drop_peer();
                self.peer = Some(peer);
            }
            if ready.peer_in || ready.peer_gone {
                self.read_peer(&ready);
            }
            if ready.stdin || self.stdin.wants_write().is_some() {
                self.stdin.write();
            }
            self.act(Instant::now());
            self.tell();
        }
    }

    /// Sleeps until something happens or is due.
    fn wait(&self) -> Ready {
        let stdin = self.stdin.wants_write();
        let stdout = self.stdout.wants_read();
        let (r, w) = (PollFlags::IN, PollFlags::OUT);
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(6);
        fds.push(PollFd::new(&self.host.signals, r));
        fds.push(PollFd::new(&self.host.listener, r));
        let at_stdin = stdin.map(|fd| push(&mut fds, fd.as_fd(), w));
        // An agent that closes its input must not wake the loop for nothing, so the
        // pipe is watched only while there is something to write.
        let at_stdout = stdout.map(|fd| push(&mut fds, fd.as_fd(), r));
        let at_stderr = self.stderr.as_ref().map(|fd| push(&mut fds, fd.as_fd(), r));
        let at_peer = self.peer.as_ref().map(|peer| push(&mut fds, peer.socket(), self.peer_events(peer)));
        let timeout = self.next_due().map(|at| timespec(at.saturating_duration_since(Instant::now())));
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return Ready::default();
        }
        let woke = |at: Option<usize>| at.is_some_and(|at| !fds[at].revents().is_empty());
        let peer_events = at_peer.map_or(PollFlags::empty(), |at| fds[at].revents());
        Ready {
            signals: woke(Some(0)),
            listener: woke(Some(1)),
            stdin: woke(at_stdin),
            stdout: woke(at_stdout),
            stderr: woke(at_stderr),
            peer_in: peer_events.contains(PollFlags::IN),
            peer_gone: peer_events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL),
        }
    }

    fn peer_events(&self, peer: &Peer) -> PollFlags {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, peer.wants_read(&self.stdin));
        events.set(PollFlags::OUT, peer.has_unsent());
        events
    }

    fn next_due(&self) -> Option<Instant> {
        let kill = self.kill.as_ref().map(TreeKill::next);
        [self.steps.next(), self.phase.next(), kill, self.stdout.retry_at()].into_iter().flatten().min()
    }

    fn read_signals(&mut self) {
        // A record is 128 bytes and starts with the signal's number.
        let mut record = [0u8; 128];
        while let Ok(got) = rustix::io::read(&self.host.signals, &mut record) {
            if got == record.len() && record[..4] == (libc::SIGTERM as u32).to_ne_bytes() {
                self.end(&ON_SIGTERM);
            }
        }
    }

    /// Collects everything that ended: the agent, and what was orphaned to us.
    fn reap(&mut self) {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => {
                    if pid.as_raw_nonzero().get() == self.identity.agent.pid && self.phase == Phase::Running {
                        self.agent_ended(status);
                    }
                }
                Ok(None) => return self.childless = false,
                Err(Errno::INTR) => {}
                Err(_) => return self.childless = true,
            }
        }
    }

    fn agent_ended(&mut self, status: WaitStatus) {
        self.exit.code = status.exit_status();
        self.exit.signal = status.terminating_signal();
        self.exit.at_ms = clock::wall_ms();
        self.exit.forced = self.steps.forced;
        self.stdin.close();
        self.stdout.agent_ended();
        self.phase = Phase::draining(Instant::now());
    }

    fn read_stderr(&mut self) {
        let Some(pipe) = &self.stderr else { return };
        match rustix::io::read(pipe, &mut *self.scratch) {
            Ok(0) => self.stderr = None,
            Ok(got) => self.ring.push(&self.scratch[..got]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.stderr = None,
        }
    }

    fn drop_peer(&mut self) {
        self.peer = None;
        self.stdin.forget_incoming();
    }

    fn read_peer(&mut self, ready: &Ready) {
        let Some(peer) = &mut self.peer else { return };
        let mut requests = Vec::new();
        let alive = match ready.peer_in {
            true => peer.receive(&mut self.scratch, &mut self.stdin, &mut requests),
            // Hung up while it was not read from: what it still sent comes again.
            false => Err(peer::Gone),
        };
        for request in requests {
            self.serve(request);
        }
        if alive.is_err() {
            self.drop_peer();
        }
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Hello => {
                let welcome = Welcome {
                    protocol: protocol::VERSION,
                    applied: self.stdin.applied(),
                    spool_end: self.stdout.spool.lines_end(),
                    open: self.stdout.spool.open(),
                    agent: self.identity.agent.clone(),
                    exit: matches!(self.phase, Phase::Lingering(_)).then(|| self.exit.clone()),
                };
                self.tell_json(Kind::Welcome, &welcome);
            }
            Request::Release(open) => {
                self.stdout.spool.release(open);
                self.stdout.retry();
            }
            Request::End(ladder) => self.end(&ladder),
            Request::Kill => {
                let now = Instant::now();
                self.steps.kill_now(now);
                self.phase.hurry(now);
            }
        }
    }

    fn tell_json<T: serde::Serialize>(&mut self, kind: Kind, value: &T) {
        if let (Some(peer), Ok(frame)) = (&mut self.peer, json_frame(kind, value)) {
            peer.tell(&frame);
        }
    }

    fn end(&mut self, ladder: &Ladder) {
        if ladder.close_stdin {
            self.stdin.close_when_written();
        }
        self.steps.ask(Instant::now(), ladder);
    }

    /// Does whatever is due.
    fn act(&mut self, now: Instant) {
        if self.phase == Phase::Running {
            match self.steps.due(now) {
                Some(Step::Term) => self.terminate(),
                Some(Step::Kill) => self.kill = Some(TreeKill::start(now)),
                None => {}
            }
        }
        if self.stdout.retry_at().is_some_and(|at| at <= now) {
            self.stdout.retry();
        }
        self.kill_round(now);
        match self.phase {
            Phase::Running | Phase::Over => {}
            Phase::Draining(until) => {
                if self.stdout.wants_read().is_none() || now >= until {
                    self.start_clearing(now);
                }
            }
            Phase::Clearing => self.clear(now),
            Phase::Finishing(until) => self.finish(now, until),
            Phase::Recording(next, last) => self.record(now, next, last),
            Phase::Lingering(until) => {
                if now >= until || self.peer.is_none() {
                    self.phase = Phase::Over;
                }
            }
        }
    }

    fn terminate(&mut self) {
        if self.identity.agent.signal(Signal::TERM).is_ok() {
            self.exit.hit.push(self.identity.agent.pid);
        }
    }

    fn kill_round(&mut self, now: Instant) {
        let Some(kill) = &mut self.kill else { return };
        if self.childless || kill.is_over(now) {
            // An agent that even this did not end may still end later.
            self.kill = None;
        } else if kill.next() <= now {
            kill.round(now, self.identity.cgroup.as_deref(), &mut self.exit.hit);
        }
    }

    fn start_clearing(&mut self, now: Instant) {
        if !self.keep_children && !self.childless {
            self.kill = Some(TreeKill::start(now));
            self.kill_round(now);
        }
        self.phase = Phase::Clearing;
        self.clear(now);
    }

    fn clear(&mut self, now: Instant) {
        if self.kill.is_none() {
            self.phase = Phase::finishing(now);
            if self.steps.hurried {
                self.phase.hurry(now);
            }
            if let Phase::Finishing(until) = self.phase {
                self.finish(now, until);
            }
        }
    }

    fn finish(&mut self, now: Instant, until: Instant) {
        if !self.stdout.is_finished() {
            self.stdout.finish(&mut self.scratch);
        }
        for _ in 0..4 {
            self.read_stderr();
        }
        if self.stdout.is_finished() || now >= until {
            self.exit.spool_lost = !self.stdout.is_finished();
            self.complete_record();
            self.phase = Phase::recording(now, until);
            self.record(now, now, until);
        }
    }

    fn complete_record(&mut self) {
        self.exit.spool_end = self.stdout.spool.lines_end();
        self.exit.truncated_line = self.stdout.was_truncated();
        self.exit.applied = self.stdin.applied();
        let tail = stderr_tail(&self.host.at, STDERR_TAIL);
        self.exit.stderr_tail = String::from_utf8_lossy(&tail).into_owned();
        if !self.keep_children {
            self.exit.remained = tree_kill::living().iter().map(|process| process.pid).collect();
            if let Some(group) = &self.identity.cgroup {
                cgroup::remove(group);
            }
        }
    }

    /// The last act. A record that cannot be written is tried for a while.
    fn record(&mut self, now: Instant, next: Instant, last: Instant) {
        if now < next {
            return;
        }
        match self.write_record() {
            Ok(()) => {
                let exit = self.exit.clone();
                self.phase = Phase::Over;
                if self.peer.as_ref().is_some_and(|peer| peer.greeted) {
                    self.tell_json(Kind::Exited, &exit);
                    self.phase = Phase::lingering(now);
                }
            }
            Err(_) if now < last => self.phase = Phase::recording(now + RETRY, last),
            Err(_) => self.phase = Phase::Over,
        }
    }

    fn write_record(&self) -> std::io::Result<()> {
        use rustix::fs::{Mode, OFlags};
        let text = serde_json::to_vec(&self.exit)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
        let part = rustix::fs::openat(&self.host.dir, EXIT_PART, flags, Mode::RUSR | Mode::WUSR)?;
        let mut at = 0;
        while at < text.len() {
            at += rustix::io::pwrite(&part, &text[at..], at as u64)?;
        }
        rustix::fs::ftruncate(&part, text.len() as u64)?;
        rustix::fs::fsync(&part)?;
        rustix::fs::renameat(&self.host.dir, EXIT_PART, &self.host.dir, EXIT_FILE)?;
        Ok(rustix::fs::fsync(&self.host.dir)?)
    }

    /// Brings the daemon up to date.
    fn tell(&mut self) {
        let progress = Progress {
            applied: self.stdin.applied(),
            spool_end: self.stdout.spool.lines_end(),
            full: self.stdout.is_full(),
            stdin_closed: self.stdin.is_closed(),
            spool_errno: self.stdout.errno(),
        };
        let Some(peer) = &mut self.peer else { return };
        // What was waiting goes first, or the state would wait for a next turn.
        peer.flush();
        if matches!(self.phase, Phase::Lingering(_)) {
            // Once it is sent it can be read also after this end is closed.
            if !peer.has_unsent() {
                self.phase = Phase::Over;
            }
            return;
        }
        peer.tell_progress(progress);
        peer.flush();
    }
}

fn push<'a>(fds: &mut Vec<PollFd<'a>>, fd: BorrowedFd<'a>, flags: PollFlags) -> usize {
    fds.push(PollFd::from_borrowed_fd(fd, flags));
    fds.len() - 1
}

fn timespec(wait: Duration) -> Timespec {
    // Rounded up: waking a little early would only turn the loop once more.
    let nanos = i64::from(wait.subsec_nanos());
    Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: nanos }
}
