//! S7: whoever is slow, endless or many costs a bounded share, and nobody else anything.

use serde_json::json;
use tenure_test::daemon::TestDaemon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{answers, authority, connect, head, rest, say, status};

/// Connections that may be open before they show a token.
const UNKNOWN: usize = 1024;

struct Lines {
    host: String,
    token: String,
}

fn lines(daemon: &TestDaemon) -> Lines {
    let token = format!("authorization: Bearer {}", daemon.token());
    Lines { host: format!("host: {}", authority(daemon)), token }
}

#[tokio::test]
async fn heads_and_bodies_have_a_largest_size() {
    let daemon = TestDaemon::start().await;
    let Lines { host, token } = lines(&daemon);
    let long = format!("x-long: {}", "y".repeat(20_000));
    let many: Vec<String> = (0..100).map(|n| format!("x-{n}: y")).collect();
    for more in [vec![long.as_str()], many.iter().map(String::as_str).collect()] {
        // Known or not.
        for known in [true, false] {
            let mut all = vec![host.as_str()];
            all.extend(known.then_some(token.as_str()));
            all.extend(&more);
            let answer = say(&daemon, head("GET /v1/info", &all)).await;
            assert_eq!(status(&answer), 431, "{answer}");
        }
    }
    let path = format!("GET /{}", "p".repeat(15_000));
    assert_eq!(status(&say(&daemon, head(&path, &[&host, &token])).await), 404);
    let path = format!("GET /{}", "p".repeat(70_000));
    assert!(matches!(status(&say(&daemon, head(&path, &[&host, &token])).await), 414 | 431));
    let endless = format!("GET / HTTP/1.1\r\n{host}\r\n{}", "x: y\r\n".repeat(100_000));
    assert!(matches!(status(&say(&daemon, endless).await), 431 | 0));
    let body = "x".repeat(2 << 20);
    let told = head("POST /v1/projects", &[&host, &token, &format!("content-length: {}", body.len())]);
    assert_eq!(status(&say(&daemon, told + &body).await), 413, "told beforehand");
    let piece = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let chunked = head("POST /v1/projects", &[&host, &token, "transfer-encoding: chunked"]);
    assert_eq!(status(&say(&daemon, chunked + &piece.repeat(32)).await), 413, "not told beforehand");
    let length = head("POST /v1/sessions", &[&host, &token, "content-length: 99999999999999999999"]);
    assert_eq!(status(&say(&daemon, length).await), 400);
    // Nothing of a body is read from somebody unknown.
    let told = head("POST /v1/sessions", &[&host, "content-length: 60000000"]);
    assert_eq!(status(&say(&daemon, told).await), 401);
    daemon.get("/v1/info").await.ok(200);
}

#[tokio::test]
async fn whoever_is_slow_is_given_up() {
    let daemon = TestDaemon::start().await;
    let Lines { host, token } = lines(&daemon);
    let begun = |more: &str| format!("POST /v1/projects HTTP/1.1\r\n{host}\r\n{token}\r\n{more}");
    let silent = async { assert_eq!(say(&daemon, "").await, "") };
    let half = async {
        let answer = say(&daemon, format!("GET /v1/info HTTP/1.1\r\n{host}\r\n{token}\r\nx:")).await;
        assert!(matches!(status(&answer), 408 | 0), "{answer}");
    };
    let no_body = async {
        let answer = say(&daemon, begun("content-length: 100\r\n\r\n{\"path\":")).await;
        assert_eq!(status(&answer), 408, "{answer}");
        assert!(answer.contains("\"code\":\"timeout\""), "{answer}");
    };
    let half_chunk = async {
        let answer = say(&daemon, begun("transfer-encoding: chunked\r\n\r\n64\r\n{")).await;
        assert_eq!(status(&answer), 408, "{answer}");
    };
    let dripping = async {
        let stream = connect(&daemon).await;
        let (reader, mut writer) = stream.into_split();
        let drip = async {
            let mut every = tokio::time::interval(std::time::Duration::from_millis(250));
            // The pace of the attacker; the end comes from the daemon.
            while writer.write_all(b"x").await.is_ok() {
                every.tick().await;
            }
        };
        let mut end = Vec::new();
        let mut reader = reader.take(1 << 16);
        let ended = async {
            tokio::select! { () = drip => {}, _ = reader.read_to_end(&mut end) => {} }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.expect("dripping for ever");
    };
    let kept = async {
        let mut stream = connect(&daemon).await;
        let request = format!("GET /v1/info HTTP/1.1\r\n{host}\r\n{token}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = rest(stream).await;
        assert_eq!(answers(&answer), 1, "a connection that asks nothing more is ended: {answer}");
    };
    tokio::join!(silent, half, no_body, half_chunk, dripping, kept);
    assert_eq!(daemon.get("/v1/projects").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn a_flood_of_strangers_stops_nobody_who_is_known() {
    tenure_host::raise_descriptor_limit();
    let daemon = TestDaemon::start().await;
    let Lines { host, token } = lines(&daemon);
    let mut known = connect(&daemon).await;
    let keep = format!("GET /v1/info HTTP/1.1\r\n{host}\r\n{token}\r\n\r\n");
    ask_on(&mut known, &keep).await;
    let mut strangers = Vec::new();
    for _ in 0..UNKNOWN + 64 {
        strangers.push(connect(&daemon).await);
    }
    // The oldest give way to those over the cap; the others wait for their time to run out.
    let mut ended = 0;
    for stranger in &mut strangers[..64] {
        let mut byte = [0; 1];
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), stranger.read(&mut byte)).await;
        ended += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
    }
    assert!(ended >= 60, "only {ended} of 64 too many were ended");
    for _ in 0..3 {
        ask_on(&mut known, &keep).await;
        ask_on(&mut connect(&daemon).await, &keep).await;
    }
    let client = daemon.client().await;
    assert!(client.info().await.is_ok(), "the home's socket is not theirs to fill");
    drop(strangers);
}

async fn ask_on(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        loop {
            let text = String::from_utf8_lossy(&answer).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() >= length.parse::<usize>().unwrap() {
                    return;
                }
            }
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "ended: {text}");
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), read).await.expect("answered");
}

