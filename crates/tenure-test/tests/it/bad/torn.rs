//! Files that end in the middle: the log's last commit, and the last line of a spool. A daemon that starts on them
//! recovers by itself; what is left is a prefix, with all that was acknowledged before; and the session goes on.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

const FRAME: usize = 24 + 4096;

/// A home as it lies on the disk when everything ended at once, and what its session had said.
struct Wreck {
    /// Its files are here as long as this lives.
    _daemon: TestDaemon,
    home: PathBuf,
    events: Vec<String>,
    /// So many events were acknowledged before the last commits.
    safe: usize,
}

fn agent_request(daemon: &TestDaemon) -> Value {
    json!({"agent": "scripted", "cwd": daemon.workdir(), "id": "s", "wait": "live"})
}

/// Ends the daemon, shims and agents without a word.
fn end_all(daemon: &TestDaemon) {
    let shims = daemon.shims();
    daemon.kill_9();
    for identity in shims {
        for process in [&identity.shim, &identity.agent] {
            let _ = process.signal(rustix::process::Signal::KILL);
            while process.is_alive() {
                std::thread::yield_now();
            }
        }
    }
}

/// A copy of the home, below another scratch directory.
fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            copied(&path, &to.join(entry.file_name()));
        } else if kind.is_file() {
            std::fs::copy(&path, to.join(entry.file_name())).unwrap();
        }
    }
}

/// Starts a daemon on a copy in which one file is cut.
async fn cut(wreck: &Wreck, file: &str, len: usize) -> TestDaemon {
    // What the agent remembers of its conversation is where it was.
    let user = wreck.home.parent().unwrap().join("user");
    let setup = TestDaemon::setup().env("HOME", &user.display().to_string());
    copied(&wreck.home, setup.home());
    let file = std::fs::OpenOptions::new().write(true).open(setup.home().join(file)).unwrap();
    file.set_len(len as u64).unwrap();
    setup.start().await
}

/// What must hold whatever was cut: a prefix without holes, and a session that goes on.
async fn goes_on(daemon: &TestDaemon, wreck: &Wreck, at: usize) -> usize {
    let session: TestSession = daemon.session("s");
    // Its process is found to be gone, and that is told behind what was there.
    session.wait_type("process.exited").await;
    let events = session.raw_events().await;
    let same = events.iter().zip(&wreck.events).take_while(|(now, before)| now == before).count();
    assert!(same >= wreck.safe, "cut at {at}: {same} of {} acknowledged events", wreck.safe);
    for (n, event) in events.iter().enumerate() {
        let event: Value = serde_json::from_str(event).unwrap();
        assert_eq!(event["seq"], n + 1, "cut at {at}");
    }
    let result = session.run("hello").await;
    assert_eq!(result["outcome"], "completed", "cut at {at}: {result}");
    crate::real::one_end_each(&session.events().await);
    same
}

/// Some of many, by a printed seed, in order.
fn some_of(mut all: Vec<usize>, most: usize) -> Vec<usize> {
    use std::io::Write;
    if std::env::var("TENURE_TEST_CUTS").is_ok_and(|cuts| cuts == "all") {
        return all;
    }
    let seed = uuid::Uuid::new_v4().as_u128() % 1_000_000;
    let _ = writeln!(std::io::stderr(), "{most} of {} cuts by seed {seed}", all.len());
    let mut roll = seed as usize;
    while all.len() > most {
        roll = roll.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.swap_remove((roll >> 33) % all.len());
    }
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_torn_last_commit_leaves_a_prefix_and_the_session_goes_on() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&agent_request(&daemon)).await;
    session.run(&script(&json!([{"text": "first words\n"}]))).await;
    let wal = daemon.home().join("tenure.db-wal");
    let length = || std::fs::metadata(&wal).unwrap().len() as usize;
    // What was told before this moment is durable: a later commit may be torn, not this.
    let (from, safe) = (length(), session.events().await.len());
    session.send(&script(&json!([{"text": "last words\n"}, {"gate": "never"}]))).await;
    session
        .wait_for("the turn", |event| {
            event["type"] == "turn.started" && event["seq"].as_u64() > Some(safe as u64)
        })
        .await;
    let events = session.raw_events().await;
    end_all(&daemon);
    let end = length();
    assert!(end > from && (end - 32).is_multiple_of(FRAME), "{from} to {end}");
    let wreck = Wreck { home: daemon.home().to_owned(), _daemon: daemon, events, safe };
    let edges =
        (from..=end).step_by(FRAME).flat_map(|at| [at, at + 1, at + 23, at + 24, at + 25, at + FRAME - 1]);
    let inside = (from..=end).step_by(997);
    let cuts: Vec<usize> = edges.chain(inside).filter(|at| *at <= end).collect();
    let mut left = std::collections::BTreeSet::new();
    for at in some_of(cuts, 10).into_iter().chain([from, end]) {
        let daemon = cut(&wreck, "tenure.db-wal", at).await;
        let beyond = format!("/v1/sessions/s/events?after={}", wreck.events.len() + 50);
        daemon.get(&beyond).await.problem(410, "cursor_expired");
        left.insert(goes_on(&daemon, &wreck, at).await);
    }
    assert!(left.contains(&wreck.events.len()) && left.len() > 1, "{left:?}");
}

