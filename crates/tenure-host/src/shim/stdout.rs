//! From the agent's standard output into the spool: one small read at a time,
//! nothing read that could not be kept.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use tenure_crash_point::crash_point;

use crate::spool::SpoolWriter;

/// After a failed write the spool is tried again this often.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// The agent's standard output on its way to the spool.
pub(crate) struct Stdout {
    pipe: Option<OwnedFd>,
    pub(crate) spool: SpoolWriter,
    /// What was read but could not be written yet.
    held: Vec<u8>,
    errno: Option<Errno>,
    retry_at: Option<Instant>,
    truncated: bool,
    finished: bool,
    /// After the agent's end its last words may go over the quota, up to here.
    last_words: u64,
}

impl Stdout {
    pub(crate) fn new(pipe: OwnedFd, spool: SpoolWriter) -> Stdout {
        Stdout {
            pipe: Some(pipe),
            spool,
            held: Vec::new(),
            errno: None,
            retry_at: None,
            truncated: false,
            finished: false,
            last_words: 0,
        }
    }

    /// The pipe, if it may be read now.
    pub(crate) fn wants_read(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref().filter(|_| self.errno.is_none() && self.room() > 0)
    }

    /// The agent waits for a release.
    pub(crate) fn is_full(&self) -> bool {
        self.pipe.is_some() && self.errno.is_none() && self.room() == 0
    }

    /// The error of the last write, while the agent waits for it to pass.
    pub(crate) fn errno(&self) -> Option<i32> {
        self.errno.map(Errno::raw_os_error)
    }

    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.retry_at
    }

    /// The last line had to be closed.
    pub(crate) fn was_truncated(&self) -> bool {
        self.truncated
    }

    /// Everything is in the spool, and its last line is closed.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    fn room(&self) -> u64 {
        self.spool.room().max(self.last_words.saturating_sub(self.spool.end()))
    }

    /// Reads once. Returns whether there was something.
    pub(crate) fn read(&mut self, scratch: &mut [u8]) -> bool {
        let most = usize::try_from(self.room()).unwrap_or(usize::MAX).min(scratch.len());
        let Some(pipe) = self.wants_read() else { return false };
        match rustix::io::read(pipe, &mut scratch[..most]) {
            Ok(0) => {
                self.pipe = None;
                false
            }
            Ok(got) => {
                crash_point!("shim.read");
                self.keep(&scratch[..got]);
                crash_point!("shim.spooled");
                true
            }
            Err(Errno::AGAIN | Errno::INTR) => false,
            Err(_) => {
                self.pipe = None;
                false
            }
        }
    }

    fn keep(&mut self, chunk: &[u8]) {
        let (taken, error) = self.spool.push(chunk);
        if taken < chunk.len() {
            self.held = chunk[taken..].to_vec();
        }
        self.note(error);
    }

    fn note(&mut self, error: Option<Errno>) {
        self.errno = error;
        self.retry_at = error.map(|_| Instant::now() + RETRY);
    }

    /// Tries the failed write again.
    pub(crate) fn retry(&mut self) {
        if self.errno.is_some() {
            let held = std::mem::take(&mut self.held);
            self.keep(&held);
        }
    }

    /// The agent ended: what it left in the pipe is its last words.
    pub(crate) fn agent_ended(&mut self) {
        let waiting = self.pipe.as_ref().and_then(|pipe| rustix::io::ioctl_fionread(pipe).ok()).unwrap_or(0);
        self.last_words = self.spool.end() + self.held.len() as u64 + waiting;
    }

    /// Nothing more is waited for: takes what is there and closes the last line.
    /// To be called again until [`Stdout::is_finished`].
    pub(crate) fn finish(&mut self, scratch: &mut [u8]) {
        // A pipe holds 1 MB at most; a grandchild that escaped may write for ever.
        for _ in 0..=(1 << 20) / scratch.len() {
            if !self.read(scratch) {
                break;
            }
        }
        if self.errno.is_none() {
            self.pipe = None;
            let (truncated, error) = self.spool.finish();
            self.truncated |= truncated;
            self.finished = error.is_none();
            self.note(error);
        }
    }
}
