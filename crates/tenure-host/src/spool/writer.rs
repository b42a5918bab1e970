//! The writing side, inside the shim: bounded memory, resumable after every
//! write error, each byte written once.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::segment;
use crate::record::SpoolLimits;

/// Appends an agent's output to its segments.
pub(crate) struct SpoolWriter {
    dir: PathBuf,
    limits: SpoolLimits,
    file: Option<OwnedFd>,
    /// Start of the current segment and its length so far.
    start: u64,
    len: u64,
    /// Bytes of the current line, at most one more than the limit.
    line: u64,
    /// The end of the last complete line.
    lines_end: u64,
    open: u64,
}

impl SpoolWriter {
    /// A spool that starts at 0, in a directory that is there.
    pub(crate) fn new(dir: &Path, limits: SpoolLimits) -> SpoolWriter {
        let limits = SpoolLimits {
            segment_bytes: limits.segment_bytes.max(1),
            // One line of the greatest length must fit, or nothing could ever be released.
            quota_bytes: limits.quota_bytes.max(limits.max_line_bytes.saturating_add(2)),
            ..limits
        };
        SpoolWriter { dir: dir.into(), limits, file: None, start: 0, len: 0, line: 0, lines_end: 0, open: 0 }
    }

    /// The end of the last complete line: what may be announced.
    pub(crate) fn lines_end(&self) -> u64 {
        self.lines_end
    }

    /// The end of all bytes written.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.len
    }

    pub(crate) fn open(&self) -> u64 {
        self.open
    }

    /// How many bytes may still be written before the quota is reached.
    pub(crate) fn room(&self) -> u64 {
        self.open.saturating_add(self.limits.quota_bytes).saturating_sub(self.end())
    }

    /// Moves the release point (never back, never past the announced end) and
    /// deletes what lies behind it.
    pub(crate) fn release(&mut self, open: u64) {
        self.open = self.open.max(open.min(self.lines_end));
        // A segment that stays is deleted at the next release.
        let _ = segment::trim(&self.dir, self.open, self.end());
    }

    /// Writes output. Returns how much of it was taken, which is all unless a
    /// write failed; what was not taken is to be given again later.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> (usize, Option<Errno>) {
        let mut taken = 0;
        while taken < chunk.len() {
            let rest = &chunk[taken..];
            if self.len >= self.limits.segment_bytes && self.line == 0 && self.len > 0 {
                self.start += self.len;
                self.len = 0;
                self.file = None;
            }
            let piece = self.next_piece(rest);
            let keep = self.keep(piece);
            let (written, error) = self.write(&piece[..keep]);
            self.count(&piece[..written]);
            taken += written;
            if error.is_some() {
                return (taken, error);
            }
            if keep < piece.len() {
                // The rest of an overlong line is dropped, its newline is not.
                taken += body_len(piece) - keep;
            }
        }
        (taken, None)
    }

    /// Closes an unfinished last line. Returns whether there was one.
    pub(crate) fn finish(&mut self) -> (bool, Option<Errno>) {
        if self.line == 0 {
            return (false, None);
        }
        let (_, error) = self.push(b"\n");
        (true, error)
    }

    /// How much of what is to come can be treated alike: all of it while no line
    /// can be too long and the segment is not full, else up to one newline.
    fn next_piece<'a>(&self, rest: &'a [u8]) -> &'a [u8] {
        let short = self.line + rest.len() as u64 <= self.limits.max_line_bytes;
        if short && self.len < self.limits.segment_bytes {
            return rest;
        }
        if self.line > self.limits.max_line_bytes && rest[0] != b'\n' {
            // Dropping: the newline itself is a piece of its own.
            return &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
        }
        memchr::memchr(b'\n', rest).map_or(rest, |at| &rest[..=at])
    }

    /// How many bytes of a piece are kept.
    fn keep(&self, piece: &[u8]) -> usize {
        let most = self.limits.max_line_bytes + 1;
        if self.line + (piece.len() as u64) < most {
            return piece.len();
        }
        // A piece that can be too long holds one line at most.
        let room = usize::try_from(most - self.line).unwrap_or(usize::MAX);
        if body_len(piece) <= room { piece.len() } else { room }
    }

    fn count(&mut self, written: &[u8]) {
        match memchr::memrchr(b'\n', written) {
            Some(at) => {
                self.line = (written.len() - at - 1) as u64;
                self.lines_end = self.end() - self.line;
            }
            None => self.line += written.len() as u64,
        }
    }

    /// Writes at the known good end, whatever an earlier failed write left there.
    fn write(&mut self, bytes: &[u8]) -> (usize, Option<Errno>) {
        let mut done = 0;
        while done < bytes.len() {
            match self.write_some(&bytes[done..]) {
                Ok(0) => return (done, Some(Errno::IO)),
                Ok(n) => {
                    done += n;
                    self.len += n as u64;
                }
                Err(Errno::INTR) => {}
                Err(errno) => {
                    if let Some(file) = &self.file {
                        let _ = rustix::fs::ftruncate(file, self.len);
                    }
                    return (done, Some(errno));
                }
            }
        }
        (done, None)
    }

    fn write_some(&mut self, bytes: &[u8]) -> rustix::io::Result<usize> {
        if self.file.is_none() {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::CLOEXEC;
            let path = segment::path(&self.dir, self.start);
            self.file = Some(rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR)?);
        }
        match &self.file {
            Some(file) => rustix::io::pwrite(file.as_fd(), bytes, self.len),
            None => Err(Errno::BADF),
        }
    }
}

fn body_len(piece: &[u8]) -> usize {
    piece.len() - usize::from(piece.ends_with(b"\n"))
}
