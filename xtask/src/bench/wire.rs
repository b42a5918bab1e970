//! As much HTTP as the measurements need: one connection, one request at a time, and a stream of events that is read as
//! fast as it comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// A connection that is kept.
pub(super) struct Client {
    address: String,
    token: String,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) fn connect(address: &str, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).context("the daemon does not answer")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(120)))?;
        Ok(Self {
            address: address.to_owned(),
            token: token.to_owned(),
            stream: BufReader::with_capacity(256 * 1024, stream),
        })
    }

    fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<()> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            self.token,
            body.len()
        );
        self.stream.get_mut().write_all(&[head.as_bytes(), body.as_bytes()].concat())?;
        Ok(())
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
    pub(super) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        self.send(method, path, body)?;
        let (status, length) = self.head()?;
        let mut bytes = Vec::new();
        match length {
            Some(length) => {
                bytes.resize(length, 0);
                self.stream.read_exact(&mut bytes)?;
            }
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
    pub(super) fn stream(mut self, path: &str, each: impl FnMut(&[u8]) -> bool) -> anyhow::Result<()> {
        self.send("GET", path, None)?;
        let (status, _) = self.head()?;
        if status != 200 {
            bail!("GET {path}: {status}");
        }
        self.chunks(each)
    }

    fn chunks(&mut self, mut each: impl FnMut(&[u8]) -> bool) -> anyhow::Result<()> {
        let mut line = String::new();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let mut left = usize::from_str_radix(line.trim_end(), 16).context("not a chunk's length")?;
            let last = left == 0;
            while left > 0 {
                let want = left.min(buffer.len());
                let got = self.stream.read(&mut buffer[..want])?;
                if got == 0 {
                    bail!("the stream broke");
                }
                left -= got;
                if !each(&buffer[..got]) {
                    return Ok(());
                }
            }
            line.clear();
            self.stream.read_line(&mut line)?;
            if last {
                return Ok(());
            }
        }
    }
}

/// Cuts a stream of bytes into `data:` lines.
#[derive(Default)]
pub(super) struct DataLines {
    rest: Vec<u8>,
}

impl DataLines {
    /// Hands over the events that are whole now; stops when told.
    pub(super) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8]) -> bool) -> bool {
        self.rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(at) = self.rest[from..].iter().position(|b| *b == b'\n') {
            let line = &self.rest[from..from + at];
            from += at + 1;
            if let Some(data) = line.strip_prefix(b"data: ")
                && !each(data)
            {
                return false;
            }
        }
        self.rest.drain(..from);
        true
    }
}