#[tokio::test]
async fn a_torn_spool_line_is_left_out_and_the_session_goes_on() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&agent_request(&daemon)).await;
    session.run(&script(&json!([{"text": "first words\n"}]))).await;
    let safe = session.events().await.len();
    session.send(&script(&json!([{"text": "a\n"}, {"text": "b\n"}, {"tool": "t", "name": "t", "output": "x"}, {"gate": "never"}]))).await;
    session.wait_for("the tool", |event| event["type"] == "tool.completed").await;
    let events = session.raw_events().await;
    end_all(&daemon);
    let wreck = Wreck { home: daemon.home().to_owned(), _daemon: daemon, events, safe };
    let spool = "sessions/s/g1/spool/00000000000000000000.seg";
    let bytes = std::fs::read(wreck.home.join(spool)).unwrap();
    let line = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    // Also shorter than what the log has of it: after a loss of power that is no damage.
    let before = bytes[..line - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    let cuts = some_of((line..=bytes.len()).collect(), 8);
    for at in cuts.into_iter().chain([before, before + 1, 0]) {
        let daemon = cut(&wreck, spool, at).await;
        assert_eq!(goes_on(&daemon, &wreck, at).await, wreck.events.len(), "cut at {at}");
    }
}

#[tokio::test]
async fn a_torn_spool_line_that_nobody_read_is_left_out() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&agent_request(&daemon)).await;
    session.send(&script(&json!([{"text": "a\n"}, {"gate": "go"}, {"text": "b\n"}, {"tool": "t", "name": "t", "output": "x"}, {"gate": "never"}]))).await;
    session.wait_type("turn.started").await;
    let events = session.raw_events().await;
    let work = session.view().await["cwd"].as_str().unwrap().to_owned();
    let spool = "sessions/s/g1/spool/00000000000000000000.seg";
    let shims = daemon.shims();
    daemon.kill_9();
    std::fs::write(Path::new(&work).join("go"), "").unwrap();
    let file = daemon.home().join(spool);
    let mut bytes = std::fs::read(&file).unwrap();
    let said =
        |bytes: &[u8]| bytes.windows(11).any(|window| window == b"\"completed\"") && bytes.ends_with(b"\n");
    let deadline = std::time::Instant::now() + tenure_test::daemon::PATIENCE;
    while !said(&bytes) {
        assert!(std::time::Instant::now() < deadline, "the agent says nothing");
        tokio::task::yield_now().await;
        bytes = std::fs::read(&file).unwrap();
    }
    for identity in shims {
        for process in [&identity.shim, &identity.agent] {
            let _ = process.signal(rustix::process::Signal::KILL);
            while process.is_alive() {
                tokio::task::yield_now().await;
            }
        }
    }
    let wreck = Wreck { home: daemon.home().to_owned(), _daemon: daemon, safe: events.len(), events };
    let line = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for at in some_of((line..=bytes.len()).collect(), 8).into_iter().chain([line, bytes.len()]) {
        let daemon = cut(&wreck, spool, at).await;
        goes_on(&daemon, &wreck, at).await;
        let ended = daemon.session("s").events_of("tool.completed").await;
        let whole = ended.iter().any(|event| event["data"]["state"] == "completed");
        assert_eq!(whole, at == bytes.len(), "cut at {at} of {}: {ended:?}", bytes.len());
    }
}