#[tokio::test]
async fn no_request_hides_in_another() {
    let daemon = TestDaemon::start().await;
    let Lines { host, token } = lines(&daemon);
    let hidden = format!("GET /v1/tokens HTTP/1.1\r\n{host}\r\n{token}\r\nconnection: close\r\n\r\n");
    let begin = |first: &str, more: &str| format!("{first} HTTP/1.1\r\n{host}\r\n{token}\r\n{more}\r\n");
    let length = hidden.len();
    let post = |more: &str| begin("POST /v1/projects", more);
    let both = format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", length + 5);
    let other_way = format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", length + 5);
    let hidings = [
        post(&both) + "0\r\n\r\n" + &hidden,
        post(&other_way) + "0\r\n\r\n" + &hidden,
        post("content-length: 0\r\ncontent-length: 5\r\n") + &hidden,
        post("content-length: 0, 5\r\n") + &hidden,
        post("content-length: +0\r\n") + &hidden,
        post("content-length: -1\r\n") + &hidden,
        post("transfer-encoding: chunked, identity\r\n") + "0\r\n\r\n" + &hidden,
        post("transfer-encoding: xchunked\r\n") + "0\r\n\r\n" + &hidden,
        post("transfer-encoding : chunked\r\n") + "0\r\n\r\n" + &hidden,
        post("transfer-encoding:\u{b}chunked\r\n") + "0\r\n\r\n" + &hidden,
        post("x: y\r\n transfer-encoding: chunked\r\n") + "0\r\n\r\n" + &hidden,
        post("transfer-encoding: chunked\r\n") + "0x0\r\n\r\n" + &hidden,
        post("transfer-encoding: chunked\r\n") + "-1\r\n\r\n" + &hidden,
        post("transfer-encoding: chunked\r\n") + "ffffffffffffffffff\r\n\r\n" + &hidden,
        // A body where none is looked for is a body all the same.
        begin("GET /v1/info", &format!("content-length: {length}\r\n")) + &hidden,
        begin("DELETE /v1/sessions/none", &format!("content-length: {length}\r\n")) + &hidden,
        begin("POST /v1/nothing", &format!("content-length: {length}\r\n")) + &hidden,
    ];
    // Some are kept waiting for the rest of what they promised; all at once.
    let mut tries = tokio::task::JoinSet::new();
    for request in hidings {
        let daemon = daemon.clone();
        tries.spawn(async move { (say(&daemon, &request).await, request) });
    }
    while let Some(told) = tries.join_next().await {
        let (answer, request) = told.unwrap();
        assert!(answers(&answer) <= 1, "{request:?} had two answers:\n{answer}");
        assert!(!answer.contains("\"items\""), "{request:?} asked for the tokens:\n{answer}");
    }
    assert_eq!(answers(&say(&daemon, begin("GET /v1/info", "") + &hidden).await), 2, "two that are two");
}
