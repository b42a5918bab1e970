//! Reads lines of bounded length from stdin. It knows nothing of JSON.

use std::io::{self, BufRead};

/// The longest line that is read: inputs may be 64 MB, and escapes can double them.
pub(crate) const LONGEST: usize = 160 * 1024 * 1024;

/// What one read gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A whole line, without its newline. A last line without one counts.
    Whole(Vec<u8>),
    /// A line over the limit, thrown away; its length in bytes.
    TooLong(usize),
    /// Nothing more will come.
    End,
}

/// Reads the next line of at most `longest` bytes.
pub(crate) fn next_line(from: &mut impl BufRead, longest: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut length = 0;
    loop {
        let seen = match from.fill_buf() {
            Ok(seen) => seen,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if seen.is_empty() {
            return Ok(if length == 0 { Line::End } else { finish(line, length, longest) });
        }
        let newline = memchr::memchr(b'\n', seen);
        let part = &seen[..newline.unwrap_or(seen.len())];
        length += part.len();
        if length <= longest {
            line.extend_from_slice(part);
        } else {
            line = Vec::new();
        }
        let used = part.len() + usize::from(newline.is_some());
        from.consume(used);
        if newline.is_some() {
            return Ok(finish(line, length, longest));
        }
    }
}

fn finish(line: Vec<u8>, length: usize, longest: usize) -> Line {
    if length > longest { Line::TooLong(length) } else { Line::Whole(line) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn whole_long_and_last_lines() {
        let mut from = BufReader::with_capacity(4, &b"one\n\ntoo long a line\nsix\nend"[..]);
        let mut next = || next_line(&mut from, 6).unwrap();
        assert_eq!(next(), Line::Whole(b"one".to_vec()));
        assert_eq!(next(), Line::Whole(Vec::new()));
        assert_eq!(next(), Line::TooLong(15));
        assert_eq!(next(), Line::Whole(b"six".to_vec()));
        assert_eq!(next(), Line::Whole(b"end".to_vec()));
        assert_eq!(next(), Line::End);
    }
}
