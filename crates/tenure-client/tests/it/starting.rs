//! Starting a daemon, with launchers that only pretend.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tenure_client::{Client, Ended, Home, Launcher, Starting, ensure_running};

use crate::fake::{self, Reply};

struct Child(Option<Ended>);

impl Starting for Child {
    fn ended(&mut self) -> Option<Ended> {
        self.0.clone()
    }
}

fn launcher(
    starts: &Arc<AtomicUsize>,
    ended: Option<Ended>,
    act: impl Fn(&Home) + Send + Sync + 'static,
) -> Launcher {
    let starts = starts.clone();
    Arc::new(move |home| {
        starts.fetch_add(1, Ordering::Relaxed);
        act(home);
        Ok(Box::new(Child(ended.clone())))
    })
}

fn ended(home_is_held: bool) -> Ended {
    Ended { how: "exit status: 1".into(), home_is_held }
}

#[tokio::test]
async fn a_daemon_that_runs_is_not_started_again() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    fake::daemon(&home, |_, _| Reply::Cut);
    let starts = Arc::new(AtomicUsize::new(0));
    ensure_running(&home, launcher(&starts, None, |_| {})).await.unwrap();
    assert_eq!(starts.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn one_is_started_and_waited_for_and_the_loser_of_the_lock_finds_the_winner() {
    for end in [None, Some(ended(true))] {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().join("made/on/demand"));
        let starts = Arc::new(AtomicUsize::new(0));
        let act = |home: &Home| {
            let home = home.clone();
            tokio::spawn(async move { fake::daemon(&home, |_, _| Reply::Cut) });
        };
        ensure_running(&home, launcher(&starts, end, act)).await.unwrap();
        assert_eq!(starts.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn one_that_ends_at_once_shows_the_end_of_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let act = |home: &Home| std::fs::write(home.log_path(), "error: config.toml line 3\n").unwrap();
    let starts = Arc::new(AtomicUsize::new(0));
    let error = ensure_running(&home, launcher(&starts, Some(ended(false)), act)).await.err().unwrap();
    let text = error.to_string();
    assert!(error.is_unreachable(), "{text}");
    assert!(text.contains("exit status: 1") && text.contains("config.toml line 3"), "{text}");
}

#[tokio::test]
async fn a_request_after_a_kill_starts_the_daemon_again() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    // The first answers its health check once and is gone: its socket takes no more connections.
    let listener = std::os::unix::net::UnixListener::bind(fake::socket(&home)).unwrap();
    fake::announce(&home, fake::NOWHERE);
    let first = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let body = r#"{"status":"ok","version":"0.0.9"}"#;
        let length = body.len();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .unwrap();
    });
    let starts = Arc::new(AtomicUsize::new(0));
    let asks = Arc::new(std::sync::Mutex::new(None));
    let second = asks.clone();
    let act = move |home: &Home| {
        let asks = fake::daemon(home, |_, _| fake::json(200, r#"{"items":[],"next":null}"#));
        *second.lock().unwrap() = Some(asks);
    };
    let client: Client = ensure_running(&home, launcher(&starts, None, act)).await.unwrap();
    first.join().unwrap();
    assert_eq!(client.daemon_version(), "0.0.9");
    assert!(client.version_mismatch().is_some_and(|t| t.contains("0.0.9")));
    assert_eq!(client.version_mismatch(), None, "it is told once");
    client.agents().await.unwrap();
    let asks = asks.lock().unwrap().take().expect("it was started");
    assert_eq!((starts.load(Ordering::Relaxed), asks.lock().unwrap().len()), (1, 1));
    assert_eq!(client.daemon_version(), "0.1.0");
}
