//! Keys: bytes of a terminal as what was pressed, and reading them.

use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::pipe::PipeFlags;
use tokio::sync::mpsc;

use super::raw::RawMode;

/// What was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    Char(char),
    Enter,
    /// Alt-Enter or Ctrl-J: a new line inside a text.
    NewLine,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    Ctrl(char),
    Escape,
    /// Pasted text, whole.
    Paste(String),
}

const PASTE_ON: &[u8] = b"\x1b[?2004h";
const PASTE_OFF: &[u8] = b"\x1b[?2004l";
const PASTE_END: &[u8] = b"\x1b[201~";
/// Longer pastes are cut.
const MAX_PASTE: usize = 4 << 20;
/// Keys that wait to be taken.
const BUFFERED: usize = 256;

/// Bytes to keys. Keeps what is not whole yet.
#[derive(Debug, Default)]
pub(crate) struct KeyReader {
    pending: Vec<u8>,
    paste: Option<Vec<u8>>,
}

impl KeyReader {
    /// The keys that these bytes complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.pending.extend_from_slice(bytes);
        let mut keys = Vec::new();
        loop {
            if self.paste.is_some() {
                match self.pasted() {
                    Some(text) => keys.push(Key::Paste(text)),
                    None => return keys,
                }
                continue;
            }
            let Some((key, used)) = next_key(&self.pending) else { return keys };
            self.pending.drain(..used);
            match key {
                Read::Key(key) => keys.push(key),
                Read::PasteBegins => self.paste = Some(Vec::new()),
                Read::Nothing => {}
            }
        }
    }

    fn pasted(&mut self) -> Option<String> {
        let paste = self.paste.as_mut()?;
        let end = self.pending.windows(PASTE_END.len()).position(|w| w == PASTE_END);
        let take = end.unwrap_or_else(|| self.pending.len().saturating_sub(PASTE_END.len() - 1));
        let room = MAX_PASTE.saturating_sub(paste.len());
        paste.extend(self.pending.drain(..take).take(room));
        end?;
        self.pending.drain(..PASTE_END.len());
        let text = String::from_utf8_lossy(&self.paste.take()?).into_owned();
        Some(text.replace("\r\n", "\n").replace('\r', "\n"))
    }
}

enum Read {
    Key(Key),
    PasteBegins,
    Nothing,
}

/// The first key and its length; none while it is not whole.
fn next_key(bytes: &[u8]) -> Option<(Read, usize)> {
    let key = |key, used| Some((Read::Key(key), used));
    match *bytes.first()? {
        0x1b => escape(bytes),
        b'\r' => key(Key::Enter, 1),
        b'\n' => key(Key::NewLine, 1),
        0x7f | 0x08 => key(Key::Backspace, 1),
        b'\t' => key(Key::Char('\t'), 1),
        c @ 1..=26 => key(Key::Ctrl(char::from(b'a' + c - 1)), 1),
        0..=31 => Some((Read::Nothing, 1)),
        first => {
            let length = match first {
                0xc0..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf7 => 4,
                _ => 1,
            };
            let text = bytes.get(..length)?;
            match std::str::from_utf8(text).ok().and_then(|t| t.chars().next()) {
                Some(c) => key(Key::Char(c), length),
                None => Some((Read::Nothing, 1)),
            }
        }
    }
}

/// A key that begins with ESC. ESC alone at the end of what came is the key itself: terminals send sequences whole.
fn escape(bytes: &[u8]) -> Option<(Read, usize)> {
    let key = |key, used| Some((Read::Key(key), used));
    match bytes.get(1) {
        None => key(Key::Escape, 1),
        Some(b'\r' | b'\n') => key(Key::NewLine, 2),
        Some(b'[' | b'O') => {
            let end = 2 + bytes[2..].iter().position(|b| (0x40..=0x7e).contains(b))?;
            let read = match &bytes[2..=end] {
                b"A" => Read::Key(Key::Up),
                b"B" => Read::Key(Key::Down),
                b"C" => Read::Key(Key::Right),
                b"D" => Read::Key(Key::Left),
                b"H" | b"1~" | b"7~" => Read::Key(Key::Home),
                b"F" | b"4~" | b"8~" => Read::Key(Key::End),
                b"3~" => Read::Key(Key::Delete),
                b"200~" => Read::PasteBegins,
                _ => Read::Nothing,
            };
            Some((read, end + 1))
        }
        Some(_) => key(Key::Escape, 1),
    }
}

