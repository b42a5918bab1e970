//! The reading side, in the daemon: complete lines from an offset on, and the
//! newest lines for whoever wants to see what the agent really said.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};

use super::segment;
use crate::record::{SpoolLimits, read_identity};

/// Lines are cut from blocks of this size; a longer line is read by itself.
const BLOCK: usize = 64 * 1024;

/// One line of the spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolLine {
    /// Its first byte.
    pub offset: u64,
    /// The first byte after its newline.
    pub next: u64,
    /// What it holds.
    pub kind: LineKind,
}

/// What a line holds. The bytes of neighbouring lines share a block of 64 KB: copy
/// what is to be kept for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineKind {
    /// The line without its newline.
    Line(Bytes),
    /// The agent's line was over the limit; what was kept of it is not read.
    Oversized {
        /// How many bytes were kept, one more than the limit. The agent wrote
        /// that many or more.
        len: u64,
    },
}

/// Reads complete lines from an offset on. Blocks on the disk (as a rule: the
/// page cache), holds one open segment and no buffer between calls.
pub struct SpoolReader {
    dir: PathBuf,
    max_line: u64,
    offset: u64,
    /// Start of the segment that holds `offset`, and its file once it was there.
    segment: u64,
    file: Option<File>,
}

impl SpoolReader {
    /// Reads the spool of a shim's directory, from the start of a line on.
    ///
    /// # Errors
    /// `NotFound` if that part of the spool was deleted; else those of the disk.
    pub fn open(dir: &Path, offset: u64) -> io::Result<SpoolReader> {
        let limits = read_identity(dir)?.map_or_else(SpoolLimits::default, |identity| identity.limits);
        let starts = segment::starts(dir)?;
        let segment = match starts.iter().rev().find(|start| **start <= offset) {
            Some(start) => *start,
            None if starts.is_empty() && offset == 0 => 0,
            None => {
                let text = format!("spool bytes from {offset} on were released and deleted");
                return Err(io::Error::new(io::ErrorKind::NotFound, text));
            }
        };
        Ok(SpoolReader { dir: dir.into(), max_line: limits.max_line_bytes, offset, segment, file: None })
    }

    #[cfg(test)]
    pub(super) fn with_max_line(self, max_line: u64) -> SpoolReader {
        SpoolReader { max_line, ..self }
    }

    /// Where the next read starts.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads complete lines up to the announced end `upto`, of about `max_bytes`
    /// in all but always at least one if there is one.
    ///
    /// # Errors
    /// Those of the disk; `NotFound` if the segment was deleted meanwhile.
    pub fn read(&mut self, upto: u64, max_bytes: usize) -> io::Result<Vec<SpoolLine>> {
        let mut lines = Vec::new();
        let first = self.offset;
        let budget = max_bytes.max(1) as u64;
        while self.offset < upto && self.offset - first < budget {
            let want = budget - (self.offset - first);
            let want = want.clamp(1, BLOCK as u64).max(4096).min(upto - self.offset);
            let mut block = BytesMut::zeroed(usize::try_from(want).unwrap_or(BLOCK));
            let got = self.fill(&mut block)?;
            if got == 0 {
                break;
            }
            block.truncate(got);
            if !self.cut(block.freeze(), budget - (self.offset - first), &mut lines)
                && !self.long_line(upto, &mut lines)?
            {
                break;
            }
        }
        Ok(lines)
    }

    /// Cuts a block into lines until the budget is used up. Returns whether the
    /// block held at least one.
    fn cut(&mut self, block: Bytes, budget: u64, lines: &mut Vec<SpoolLine>) -> bool {
        let mut at = 0;
        for newline in memchr::memchr_iter(b'\n', &block) {
            let bytes = block.slice(at..newline);
            let next = self.offset + (newline - at) as u64 + 1;
            let kind = match bytes.len() as u64 {
                len if len > self.max_line => LineKind::Oversized { len },
                _ => LineKind::Line(bytes),
            };
            lines.push(SpoolLine { offset: self.offset, next, kind });
            self.offset = next;
            at = newline + 1;
            if at as u64 >= budget {
                break;
            }
        }
        at > 0
    }

