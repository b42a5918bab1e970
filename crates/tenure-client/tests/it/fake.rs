//! A daemon that answers what a test tells it to: HTTP/1.1 by hand, one request per connection.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tenure_client::Home;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, UnixListener};

#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

pub(crate) enum Reply {
    /// Status, content type, body.
    Whole(u16, &'static str, String),
    /// An event stream that ends after this.
    Stream(String),
    /// An event stream that stays open after this.
    Open(String),
    /// Nothing, while the client waits.
    Never,
    /// The connection is cut without a word.
    Cut,
}

pub(crate) fn json(status: u16, body: impl ToString) -> Reply {
    Reply::Whole(status, "application/json", body.to_string())
}

/// A session as a daemon shows it.
pub(crate) fn session(id: &str, title: Option<&str>) -> Value {
    json!({
        "id": id, "agent": "scripted", "native_id": null, "title": title, "tags": [], "metadata": {}, "cwd": "/w",
        "workspace": {"id": "wks_1", "kind": "directory", "path": "/w"}, "project": {"id": "prj_1", "path": "/w"},
        "lifecycle": "live", "activity": {"state": "idle", "since": "2026-11-20T00:00:00.000Z"},
        "last_outcome": null, "archived": false, "health": {"state": "healthy"}, "tasks_running": 0,
        "model": null, "mode": null, "effort": null, "epoch": 0, "queue": [], "pending_asks": [], "usage": {},
        "node": "n", "last_seq": 3,
        "created_at": "2026-11-20T00:00:00.000Z", "updated_at": "2026-11-20T00:00:00.000Z",
    })
}

/// An address where nobody is.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

pub(crate) fn socket(home: &Home) -> PathBuf {
    home.dir().join("tenure.sock")
}

pub(crate) type Asks = Arc<Mutex<Vec<Asked>>>;
type Handler = Arc<dyn Fn(usize, &Asked) -> Reply + Send + Sync>;

/// Serves `handler` on a TCP port of its own; it gets the number of requests before, healthz not counted.
pub(crate) async fn tcp(handler: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> (String, Asks) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asks, handler): (Asks, Handler) = (Asks::default(), Arc::new(handler));
    let kept = asks.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, kept.clone(), handler.clone()));
        }
    });
    (url, asks)
}

/// The same as the daemon of a home, in place of one that was there.
pub(crate) fn daemon(home: &Home, handler: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Asks {
    let _ = std::fs::remove_file(socket(home));
    let listener = UnixListener::bind(socket(home)).unwrap();
    announce(home, NOWHERE);
    let (asks, handler): (Asks, Handler) = (Asks::default(), Arc::new(handler));
    let kept = asks.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, kept.clone(), handler.clone()));
        }
    });
    asks
}

/// The same as [`tcp`] in a runtime of its own, with the number of connections that are open now.
pub(crate) fn apart(
    handler: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let open = Arc::new(AtomicUsize::new(0));
    let (counted, handler): (_, Handler) = (open.clone(), Arc::new(handler));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let (counted, handler) = (counted.clone(), handler.clone());
                tokio::spawn(async move {
                    counted.fetch_add(1, Ordering::Relaxed);
                    serve(stream, Asks::default(), handler).await;
                    counted.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
    });
    (url, open)
}

/// Writes `daemon.json` as a daemon does, at once.
pub(crate) fn announce(home: &Home, url: &str) {
    let file = json!({
        "url": url, "socket": socket(home), "pid": 1, "version": "0.1.0",
        "started_at": "2026-11-20T00:00:00Z",
    });
    std::fs::write(home.dir().join("new.json"), file.to_string()).unwrap();
    std::fs::rename(home.dir().join("new.json"), home.daemon_file_path()).unwrap();
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, asks: Asks, handler: Handler) {
    let mut stream = BufReader::new(stream);
    let Some(asked) = read(&mut stream).await else { return };
    if asked.line.starts_with("GET /healthz") {
        let body = r#"{"status":"ok","version":"0.1.0"}"#;
        let _ = write(&mut stream, 200, "application/json", body).await;
        return;
    }
    let count = {
        let mut asks = asks.lock().unwrap();
        asks.push(asked.clone());
        asks.len() - 1
    };
    match handler(count, &asked) {
        Reply::Whole(status, kind, body) => drop(write(&mut stream, status, kind, &body).await),
        Reply::Stream(text) => drop(stream_head(&mut stream, &text).await),
        Reply::Open(text) => {
            let _ = stream_head(&mut stream, &text).await;
            let _ = stream.read_u8().await;
        }
        Reply::Never => drop(stream.read_u8().await),
        Reply::Cut => {}
    }
}

async fn read(stream: &mut (impl AsyncBufReadExt + Unpin)) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 2 {
        let text = line.trim_end();
        match text.split_once(": ") {
            Some((name, value)) => asked.headers.push((name.to_lowercase(), value.to_owned())),
            None => asked.line = text.to_owned(),
        }
        line.clear();
    }
    let length = asked.header("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).ok()?;
    (!asked.line.is_empty()).then_some(asked)
}

async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    status: u16,
    kind: &str,
    body: &str,
) -> std::io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await
}

async fn stream_head(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n{text}");
    stream.write_all(head.as_bytes()).await?;
    stream.flush().await
}
