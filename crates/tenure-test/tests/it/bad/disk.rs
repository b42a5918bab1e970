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
        let path = TempDir::with_prefix("tenure-disk-").unwrap();
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
    let daemon = TestDaemon::setup().in_home(&disk.home()).start().await;
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