/// Keys of a terminal in raw mode, until dropped.
pub(crate) struct Keys {
    keys: mpsc::Receiver<Key>,
    /// Closed when this is dropped, which ends the thread that reads.
    _stop: OwnedFd,
    _raw: RawMode,
}

/// The terminal of the person who looks on: standard input, or, where a pipe brought the prompt, the controlling
/// terminal. None if there is no person.
fn terminal(stdin_was_read: bool) -> Option<OwnedFd> {
    let stdin = io::stdin();
    if !super::stdout_is_terminal() {
        None
    } else if io::IsTerminal::is_terminal(&stdin) {
        rustix::io::dup(stdin).ok()
    } else if stdin_was_read {
        Some(std::fs::File::options().read(true).write(true).open("/dev/tty").ok()?.into())
    } else {
        None
    }
}

impl Keys {
    /// Whether there is a person whose keys could be read.
    pub(crate) fn can_open(stdin_was_read: bool) -> bool {
        terminal(stdin_was_read).is_some()
    }

    /// Reads keys from now on. Only right before a look, which restores the terminal whatever ends it.
    pub(crate) fn open(stdin_was_read: bool) -> Option<Self> {
        let terminal = terminal(stdin_was_read)?;
        let raw = RawMode::enter(&terminal).ok()?;
        let (stopped, stop) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).ok()?;
        let (to, keys) = mpsc::channel(BUFFERED);
        let thread = std::thread::Builder::new().name("keys".into());
        thread.spawn(move || read(&terminal, &stopped, &to)).ok()?;
        let _ = io::stdout().write_all(PASTE_ON);
        Some(Self { keys, _stop: stop, _raw: raw })
    }

    /// The next key. None when the terminal is gone. May be cancelled.
    pub(crate) async fn next(&mut self) -> Option<Key> {
        self.keys.recv().await
    }
}

/// Reads keys until the terminal is gone or nobody wants them. A thread, because the terminal's descriptor is shared
/// with the shell and must stay one that blocks.
fn read(terminal: &OwnedFd, stopped: &OwnedFd, to: &mpsc::Sender<Key>) {
    let mut reader = KeyReader::default();
    let mut bytes = [0; 4096];
    loop {
        let mut ready = [PollFd::new(terminal, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut ready, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) if !ready[1].revents().is_empty() => return,
            Ok(_) => {}
        }
        match rustix::io::read(terminal, &mut bytes) {
            Ok(0) => return,
            Ok(n) => {
                for key in reader.feed(&bytes[..n]) {
                    if to.blocking_send(key).is_err() {
                        return;
                    }
                }
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => return,
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        let mut out = io::stdout();
        let _ = out.write_all(PASTE_OFF);
        let _ = out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_keys_however_they_are_cut() {
        let bytes = "aé日\r\x1b[A\x1b[3~\x1bOF\x01\x7f\x1b\r\x1b[200~two\r\nlines\x1b[A\x1b[201~z".as_bytes();
        let want = vec![
            Key::Char('a'),
            Key::Char('é'),
            Key::Char('日'),
            Key::Enter,
            Key::Up,
            Key::Delete,
            Key::End,
            Key::Ctrl('a'),
            Key::Backspace,
            Key::NewLine,
            Key::Paste("two\nlines\x1b[A".into()),
            Key::Char('z'),
        ];
        assert_eq!(KeyReader::default().feed(bytes), want);
        let mut reader = KeyReader::default();
        // Sequences come whole, so they are cut only where a read can cut them: inside of a paste and of a letter.
        let cuts = [2, 5, bytes.len() - 15, bytes.len() - 3];
        let mut keys = Vec::new();
        let mut from = 0;
        for at in cuts.into_iter().chain([bytes.len()]) {
            keys.extend(reader.feed(&bytes[from..at]));
            from = at;
        }
        assert_eq!(keys, want);
    }

    #[test]
    fn escape_alone_is_a_key_and_noise_is_none() {
        assert_eq!(KeyReader::default().feed(b"\x1b"), [Key::Escape]);
        assert_eq!(KeyReader::default().feed(b"\x1b[99;5u\xff\x00x"), [Key::Char('x')]);
    }
}
