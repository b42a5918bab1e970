//! The way of a shim from the agent's end to its own: drain, clear the tree, bring
//! the rest to the spool, record, tell. Each step is a turn of the loop, or none.

use std::time::Instant;

use rustix::process::Signal;
use tenure_crash_point::crash_point;

use super::ending::Phase;
use super::run::Loop;
use super::setup::EXIT_PART;
use super::stderr::stderr_tail;
use super::stdout::RETRY;
use super::tree_kill::{self, TreeKill};
use crate::os::cgroup;
use crate::protocol::Kind;
use crate::record::EXIT_FILE;

/// How much of standard error goes into the exit record.
const STDERR_TAIL: usize = 8 * 1024;

impl Loop {
    /// Takes the next steps that are due.
    pub(super) fn advance(&mut self, now: Instant) {
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

    pub(super) fn terminate(&mut self) {
        if self.identity.agent.signal(Signal::TERM).is_ok() {
            self.exit.hit.push(self.identity.agent.pid);
        }
    }

    pub(super) fn kill_round(&mut self, now: Instant) {
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
        // In a directory that was removed nothing will ever be written again.
        let removed = self.stdout.errno() == Some(libc::ENOENT);
        if self.stdout.is_finished() || removed || now >= until {
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
                crash_point!("shim.exit_recorded");
                let exit = self.exit.clone();
                self.phase = Phase::Over;
                if self.peer.as_ref().is_some_and(|peer| peer.greeted) {
                    self.tell_json(Kind::Exited, &exit);
                    self.phase = Phase::lingering(now);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.phase = Phase::Over,
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
}
