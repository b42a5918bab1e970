//! The loop of a shim: waits for anything to happen, does what is due, tells the
//! daemon. Each turn does a bounded amount of work for each side, so that none
//! starves another.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus};
use tenure_crash_point::crash_point;

use super::ending::{Phase, Step, Steps};
use super::peer::{self, Peer, Request};
use super::setup::{Prepared, Started};
use super::stderr::StderrRing;
use super::stdin::Stdin;
use super::stdout::Stdout;
use super::tree_kill::TreeKill;
use crate::clock;
use crate::protocol::{self, Kind, Progress, Welcome, json_frame};
use crate::record::{ExitRecord, Ladder, ShimIdentity};

/// One read from any side.
const SCRATCH: usize = 32 * 1024;
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
    pub(super) host: Prepared,
    pub(super) identity: ShimIdentity,
    pub(super) keep_children: bool,
    pub(super) stdin: Stdin,
    pub(super) stdout: Stdout,
    stderr: Option<OwnedFd>,
    ring: StderrRing,
    pub(super) peer: Option<Peer>,
    pub(super) steps: Steps,
    pub(super) phase: Phase,
    pub(super) kill: Option<TreeKill>,
    /// No child is left, so no descendant either.
    pub(super) childless: bool,
    pub(super) exit: ExitRecord,
    pub(super) scratch: Box<[u8]>,
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
        // Watched only while there is something to write: an agent that closes its
        // input would wake the loop for ever.
        let at_stdin = stdin.map(|fd| push(&mut fds, fd.as_fd(), w));
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
        // Once the agent has ended no step is taken, so none may wake the loop.
        let step = self.steps.next().filter(|_| self.phase == Phase::Running);
        [step, self.phase.next(), kill, self.stdout.retry_at()].into_iter().flatten().min()
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
        crash_point!("shim.agent_ended");
        self.exit.code = status.exit_status();
        self.exit.signal = status.terminating_signal();
        self.exit.at_ms = clock::wall_ms();
        self.exit.forced = self.steps.forced;
        self.stdin.close();
        self.stdout.agent_ended();
        self.phase = Phase::draining(Instant::now());
    }

    pub(super) fn read_stderr(&mut self) {
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

    pub(super) fn tell_json<T: serde::Serialize>(&mut self, kind: Kind, value: &T) {
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
        self.advance(now);
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
        crash_point!("shim.told");
    }
}

fn push<'a>(fds: &mut Vec<PollFd<'a>>, fd: BorrowedFd<'a>, flags: PollFlags) -> usize {
    fds.push(PollFd::from_borrowed_fd(fd, flags));
    fds.len() - 1
}

fn timespec(wait: Duration) -> Timespec {
    let nanos = i64::from(wait.subsec_nanos());
    Timespec { tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX), tv_nsec: nanos }
}
