//! As much HTTP as the chores need: one connection, one request at a time, and streams of events that are read as
//! fast as they come. It shares no code with what it talks to, and knows no route.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// Where a server is, and what every request to it carries.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// `host:port`.
    pub(crate) address: String,
    /// Further header fields, each with its line end.
    pub(crate) headers: String,
}

impl Endpoint {
    /// One that wants a bearer token.
    pub(crate) fn with_token(address: &str, token: &str) -> Self {
        Self { address: address.to_owned(), headers: format!("Authorization: Bearer {token}\r\n") }
    }

    /// The bytes of a request.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Vec<u8> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            self.headers,
            body.len()
        );
        [head.as_bytes(), body.as_bytes()].concat()
    }
}

/// A connection that is kept.
pub(crate) struct Client {
    endpoint: Endpoint,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(endpoint: &Endpoint) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(&endpoint.address).context("the server does not answer")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self { endpoint: endpoint.clone(), stream: BufReader::with_capacity(256 * 1024, stream) })
    }

    fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<()> {
        let request = self.endpoint.request(method, path, body);
        Ok(self.stream.get_mut().write_all(&request)?)
    }

    fn head(&mut self) -> anyhow::Result<(u16, Option<usize>)> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).context("no status line")?;
        let mut length = None;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let text = line.trim_end().to_ascii_lowercase();
            if text.is_empty() {
                return Ok((status, length));
            }
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().ok();
            }
        }
    }

    /// Sends a request and reads the whole answer; anything but 2xx is an error.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.send(method, path, body)?;
        let (status, length) = self.head()?;
        let mut bytes = Vec::new();
        match length {
            Some(length) => {
                bytes.resize(length, 0);
                self.stream.read_exact(&mut bytes)?;
            }
            // Without a length and without chunks there is no body (204).
            None if status == 204 => {}
            None => self.chunks(|piece| {
                bytes.extend_from_slice(piece);
                true
            })?,
        }
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {value}");
        }
        Ok(value)
    }

    /// Opens a stream of events and hands over its bytes as they come, until the function says stop.
    pub(crate) fn stream(mut self, path: &str, each: impl FnMut(&[u8]) -> bool) -> anyhow::Result<()> {
        self.send("GET", path, None)?;
        let (status, _) = self.head()?;
        if status != 200 {
            bail!("GET {path}: {status}");
        }
        self.chunks(each)
    }

    fn chunks(&mut self, mut each: impl FnMut(&[u8]) -> bool) -> anyhow::Result<()> {
        let (mut framing, mut goes_on) = (Dechunk::default(), true);
        while goes_on && !framing.is_over() {
            let bytes = self.stream.fill_buf()?;
            if bytes.is_empty() {
                bail!("the stream broke");
            }
            let used = framing.push(bytes, |piece| goes_on = goes_on && each(piece))?;
            self.stream.consume(used);
        }
        Ok(())
    }
}

/// Takes the framing of a chunked body away, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Dechunk {
    /// Bytes of the chunk that are still to come, with its line end.
    left: usize,
    /// A chunk's length, as far as it was read.
    size: Option<usize>,
    /// The end was announced by a chunk of length 0.
    last: bool,
    over: bool,
}

impl Dechunk {
    /// Whether the body is over.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Hands over what belongs to the body; tells how many bytes it used: all, or all up to the body's end.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) -> anyhow::Result<usize> {
        let mut at = 0;
        while at < bytes.len() && !self.over {
            if self.left > 2 {
                let take = (self.left - 2).min(bytes.len() - at);
                each(&bytes[at..at + take]);
                (self.left, at) = (self.left - take, at + take);
                continue;
            }
            let byte = bytes[at];
            at += 1;
            match byte {
                _ if self.left > 0 => {
                    self.left -= 1;
                    self.over = self.left == 0 && self.last;
                }
                b'\r' => {}
                b'\n' => {
                    let size = self.size.take().context("not a chunk's length")?;
                    self.last = size == 0;
                    self.left = size + 2;
                }
                digit => {
                    let value = char::from(digit).to_digit(16).context("not a chunk's length")? as usize;
                    let size = self.size.unwrap_or(0).checked_mul(16).context("a chunk without measure")?;
                    self.size = Some(size + value);
                }
            }
        }
        Ok(at)
    }
}

/// Cuts a stream of bytes into `data:` lines.
#[derive(Debug, Default)]
pub(crate) struct DataLines {
    rest: Vec<u8>,
}

impl DataLines {
    /// Hands over the events that are whole now; stops when told.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8]) -> bool) -> bool {
        let mut bytes = bytes;
        if !self.rest.is_empty() {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.rest.extend_from_slice(bytes);
                return true;
            };
            self.rest.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.rest);
            if !data_of(&line).is_none_or(&mut each) {
                return false;
            }
        }
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let line = &bytes[..end];
            bytes = &bytes[end + 1..];
            if !data_of(line).is_none_or(&mut each) {
                return false;
            }
        }
        self.rest.extend_from_slice(bytes);
        true
    }
}

fn data_of(line: &[u8]) -> Option<&[u8]> {
    let data = line.strip_prefix(b"data:")?;
    Some(data.strip_prefix(b" ").unwrap_or(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_in_chunks_is_read_whole_however_it_is_cut() {
        let framed = b"5\r\ndata:\r\n10\r\n one\ndata: two\n\n\r\n0\r\n\r\nafter";
        for size in 1..=framed.len() {
            let (mut framing, mut lines, mut found, mut used) =
                (Dechunk::default(), DataLines::default(), Vec::new(), 0);
            for piece in framed.chunks(size) {
                let mut body = Vec::new();
                used += framing.push(piece, |bytes| body.extend_from_slice(bytes)).expect("framed");
                lines.push(&body, |data| {
                    found.push(String::from_utf8_lossy(data).into_owned());
                    true
                });
                if framing.is_over() {
                    break;
                }
            }
            assert_eq!(found, ["one", "two"], "in pieces of {size}");
            assert_eq!(&framed[used..], b"after", "in pieces of {size}");
        }
        assert!(Dechunk::default().push(b"HTTP", |_| {}).is_err());
    }
}
