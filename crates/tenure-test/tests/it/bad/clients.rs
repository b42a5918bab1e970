//! Clients that do not behave.

use serde_json::json;
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request and reads nothing.
async fn deaf(daemon: &TestDaemon, path: &str) -> TcpStream {
    let address = daemon.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\r\n", daemon.token());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

fn memory_kb(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_client_that_never_reads_costs_its_socket_only() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let mut all_deaf = Vec::new();
    for _ in 0..20 {
        all_deaf.push(deaf(&daemon, &session.path("/events/stream?deltas=true")).await);
        all_deaf.push(deaf(&daemon, "/v1/events/stream?deltas=true").await);
    }
    let before = memory_kb(daemon.pid());
    // 100 MB for 40 readers, if they were fed from memory.
    let steps = json!([{"repeat": 50, "steps": [{"text": "x".repeat(50_000)}, {"tool": "look"}]}]);
    let result = session.run(&script(&steps)).await;
    assert_eq!(result["outcome"], "completed");
    let grown = memory_kb(daemon.pid()).saturating_sub(before);
    assert!(grown < 60_000, "the daemon grew by {grown} kB");
    // Another is served as ever.
    let mut follower = session.follow();
    let followed = follower.until(|event| event["type"] == "turn.completed").await;
    assert_eq!(followed, session.raw_events().await[..followed.len()]);
    // And so is a deaf one that reads at last.
    let mut late = all_deaf.swap_remove(0);
    let mut bytes = vec![0; 64];
    late.read_exact(&mut bytes).await.unwrap();
    assert!(bytes.starts_with(b"HTTP/1.1 200"));
    drop(all_deaf);
    daemon.stop().await;
}

#[tokio::test]
async fn a_request_that_breaks_off_harms_nobody() {
    let daemon = TestDaemon::start().await;
    let address = daemon.url().replace("http://", "");
    for text in ["GET /v1/se", "POST /v1/sessions HTTP/1.1\r\ncontent-length: 100\r\n\r\n{", "\0\0\0\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        drop(stream);
    }
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"], json!([]));
}
