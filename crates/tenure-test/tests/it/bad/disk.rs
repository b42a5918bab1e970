//! A disk that is full, or may not be written: nothing is acknowledged that is not stored, reads go on, and
//! work resumes when there is room.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// A small file system with a daemon's home, for as long as the value lives.
struct Disk(TempDir);

impl Disk {
    /// None where this user may not mount: the disk cannot be made to refuse there.
    fn mount() -> Option<Self> {
        Self::mount_on(TempDir::with_prefix("tenure-disk-").unwrap())
    }

    fn mount_on(path: TempDir) -> Option<Self> {
        match mount("tmpfs", path.path(), "tmpfs", MountFlags::empty(), c"size=24m,mode=700") {
            Ok(()) => Some(Self(path)),
            Err(errno) => {
                use std::io::Write;
                let _ = writeln!(std::io::stderr(), "not tried: nothing can be mounted here ({errno})");
                None
            }
        }
    }

    fn home(&self) -> PathBuf {
        self.0.path().join("home")
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Writes until nothing more can be written.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.filler()).unwrap();
        for size in [1 << 20, 4096, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn read_only(&self, on: bool) {
        let flags = if on { MountFlags::RDONLY } else { MountFlags::empty() };
        mount_remount(self.0.path(), flags, c"").unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody is harmed if it stays until the machine restarts.
        let _ = unmount(self.0.path(), UnmountFlags::DETACH);
    }
}

/// Sends inputs until one is refused; those that were acknowledged, and the refusal.
async fn until_refused(session: &TestSession, acknowledged: &mut BTreeSet<String>) -> Value {
    for n in 0..100 {
        let id = format!("i{}-{n}", acknowledged.len());
        let request = json!({"input": "x".repeat(20_000), "id": id});
        let answer = session.post("/inputs", &request).await;
        if answer.status != 202 {
            return answer.says(507, "storage", &["full"]);
        }
        acknowledged.insert(id);
    }
    panic!("the disk is never full");
}

async fn admitted(session: &TestSession) -> BTreeSet<String> {
    let admitted = session.events_of("input.admitted").await;
    admitted.iter().map(|event| event["data"]["input_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_acknowledged() {
    let Some(disk) = Disk::mount() else { return };
    // The index of the past is a cache whose log is given back at a start, which would make room.
    let setup = TestDaemon::setup().config("[history]\nenabled = false\n");
    let daemon = setup.in_home(&disk.home()).start().await;
    let work = daemon.workdir();
    let session = daemon.create(&json!({"agent": "scripted", "cwd": work, "wait": "live"})).await;
    // A turn that waits, so that inputs are queued.
    session.send(&script(&json!([{"gate": "go"}, {"text": "done"}]))).await;
    let mut acknowledged = admitted(&session).await;
    disk.fill();
    until_refused(&session, &mut acknowledged).await;
    assert_eq!(admitted(&session).await, acknowledged, "reads go on");
    let refused = daemon.post("/v1/sessions", &json!({"agent": "scripted", "cwd": work})).await;
    refused.problem(507, "storage");
    // Also after a kill; on the full disk it does not start, and says why.
    daemon.kill_9();
    let (status, said) = TestDaemon::setup().in_home(daemon.home()).refused().await;
    assert!(!status.success());
    assert!(said.contains("No space left") && said.contains("free space"), "{said}");
    std::fs::remove_file(disk.filler()).unwrap();
    daemon.restart().await;
    assert_eq!(admitted(&session).await, acknowledged);
    std::fs::write(work.join("go"), "").unwrap();
    session.turn_end(acknowledged.len()).await;
    let result = session.run("hello").await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("You said: hello")));
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn a_disk_that_may_not_be_written_is_read() {
    let Some(disk) = Disk::mount() else { return };
    let daemon = TestDaemon::setup().in_home(&disk.home()).start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let before = session.raw_events().await;
    // The open files of a daemon keep a file system from being made read-only; a new one finds it so.
    daemon.stop().await;
    disk.read_only(true);
    let (status, said) = TestDaemon::setup().in_home(&disk.home()).refused().await;
    assert!(!status.success());
    assert!(said.to_lowercase().contains("read-only"), "{said}");
    disk.read_only(false);
    daemon.restart().await;
    assert_eq!(session.raw_events().await, before);
}

/// A home on one disk, with the sessions' directories on another.
fn apart(home: &Path, sessions: &Path) {
    std::fs::create_dir_all(home).unwrap();
    std::fs::create_dir_all(sessions).unwrap();
    std::os::unix::fs::symlink(sessions, home.join("sessions")).unwrap();
}

const LINES: u64 = 20_000;

/// An agent that says numbered lines once `go` is there: its session, its turn, and what it must have said.
async fn talker(daemon: &TestDaemon) -> TestSession {
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live"})).await;
    session.send(&script(&json!([{"gate": "go"}, {"numbered": {"from": 1, "to": LINES}}]))).await;
    session.wait_type("turn.started").await;
    session
}

async fn go(session: &TestSession) {
    let cwd = session.view().await["cwd"].as_str().unwrap().to_owned();
    std::fs::write(Path::new(&cwd).join("go"), "").unwrap();
}

/// All that the agent said, in order, once.
async fn said_all(session: &TestSession) {
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed", "{end}");
    let output = session.get("/messages?limit=100").await;
    let text: String = output["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|message| message["role"] == "assistant")
        .filter_map(|message| message["text"].as_str())
        .collect();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(numbers.iter().copied().eq(1..=LINES), "{} numbers", numbers.len());
}

#[tokio::test]
async fn a_full_disk_of_the_spool_makes_the_agent_wait_and_loses_nothing() {
    let Some(disk) = Disk::mount() else { return };
    let setup = TestDaemon::setup();
    apart(setup.home(), &disk.home());
    let daemon = setup.start().await;
    let session = talker(&daemon).await;
    disk.fill();
    go(&session).await;
    // It is told in the session's own events, which lie elsewhere.
    session.wait_for("a word about the spool", |event| event["data"]["health"]["why"] == "spool_full").await;
    let other = daemon.post("/v1/sessions", &json!({"agent": "scripted", "cwd": daemon.workdir()})).await;
    other.says(507, "storage", &["No space left", "free space"]);
    std::fs::remove_file(disk.filler()).unwrap();
    said_all(&session).await;
    assert_eq!(session.run("hello").await["outcome"], "completed");
}

#[tokio::test]
async fn a_full_disk_of_the_log_keeps_what_the_agent_says_in_its_spool() {
    let Some(disk) = Disk::mount() else { return };
    let setup = TestDaemon::setup().in_home(&disk.home());
    apart(&disk.home(), &setup.scratch().join("sessions"));
    let daemon = setup.start().await;
    let session = talker(&daemon).await;
    disk.fill();
    let mut acknowledged = admitted(&session).await;
    until_refused(&session, &mut acknowledged).await;
    go(&session).await;
    let spool = daemon.home().join(format!("sessions/{}/g1/spool", session.id));
    let has_ended = || {
        let pieces =
            std::fs::read_dir(&spool).unwrap().flatten().map(|piece| std::fs::read(piece.path()).unwrap());
        pieces.into_iter().any(|piece| piece.windows(8).any(|window| window == b"end_turn"))
    };
    let deadline = std::time::Instant::now() + tenure_test::daemon::PATIENCE;
    while !has_ended() {
        assert!(std::time::Instant::now() < deadline, "the agent does not end its turn");
        tokio::task::yield_now().await;
    }
    assert_eq!(admitted(&session).await, acknowledged, "reads go on");
    std::fs::remove_file(disk.filler()).unwrap();
    said_all(&session).await;
    session.turn_end(acknowledged.len()).await;
    assert_eq!(session.run("hello").await["outcome"], "completed");
}

#[tokio::test]
async fn an_agent_that_the_disk_does_not_let_start_is_started_when_it_does() {
    let Some(disk) = Disk::mount() else { return };
    let setup = TestDaemon::setup();
    apart(setup.home(), &disk.home());
    let daemon = setup.start().await;
    let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false});
    let session = daemon.create(&request).await;
    disk.fill();
    session.send("hello").await;
    let warning = session.wait_type("warning.raised").await;
    assert_eq!(warning["data"]["code"], "storage", "{warning}");
    let words = warning["data"]["message"].as_str().unwrap();
    assert!(words.contains("No space left") && words.contains("free space"), "{words}");
    std::fs::remove_file(disk.filler()).unwrap();
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
}

#[tokio::test]
async fn a_session_directory_that_cannot_be_made_is_an_error_of_the_store() {
    let daemon = TestDaemon::start().await;
    let sessions = daemon.home().join("sessions");
    let _ = std::fs::remove_dir(&sessions);
    std::fs::write(&sessions, "in the way").unwrap();
    let request = json!({"agent": "scripted", "cwd": daemon.workdir()});
    daemon.post("/v1/sessions", &request).await.problem(507, "storage");
    std::fs::remove_file(Path::new(&sessions)).unwrap();
    daemon.post("/v1/sessions", &request).await.ok(201);
}
