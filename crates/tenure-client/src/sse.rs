//! Server-sent events: bytes to frames. Knows lines and fields, nothing of what frames say.

use std::collections::VecDeque;

/// The longest frame that is read, in bytes: longer than the longest line of an agent.
pub const MAX_FRAME: usize = 40 << 20;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// `id:`, if it had one.
    pub id: Option<String>,
    /// `event:`, or `message`.
    pub event: String,
    /// `data:`, its lines joined.
    pub data: String,
}

/// A frame that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is longer than the maximum.
    #[error("a frame is longer than {max} bytes")]
    TooLong {
        /// The maximum.
        max: usize,
    },
    /// It is not UTF-8.
    #[error("a frame is not UTF-8")]
    NotText,
}

/// Takes bytes as they come and gives frames. Lines may end in LF, CR LF or CR; comments are skipped.
#[derive(Debug)]
pub struct FrameReader {
    max: usize,
    /// The line so far, without its end.
    line: Vec<u8>,
    /// The last byte was a CR: an LF right after it belongs to it.
    after_cr: bool,
    at_start: bool,
    open: Open,
    done: VecDeque<Frame>,
}

#[derive(Debug, Default)]
struct Open {
    id: Option<String>,
    event: Option<String>,
    data: Option<String>,
    bytes: usize,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::new(MAX_FRAME)
    }
}

impl FrameReader {
    /// A reader that refuses frames of more than `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let open = Open::default();
        Self { max, line: Vec::new(), after_cr: false, at_start: true, open, done: VecDeque::new() }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// A frame is too long or not text; nothing after it can be trusted.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), FrameError> {
        if !bytes.is_empty() && std::mem::take(&mut self.after_cr) && bytes[0] == b'\n' {
            bytes = &bytes[1..];
        }
        while let Some(at) = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')) {
            self.push(&bytes[..at])?;
            self.end_line()?;
            let cr = bytes[at] == b'\r';
            bytes = &bytes[at + 1..];
            match bytes.first() {
                Some(b'\n') if cr => bytes = &bytes[1..],
                None if cr => self.after_cr = true,
                _ => {}
            }
        }
        self.push(bytes)
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        self.done.pop_front()
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        if self.line.len() + self.open.bytes + bytes.len() > self.max {
            return Err(FrameError::TooLong { max: self.max });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), FrameError> {
        let line = std::mem::take(&mut self.line);
        let line = std::str::from_utf8(&line).map_err(|_| FrameError::NotText)?;
        let line =
            if std::mem::take(&mut self.at_start) { line.trim_start_matches('\u{feff}') } else { line };
        if line.is_empty() {
            self.end_frame();
            return Ok(());
        }
        self.open.bytes += line.len();
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" if !value.contains('\0') => self.open.id = Some(value.to_owned()),
            "event" => self.open.event = Some(value.to_owned()),
            "data" => match &mut self.open.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.open.data = Some(value.to_owned()),
            },
            // A comment does not count towards a frame, or a quiet stream would grow too long by keep-alives.
            "" => self.open.bytes -= line.len(),
            _ => {}
        }
        Ok(())
    }

    fn end_frame(&mut self) {
        let open = std::mem::take(&mut self.open);
        if let Some(data) = open.data {
            let event = open.event.unwrap_or_else(|| "message".to_owned());
            self.done.push_back(Frame { id: open.id, event, data });
        }
    }
}

#[cfg(test)]
mod tests;
