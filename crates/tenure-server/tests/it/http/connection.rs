//! What only a real connection shows: heads too large, bodies too slow, floods.

use std::time::Duration;

use tenure_server::http::{HttpLimits, Listener, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::app::TestApp;

struct Served {
    app: TestApp,
    address: std::net::SocketAddr,
    server: JoinHandle<()>,
}

async fn served(limits: HttpLimits) -> Served {
    let app = TestApp::with("[http]\nhosts = [\"127.0.0.1\"]\n", limits).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(serve(app.gate.clone(), vec![Listener::Tcp(listener)]));
    Served { app, address, server }
}

impl Served {
    // Sends bytes and reads until the other side has ended the connection.
    async fn say(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("connected");
        stream.write_all(text.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // A connection that is cut while something is unread ends in an error: what came before it counts.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn head(&self, first: &str, more: &str) -> String {
        let token = &self.app.token;
        format!("{first} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n{more}\r\n")
    }
}

#[tokio::test]
async fn a_head_has_a_largest_size() {
    let served = served(HttpLimits::default()).await;
    let close = "connection: close\r\n";
    assert!(served.say(&served.head("GET /v1/info", close)).await.starts_with("HTTP/1.1 200 "));
    let long = format!("x: {}\r\n{close}", "y".repeat(20_000));
    assert!(served.say(&served.head("GET /v1/info", &long)).await.starts_with("HTTP/1.1 431 "));
    let many: String = (0..100).map(|n| format!("x{n}: y\r\n")).collect();
    assert!(served.say(&served.head("GET /v1/info", &many)).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let limits = HttpLimits { body_idle: Duration::from_millis(20), ..HttpLimits::default() };
    let served = served(limits).await;
    let head = served.head("POST /v1/projects", "content-length: 100\r\n");
    let answer = served.say(&format!("{head}{{\"path\":")).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"code\":\"timeout\""), "{answer}");
    let limits = HttpLimits { header_time: Duration::from_millis(20), ..HttpLimits::default() };
    let served = self::served(limits).await;
    assert!(!served.say("GET /v1/info HTTP/1.1\r\nhost:").await.contains(" 200 "));
}

#[tokio::test]
async fn connections_that_show_no_token_are_capped() {
    let served = served(HttpLimits { unknown_connections: 2, ..HttpLimits::default() }).await;
    // Whoever showed a token counts no longer.
    let mut known = TcpStream::connect(served.address).await.expect("connected");
    known.write_all(served.head("GET /v1/info", "").as_bytes()).await.expect("sent");
    let mut first = [0; 12];
    known.read_exact(&mut first).await.expect("answered");
    assert_eq!(&first, b"HTTP/1.1 200");
    let mut one = TcpStream::connect(served.address).await.expect("connected");
    let two = TcpStream::connect(served.address).await.expect("connected");
    let newcomer = served.say(&served.head("GET /v1/info", "connection: close\r\n")).await;
    assert!(newcomer.starts_with("HTTP/1.1 200 "), "{newcomer}");
    let mut nothing = Vec::new();
    let _ = one.read_to_end(&mut nothing).await;
    assert_eq!(nothing, b"", "the oldest of the silent ones gave way");
    drop((one, two));
    known.write_all(served.head("GET /v1/info", "connection: close\r\n").as_bytes()).await.expect("sent");
    let mut rest = Vec::new();
    known.read_to_end(&mut rest).await.expect("answered");
    assert!(String::from_utf8_lossy(&rest).contains("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_stop_ends_streams_and_connections() {
    let served = served(HttpLimits::default()).await;
    served.app.session("s").await;
    let mut stream = TcpStream::connect(served.address).await.expect("connected");
    let head = served.head("GET /v1/sessions/s/events/stream", "");
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("answered");
    served.app.stopping.cancel();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("an end");
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends whole");
    served.server.await.expect("ended");
}