    /// A line that no block holds: its end is looked for first, so that an
    /// oversized one costs no memory.
    fn long_line(&mut self, upto: u64, lines: &mut Vec<SpoolLine>) -> io::Result<bool> {
        let Some(newline) = self.find_newline(upto)? else { return Ok(false) };
        let len = newline - self.offset;
        let kind = if len > self.max_line {
            LineKind::Oversized { len }
        } else {
            let mut line = BytesMut::zeroed(usize::try_from(len).map_err(io::Error::other)?);
            if self.fill(&mut line)? < line.len() {
                return Ok(false);
            }
            LineKind::Line(line.freeze())
        };
        lines.push(SpoolLine { offset: self.offset, next: newline + 1, kind });
        self.offset = newline + 1;
        Ok(true)
    }

    fn find_newline(&mut self, upto: u64) -> io::Result<Option<u64>> {
        let mut scratch = vec![0; BLOCK];
        let mut at = self.offset;
        while at < upto {
            let got = match &self.file {
                Some(file) => file.read_at(&mut scratch, at - self.segment)?,
                None => 0,
            };
            if got == 0 {
                return Ok(None);
            }
            if let Some(found) = memchr::memchr(b'\n', &scratch[..got]) {
                let found = at + found as u64;
                return Ok((found < upto).then_some(found));
            }
            at += got as u64;
        }
        Ok(None)
    }

    /// Reads at the offset, from one segment: a line never goes on in another.
    fn fill(&mut self, block: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.file.is_none() {
                match File::open(segment::path(&self.dir, self.segment)) {
                    Ok(file) => self.file = Some(file),
                    // After a power loss the spool may be shorter than it was, down to nothing.
                    Err(error) if error.kind() == io::ErrorKind::NotFound && self.segment == 0 => {
                        return Ok(0);
                    }
                    Err(error) => return Err(error),
                }
            }
            let Some(file) = &self.file else { return Ok(0) };
            let mut got = 0;
            while got < block.len() {
                match file.read_at(&mut block[got..], self.offset - self.segment + got as u64)? {
                    0 => break,
                    n => got += n,
                }
            }
            // At the end of a segment the next one starts exactly here, if there is one.
            if got > 0 || self.offset == self.segment {
                return Ok(got);
            }
            if !segment::path(&self.dir, self.offset).exists() {
                return Ok(0);
            }
            self.segment = self.offset;
            self.file = None;
        }
    }
}

/// A page of the newest lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Complete lines, oldest first.
    pub lines: Vec<SpoolLine>,
    /// The oldest byte that is still kept.
    pub oldest: u64,
    /// Where the next page starts.
    pub next: u64,
}

/// Reads lines that start at or after `after`, up to the announced end `upto`, as
/// far as they are still kept; at most `max_lines` and about `max_bytes`. An
/// `after` inside a line starts at the next line.
///
/// # Errors
/// Those of the disk.
pub fn read_tail(dir: &Path, after: u64, upto: u64, max_lines: usize, max_bytes: usize) -> io::Result<Tail> {
    let starts = segment::starts(dir)?;
    let oldest = starts.first().copied().unwrap_or(0);
    let after = after.max(oldest);
    let segment = starts.iter().rev().find(|start| **start <= after).copied().unwrap_or(0);
    let mut reader = SpoolReader::open(dir, segment)?;
    reader.skip_to(after, upto)?;
    let mut lines = Vec::new();
    let mut bytes = 0usize;
    while lines.len() < max_lines && bytes < max_bytes {
        let from = reader.offset();
        let page = reader.read(upto, max_bytes - bytes)?;
        if page.is_empty() {
            break;
        }
        bytes = bytes.saturating_add(usize::try_from(reader.offset() - from).unwrap_or(usize::MAX));
        lines.extend(page);
    }
    lines.truncate(max_lines);
    let next = lines.last().map_or(reader.offset(), |line| line.next);
    Ok(Tail { lines, oldest, next })
}

impl SpoolReader {
    /// Moves to the first line that starts at or after an offset.
    fn skip_to(&mut self, offset: u64, upto: u64) -> io::Result<()> {
        if offset <= self.offset {
            return Ok(());
        }
        // The byte before the offset ends the line that is to be skipped.
        self.offset = offset - 1;
        let mut probe = [0; 1];
        if self.fill(&mut probe)? == 0 {
            self.offset = offset;
            return Ok(());
        }
        self.offset = self.find_newline(upto)?.map_or(upto, |newline| newline + 1);
        Ok(())
    }
}
