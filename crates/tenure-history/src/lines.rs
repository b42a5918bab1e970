//! Lines of a file, one at a time in one buffer, each with its place. What a line says is not known here.

use std::io::{self, Read};

/// The longest line that is read, in bytes; a longer one is told and skipped.
pub const MAX_LINE: usize = 32 << 20;

/// What is read from the file at once.
const CHUNK: usize = 256 << 10;

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Its first byte in the file.
    pub(crate) offset: u64,
    /// The byte after it and after its newline.
    pub(crate) end: u64,
    /// What it says, without the newline; nothing where it is too long.
    pub(crate) bytes: &'a [u8],
    /// It is longer than [`MAX_LINE`].
    pub(crate) oversized: bool,
    /// A newline ends it. The last line of a file may lack one.
    pub(crate) terminated: bool,
}

/// Reads lines.
pub(crate) struct Lines<R> {
    source: R,
    buffer: Vec<u8>,
    /// The line that comes next begins here in the buffer.
    start: usize,
    /// Bytes of the buffer that are filled.
    filled: usize,
    /// Place of `start` in the file.
    offset: u64,
    max: usize,
    at_end: bool,
}

impl<R: Read> Lines<R> {
    /// Lines of `source`, whose first byte has this place.
    pub(crate) fn new(source: R, offset: u64) -> Self {
        Self::with_max(source, offset, MAX_LINE)
    }

    pub(crate) fn with_max(source: R, offset: u64, max: usize) -> Self {
        Self { source, buffer: vec![0; CHUNK], start: 0, filled: 0, offset, max, at_end: false }
    }

    /// The next line, or none at the end of the file.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut searched = 0;
        loop {
            let waiting = &self.buffer[self.start..self.filled];
            if let Some(at) = memchr::memchr(b'\n', &waiting[searched..]) {
                return Ok(Some(self.take(searched + at, true)));
            }
            searched = waiting.len();
            if searched > self.max {
                return self.skip().map(Some);
            }
            if self.at_end {
                return Ok((searched > 0).then(|| self.take(searched, false)));
            }
            self.fill()?;
        }
    }

    /// What was read of the source and stands behind the last line.
    pub(crate) fn surplus(self) -> Vec<u8> {
        self.buffer[self.start..self.filled].to_vec()
    }

    fn take(&mut self, len: usize, terminated: bool) -> Line<'_> {
        let (start, offset) = (self.start, self.offset);
        let whole = len + usize::from(terminated);
        self.start += whole;
        self.offset += whole as u64;
        let oversized = len > self.max;
        let bytes = if oversized { &[] } else { &self.buffer[start..start + len] };
        Line { offset, end: self.offset, bytes, oversized, terminated }
    }

    /// Reads over a line that is too long, forgetting it.
    fn skip(&mut self) -> io::Result<Line<'_>> {
        let offset = self.offset;
        let mut terminated = false;
        loop {
            let waiting = &self.buffer[self.start..self.filled];
            let found = memchr::memchr(b'\n', waiting);
            let gone = found.map_or(waiting.len(), |at| at + 1);
            self.start += gone;
            self.offset += gone as u64;
            terminated |= found.is_some();
            if terminated || self.at_end {
                return Ok(Line { offset, end: self.offset, bytes: &[], oversized: true, terminated });
            }
            self.fill()?;
        }
    }

    /// Makes room and reads on.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.filled..]) {
                Ok(0) => self.at_end = true,
                Ok(count) => self.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], max: usize) -> Vec<(u64, Vec<u8>, bool, bool)> {
        let mut lines = Lines::with_max(text, 100, max);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((line.offset, line.bytes.to_vec(), line.oversized, line.terminated));
        }
        all
    }

    #[test]
    fn lines_come_with_their_places_and_the_last_may_lack_its_end() {
        let lines = read(b"one\n\ntwo", 100);
        assert_eq!(
            lines,
            [
                (100, b"one".to_vec(), false, true),
                (104, Vec::new(), false, true),
                (105, b"two".to_vec(), false, false)
            ]
        );
        assert!(read(b"", 10).is_empty());
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let long = vec![b'x'; 3 * CHUNK];
        let text = [b"a\n", &long[..], b"\nb\n"].concat();
        let lines = read(&text, CHUNK / 2);
        let seen: Vec<(u64, usize, bool)> = lines.iter().map(|line| (line.0, line.1.len(), line.2)).collect();
        let after = 102 + 3 * CHUNK as u64 + 1;
        assert_eq!(seen, [(100, 1, false), (102, 0, true), (after, 1, false)]);
        assert_eq!(read(&long, 10), [(100, Vec::new(), true, false)]);
    }

    #[test]
    fn a_line_may_be_longer_than_what_is_read_at_once() {
        let long = vec![b'y'; 2 * CHUNK + 7];
        let text = [&long[..], b"\nz"].concat();
        let lines = read(&text, MAX_LINE);
        assert_eq!((lines[0].1.len(), lines[1].1.as_slice()), (long.len(), b"z".as_slice()));
    }
}
