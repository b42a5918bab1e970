//! Requests byte for byte, as no client library would send them, on a connection of their own.

use std::time::Duration;

use tenure_test::daemon::TestDaemon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than any limit of the daemon.
const LIMIT: Duration = Duration::from_secs(60);
/// No answer here is longer.
const MOST: u64 = 1 << 20;

/// `HOST:PORT` of a daemon.
pub(crate) fn authority(daemon: &TestDaemon) -> String {
    daemon.url().trim_start_matches("http://").to_owned()
}

/// A new connection.
pub(crate) async fn connect(daemon: &TestDaemon) -> TcpStream {
    let stream = timeout(LIMIT, TcpStream::connect(authority(daemon))).await;
    stream.expect("connected in time").expect("connected")
}

/// Sends bytes and reads until the other side has ended the connection.
pub(crate) async fn say(daemon: &TestDaemon, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = connect(daemon).await;
    // Whoever refuses early ends the connection before all is sent.
    let _ = timeout(LIMIT, stream.write_all(bytes.as_ref())).await.expect("sent in time");
    rest(stream).await
}

/// What still comes until the end of a connection.
pub(crate) async fn rest(stream: TcpStream) -> String {
    let mut answer = Vec::new();
    // A connection that is cut while something is unread ends in an error: what came before it counts.
    let _ = timeout(LIMIT, stream.take(MOST).read_to_end(&mut answer)).await.expect("ended in time");
    String::from_utf8_lossy(&answer).into_owned()
}

/// A request's head: its first line's start, and header lines; the connection is to end with the answer.
pub(crate) fn head(first: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{first} HTTP/1.1\r\n{lines}connection: close\r\n\r\n")
}

/// The status of an answer; 0 if there is none.
pub(crate) fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_default()
}

/// How many answers came.
pub(crate) fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}
