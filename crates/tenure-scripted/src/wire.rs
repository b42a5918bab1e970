//! Everything that goes to stdout, behind one lock: whole lines only, each recorded right after it was written.
//! What the lines mean is decided elsewhere.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::record::{Act, Recorder, Sent};

/// How long the end of the process waits for a line that is being written.
const LONGEST_FREEZE: Duration = Duration::from_millis(200);

/// The one writer of this process.
pub(crate) struct Wire {
    out: Mutex<Out>,
    record: Arc<Recorder>,
    /// Where to tell that nobody reads any more; none if that is to be ignored.
    end: Option<SyncSender<u8>>,
}

struct Out {
    file: File,
    lines: u64,
    closed: bool,
}

impl Wire {
    pub(crate) fn stdout(record: Arc<Recorder>, end: Option<SyncSender<u8>>) -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self { out: Mutex::new(Out { file, lines: 0, closed: false }), record, end })
    }

    /// Sends one JSON message as a line.
    pub(crate) fn send(&self, message: &Value) {
        let mut line = message.to_string().into_bytes();
        line.push(b'\n');
        self.line(&line, || Sent::of(message, line.len() - 1));
    }

    /// Sends bytes as they are and a newline. Newlines among them make several lines, each recorded.
    pub(crate) fn send_raw(&self, what: &str, bytes: &[u8]) {
        for part in bytes.split(|byte| *byte == b'\n') {
            let mut line = part.to_vec();
            line.push(b'\n');
            self.line(&line, || Sent::raw(what, part));
        }
    }

    /// Sends many lines that end in newlines: in one write if nobody keeps a record, else one by one.
    pub(crate) fn send_many(&self, lines: &[u8]) {
        if !self.record.is_on() {
            let mut out = self.hold();
            self.put(&mut out, lines);
            return;
        }
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            self.line(line, || match serde_json::from_slice(text) {
                Ok(message) => Sent::of(&message, text.len()),
                Err(_) => Sent::raw("line", text),
            });
        }
    }

    /// Sends one line of `head`, `fill` repeated up to `fill_bytes`, and `tail`, without holding it in memory.
    pub(crate) fn send_huge(&self, what: &str, head: &[u8], fill: u8, fill_bytes: usize, tail: &[u8]) {
        let piece = [fill; 16 * 1024];
        let mut out = self.hold();
        let mut whole = self.put(&mut out, head);
        let mut left = fill_bytes;
        while left > 0 && whole {
            let now = left.min(piece.len());
            whole = self.put(&mut out, &piece[..now]);
            left -= now;
        }
        if whole && self.put(&mut out, tail) && self.put(&mut out, b"\n") {
            out.lines += 1;
            let (line, bytes) = (out.lines, head.len() + fill_bytes + tail.len());
            self.record.write(|| Act::Sent(Sent { line, what: what.to_owned(), bytes, ..Sent::default() }));
        }
    }

    /// Lets nothing be written any more, so that all that was written is whole and recorded. Waits a moment for a line
    /// that is being written; one that nobody reads must not keep the process from ending.
    pub(crate) fn freeze(&self) {
        let deadline = Instant::now() + LONGEST_FREEZE;
        while Instant::now() < deadline {
            match self.out.try_lock() {
                Ok(mut out) => out.closed = true,
                Err(TryLockError::Poisoned(out)) => out.into_inner().closed = true,
                Err(TryLockError::WouldBlock) => {
                    thread::sleep(Duration::from_millis(1));
                    continue;
                }
            }
            return;
        }
    }

    fn line(&self, line: &[u8], describe: impl FnOnce() -> Sent) {
        let mut out = self.hold();
        if self.put(&mut out, line) {
            out.lines += 1;
            let number = out.lines;
            self.record.write(|| Act::Sent(Sent { line: number, ..describe() }));
        }
    }

    fn hold(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether all of it was written.
    fn put(&self, out: &mut Out, bytes: &[u8]) -> bool {
        if out.closed {
            return false;
        }
        let Err(error) = out.file.write_all(bytes) else { return true };
        out.closed = true;
        self.record.write(|| Act::StdoutClosed { error: error.to_string() });
        if let Some(end) = &self.end {
            // A full channel means that the end is already on its way.
            let _ = end.try_send(1);
        }
        false
    }
}
