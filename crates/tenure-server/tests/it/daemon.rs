//! A daemon in this process: its lock, its files, its listeners and its end.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tenure_server::daemon::{DaemonError, DaemonOptions, Running, run_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Started {
    running: Running,
    stopping: CancellationToken,
    task: JoinHandle<Result<(), DaemonError>>,
}

fn options(home: &Path) -> DaemonOptions {
    let free: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    DaemonOptions { home: home.to_path_buf(), listen: Some(free), ..DaemonOptions::default() }
}

async fn start(home: &Path) -> Started {
    let (ready, is_ready) = oneshot::channel();
    let on_ready = Box::new(move |running: &Running| {
        let _ = ready.send(running.clone());
    });
    let stopping = CancellationToken::new();
    let options = DaemonOptions { on_ready: Some(on_ready), ..options(home) };
    let task = tokio::spawn(run_until(options, stopping.clone()));
    Started { running: is_ready.await.expect("ready"), stopping, task }
}

impl Started {
    async fn stop(self) {
        self.stopping.cancel();
        self.task.await.expect("whole").expect("a clean end");
    }
}

async fn status<S: AsyncReadExt + AsyncWriteExt + Unpin>(mut stream: S, path: &str, head: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\n{head}connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_tells_where_it_is_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().expect("a directory");
    let home = scratch.path().join("home");
    let daemon = start(&home).await;
    let told = std::fs::read(home.join("daemon.json")).expect("there");
    assert_eq!(serde_json::from_slice::<Running>(&told).expect("json"), daemon.running);
    assert_eq!(daemon.running.pid, std::process::id());
    assert_eq!((mode(&home), mode(&home.join("token")), mode(&daemon.running.socket)), (0o700, 0o600, 0o600));

    let address = daemon.running.url.strip_prefix("http://").expect("an address").to_owned();
    let host = format!("host: {address}\r\n");
    let tcp = || async { TcpStream::connect(&address).await.expect("connected") };
    assert_eq!(status(tcp().await, "/healthz", &host).await, "200");
    assert_eq!(status(tcp().await, "/v1/info", &host).await, "401");
    let token = std::fs::read_to_string(home.join("token")).expect("there");
    let head = format!("{host}authorization: Bearer {}\r\n", token.trim());
    assert_eq!(status(tcp().await, "/v1/info", &head).await, "200");
    let unix = UnixStream::connect(&daemon.running.socket).await.expect("connected");
    assert_eq!(status(unix, "/v1/info", "host: tenure\r\n").await, "200");

    let socket = daemon.running.socket.clone();
    daemon.stop().await;
    assert!(!home.join("daemon.json").exists() && !socket.exists());
    let again = start(&home).await;
    assert_eq!(std::fs::read_to_string(home.join("token")).expect("there"), token, "made once");
    again.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_has_one_daemon() {
    let scratch = tempfile::tempdir().expect("a directory");
    let daemon = start(scratch.path()).await;
    let second = run_until(options(scratch.path()), CancellationToken::new()).await;
    let error = second.expect_err("refused");
    assert!(matches!(error, DaemonError::Running { pid: Some(_), .. }), "{error}");
    assert!(error.to_string().contains("tenure down"), "{error}");
    let unix = UnixStream::connect(&daemon.running.socket).await.expect("the first is not harmed");
    assert_eq!(status(unix, "/healthz", "").await, "200");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_asked_for_and_is_taken_is_an_error() {
    let scratch = tempfile::tempdir().expect("a directory");
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let listen = Some(taken.local_addr().expect("an address"));
    let error =
        run_until(DaemonOptions { listen, ..options(scratch.path()) }, CancellationToken::new()).await;
    assert!(matches!(error, Err(DaemonError::Listen { .. })));
    assert!(!scratch.path().join("daemon.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_configuration_is_refused_at_the_start_with_its_key() {
    let scratch = tempfile::tempdir().expect("a directory");
    let text = "[agents.mine]\nprotocol = \"acp\"\ncomand = [\"x\"]\n";
    std::fs::write(scratch.path().join("config.toml"), text).expect("written");
    let error = run_until(options(scratch.path()), CancellationToken::new()).await.expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("config.toml") && text.contains("comand"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_a_dead_daemon_left_is_replaced() {
    let scratch = tempfile::tempdir().expect("a directory");
    let left = std::os::unix::net::UnixListener::bind(scratch.path().join("tenure.sock")).expect("bound");
    drop(left);
    let daemon = start(scratch.path()).await;
    let unix = UnixStream::connect(&daemon.running.socket).await.expect("connected");
    assert_eq!(status(unix, "/healthz", "").await, "200");
    daemon.stop().await;
}

async fn ask(daemon: &Started, line: &str, body: &str) -> String {
    let mut unix = UnixStream::connect(&daemon.running.socket).await.expect("connected");
    let kind = "content-type: application/json\r\nconnection: close\r\n";
    let request =
        format!("{line} HTTP/1.1\r\nhost: tenure\r\n{kind}content-length: {}\r\n\r\n{body}", body.len());
    unix.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    unix.read_to_string(&mut answer).await.expect("answered");
    answer
}

/// What a daemon leaves that is killed between the birth of a session and its files, or between its end and theirs.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_no_session_has_are_cleared_after_a_start_and_no_others() {
    let scratch = tempfile::tempdir().expect("a directory");
    let home = scratch.path().join("home");
    let daemon = start(&home).await;
    for id in ["lives", "destroyed", "kept"] {
        let body =
            format!(r#"{{"agent":"scripted","id":"{id}","workspace":{{"scratch":true}},"start":false}}"#);
        let answer = ask(&daemon, "POST /v1/sessions", &body).await;
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }
    for path in ["destroyed", "kept?keep_transcript=true"] {
        let answer = ask(&daemon, &format!("DELETE /v1/sessions/{path}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    daemon.stop().await;
    let sessions = home.join("sessions");
    for dir in ["destroyed", "kept", "kept/blobs", "never-born"] {
        std::fs::create_dir_all(sessions.join(dir)).expect("made");
        std::fs::write(sessions.join(dir).join("private.json"), "{}").expect("written");
    }
    std::os::unix::fs::symlink(scratch.path(), sessions.join("a-link")).expect("made");
    let unknown = home.join("workspaces/wsp_0190a0000000700080000000000000aa");
    std::fs::create_dir(&unknown).expect("made");

    let daemon = start(&home).await;
    let gone = ["destroyed", "never-born", "kept/private.json"].map(|path| sessions.join(path));
    let cleared = async {
        while gone.iter().any(|path| path.exists()) || unknown.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), cleared).await.expect("cleared");
    for kept in ["lives/private.json", "kept/blobs/private.json", "a-link"] {
        assert!(sessions.join(kept).exists(), "{kept}");
    }
    assert_eq!(
        std::fs::read_dir(home.join("workspaces")).expect("there").count(),
        1,
        "of the one that lives"
    );
    daemon.stop().await;
}
