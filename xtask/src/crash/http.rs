//! The smallest HTTP/1.1 client that will do: one connection per request, and streams of server-sent events. It shares
//! no code with what it talks to, and knows no route.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Where a daemon is, and how it knows us.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    pub(super) token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null if it is none.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// For people: the status and the beginning of the body.
    pub(super) fn brief(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {}", self.status, body.chars().take(300).collect::<String>())
    }
}

const CONNECTS_WITHIN: Duration = Duration::from_secs(2);

/// Asks once. An error says nothing about whether the request was heard.
pub(super) fn ask(
    to: &Endpoint,
    method: &str,
    path: &str,
    body: Option<&Value>,
    patience: Duration,
) -> io::Result<Reply> {
    ask_keyed(to, method, path, body, None, patience)
}

/// The same with an `Idempotency-Key`.
pub(super) fn ask_keyed(
    to: &Endpoint,
    method: &str,
    path: &str,
    body: Option<&Value>,
    key: Option<&str>,
    patience: Duration,
) -> io::Result<Reply> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let key = key.map(|key| format!("idempotency-key: {key}\r\n")).unwrap_or_default();
    let length = body.len();
    let more =
        format!("connection: close\r\ncontent-type: application/json\r\n{key}content-length: {length}\r\n");
    let mut wire = Wire::open(to, method, path, &more, patience)?;
    wire.socket.write_all(body.as_bytes())?;
    let (status, chunked, length) = wire.head()?;
    let mut whole = Vec::new();
    while !wire.take_body(chunked, length, &mut whole)? {
        if wire.fill()? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(Reply { status, body: whole })
}

/// A connection, and what was read from it and not yet used.
struct Wire {
    socket: TcpStream,
    pending: Vec<u8>,
}

impl Wire {
    fn open(to: &Endpoint, method: &str, path: &str, more: &str, patience: Duration) -> io::Result<Self> {
        let mut socket = TcpStream::connect_timeout(&to.address, CONNECTS_WITHIN)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        socket.set_nodelay(true)?;
        let (address, token) = (to.address, &to.token);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n{more}\r\n"
        );
        socket.write_all(head.as_bytes())?;
        Ok(Self { socket, pending: Vec::new() })
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 * 1024];
        let got = self.socket.read(&mut piece)?;
        self.pending.extend_from_slice(&piece[..got]);
        Ok(got)
    }

    /// Status, whether the body is chunked, and its length where it is told.
    fn head(&mut self) -> io::Result<(u16, bool, Option<usize>)> {
        let end = loop {
            if let Some(end) = find(&self.pending, b"\r\n\r\n") {
                break end;
            }
            if self.fill()? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let head = String::from_utf8_lossy(&self.pending[..end]).to_ascii_lowercase();
        self.pending.drain(..end + 4);
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let length = field("content-length:").and_then(|text| text.parse().ok());
        let chunked = field("transfer-encoding:") == Some("chunked");
        Ok((status.ok_or(io::ErrorKind::InvalidData)?, chunked, length))
    }

    /// Moves what is there of the body to `out`; true at its end.
    fn take_body(&mut self, chunked: bool, length: Option<usize>, out: &mut Vec<u8>) -> io::Result<bool> {
        if !chunked {
            out.append(&mut self.pending);
            return Ok(out.len() >= length.unwrap_or(0));
        }
        while let Some(at) = find(&self.pending, b"\r\n") {
            let size = String::from_utf8_lossy(&self.pending[..at]);
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            let (from, to) = (at + 2, at + 2 + size);
            if self.pending.len() < to + 2 {
                return Ok(false);
            }
            out.extend_from_slice(&self.pending[from..to]);
            self.pending.drain(..to + 2);
            if size == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// One frame of a stream.
#[derive(Debug, Default)]
pub(super) struct Frame {
    pub(super) id: Option<u64>,
    pub(super) event: String,
    pub(super) data: Vec<u8>,
}

/// An open stream of server-sent events.
pub(super) struct Stream {
    wire: Wire,
    chunked: bool,
    decoded: Vec<u8>,
    searched: usize,
    /// The end of the body was read.
    over: bool,
}

impl Stream {
    /// Opens a stream after a position, or gives the answer that refused it.
    pub(super) fn open(to: &Endpoint, path: &str, after: u64) -> io::Result<Result<Self, Reply>> {
        let more = format!("accept: text/event-stream\r\nlast-event-id: {after}\r\n");
        let mut wire = Wire::open(to, "GET", path, &more, Duration::from_secs(10))?;
        let (status, chunked, length) = wire.head()?;
        if status != 200 {
            let mut body = Vec::new();
            while !wire.take_body(chunked, length, &mut body)? && wire.fill()? > 0 {}
            return Ok(Err(Reply { status, body }));
        }
        wire.socket.set_read_timeout(Some(Duration::from_millis(300)))?;
        Ok(Ok(Self { wire, chunked, decoded: Vec::new(), searched: 0, over: false }))
    }

    /// The next frame; none when there is none for a moment. The end of the stream is an error.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.frame() {
                return Ok(Some(frame));
            }
            // What came with the head is looked at before more is waited for: it may be all.
            let before = self.wire.pending.len();
            self.over |= self.wire.take_body(self.chunked, Some(usize::MAX), &mut self.decoded)?;
            if self.wire.pending.len() < before {
                continue;
            }
            if self.over {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match self.wire.fill() {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn frame(&mut self) -> Option<Frame> {
        let Some(end) = find(&self.decoded[self.searched..], b"\n\n").map(|at| at + self.searched) else {
            self.searched = self.decoded.len().saturating_sub(1);
            return None;
        };
        let text: Vec<u8> = self.decoded.drain(..end + 2).collect();
        self.searched = 0;
        let mut frame = Frame::default();
        for line in text.split(|byte| *byte == b'\n') {
            let value = |name: &[u8]| line.strip_prefix(name);
            if let Some(id) = value(b"id: ") {
                frame.id = String::from_utf8_lossy(id).parse().ok();
            } else if let Some(event) = value(b"event: ") {
                frame.event = String::from_utf8_lossy(event).into_owned();
            } else if let Some(data) = value(b"data: ") {
                frame.data = data.to_vec();
            }
        }
        Some(frame)
    }
}
