//! What is on its way to the agent's standard input: commands in order, each once,
//! kept in small blocks so that a large one is given back after it was written.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use tenure_crash_point::crash_point;

/// With this much unwritten, no further command is read from the daemon.
const BOUND: usize = 64 << 20;
const BLOCK: usize = 64 * 1024;
/// After a queue this long the allocator is told to give its memory back.
const LARGE: usize = 256 * 1024;

/// What happens to a command that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the next one.
    Apply,
    /// It was applied before.
    Known,
    /// An earlier one is missing.
    Gap,
    /// The agent's input is closed, or about to be.
    Closed,
}

#[derive(Default)]
struct Blocks {
    blocks: VecDeque<Vec<u8>>,
    len: usize,
}

impl Blocks {
    fn push(&mut self, mut bytes: &[u8]) {
        self.len += bytes.len();
        while !bytes.is_empty() {
            if self.blocks.back().is_none_or(|block| block.len() >= BLOCK) {
                self.blocks.push_back(Vec::new());
            }
            let Some(last) = self.blocks.back_mut() else { return };
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - last.len()));
            last.extend_from_slice(now);
            bytes = later;
        }
    }
}

/// The agent's standard input and what is still to be written to it.
pub(crate) struct Stdin {
    pipe: Option<OwnedFd>,
    queue: Blocks,
    /// Bytes of the first block that were written.
    head: usize,
    /// The command that is being received.
    incoming: Option<(Verdict, u64)>,
    staged: Blocks,
    applied: u64,
    close_when_empty: bool,
    /// The queue was long, and its memory was not given back yet.
    was_large: bool,
}

impl Stdin {
    pub(crate) fn new(pipe: OwnedFd) -> Stdin {
        Stdin {
            pipe: Some(pipe),
            queue: Blocks::default(),
            head: 0,
            incoming: None,
            staged: Blocks::default(),
            applied: 0,
            close_when_empty: false,
            was_large: false,
        }
    }

    /// The highest command in hand.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.pipe.is_none() || self.close_when_empty
    }

    /// Whether a command may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.incoming.is_some() || self.queue.len < BOUND
    }

    /// The pipe, if there is something to write.
    pub(crate) fn wants_write(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref().filter(|_| self.queue.len > 0)
    }

    /// A command starts to arrive.
    pub(crate) fn start(&mut self, n: u64) -> Verdict {
        let verdict = match n {
            n if n <= self.applied => Verdict::Known,
            n if n > self.applied + 1 => Verdict::Gap,
            _ if self.is_closed() => Verdict::Closed,
            _ => Verdict::Apply,
        };
        self.incoming = Some((verdict, n));
        verdict
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if matches!(self.incoming, Some((Verdict::Apply, _))) {
            self.staged.push(bytes);
        }
    }

    /// The command is complete: from here on it is in hand.
    pub(crate) fn finish(&mut self) {
        if let Some((Verdict::Apply, n)) = self.incoming.take() {
            self.applied = n;
            crash_point!("shim.command_taken");
            let staged = std::mem::take(&mut self.staged);
            if self.pipe.is_some() {
                self.queue.len += staged.len;
                self.was_large |= self.queue.len > LARGE;
                // Small commands share a block.
                for block in staged.blocks {
                    match self.queue.blocks.back_mut() {
                        Some(last) if last.len() + block.len() <= BLOCK => last.extend_from_slice(&block),
                        _ => self.queue.blocks.push_back(block),
                    }
                }
            }
        }
    }

    /// The connection is gone: a half-received command never was.
    pub(crate) fn forget_incoming(&mut self) {
        self.incoming = None;
        let large = self.staged.len > LARGE;
        self.staged = Blocks::default();
        if large {
            give_back();
        }
    }

    /// Writes as much as the agent takes.
    pub(crate) fn write(&mut self) {
        while let (Some(pipe), Some(block)) = (&self.pipe, self.queue.blocks.front()) {
            match rustix::io::write(pipe, &block[self.head..]) {
                Ok(written) => {
                    crash_point!("shim.command_written");
                    self.head += written;
                    self.queue.len -= written;
                    if self.head == block.len() {
                        self.queue.blocks.pop_front();
                        self.head = 0;
                    }
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => return self.close(),
            }
        }
        self.empty();
        if self.close_when_empty {
            self.pipe = None;
        }
    }

    fn empty(&mut self) {
        self.queue = Blocks::default();
        self.head = 0;
        if std::mem::take(&mut self.was_large) {
            give_back();
        }
    }

    /// Closes the pipe once everything in hand is written.
    pub(crate) fn close_when_written(&mut self) {
        self.close_when_empty = true;
        self.write();
    }

    /// Nobody reads any more.
    pub(crate) fn close(&mut self) {
        self.pipe = None;
        self.empty();
    }
}

/// Gives free memory back to the system. The allocator of glibc keeps what lies
/// below anything still in use, and a shim lives long after one large input.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "a call of the C library's allocator")]
fn give_back() {
    // SAFETY: malloc_trim only returns free pages; no block in use is touched.
    unsafe { libc::malloc_trim(64 * 1024) };
}

#[cfg(not(target_env = "gnu"))]
fn give_back() {}
