//! Disks that refuse: nothing is acknowledged that is not stored, reads go on, work resumes.

use std::path::Path;

use rustix::process::{Resource, Rlimit, setrlimit};
use tenure_event::Gseq;
use tenure_log::{Append, Class, EventLog, LogError, LogOptions, Rendered, SqliteLog};

use crate::child;
use crate::support::{change, event, page, replay, ses, some};

/// Limits how large files may become.
fn limit_files(bytes: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: None }).expect("limited");
}

/// Appends until the disk refuses; everything that was answered, and the refusal.
async fn fill(log: &SqliteLog, id: &str, stored: &mut Vec<Rendered>) -> LogError {
    for _ in 0..1000 {
        let events = vec![event("a.b", &"x".repeat(50_000))];
        match log.append(change(id, stored.len() as u64, events, vec![])).await {
            Ok(appended) => stored.extend(appended.events),
            Err(e) => return e,
        }
    }
    panic!("the disk is never full");
}

/// What must hold while the disk refuses, and after `free` makes room.
async fn refuses_then_resumes(home: &Path, full: bool, free: impl FnOnce()) {
    let log = SqliteLog::open(home, LogOptions::default()).expect("opens");
    let mut stored = Vec::new();
    let bell = log.tail(&ses("a"));
    for _ in 0..3 {
        let refused = fill(&log, "a", &mut stored).await;
        assert!(matches!(&refused, LogError::Storage { full: f, .. } if *f == full), "{refused:?}");
    }
    assert!(!stored.is_empty());
    // All that wait are told, also small ones: all of a batch is stored or none.
    let big = || change("b", 0, vec![event("a.b", &"x".repeat(9_000_000))], vec![]);
    let (b, c) = tokio::join!(log.append(big()), log.append(some("c", 0, 1)));
    assert!(matches!(b, Err(LogError::Storage { .. })), "{b:?}");
    let c = c.map_or(0, |c| c.events.len());
    assert!(replay(&log, &ses("a"), 100).await == stored, "reads go on");
    assert_eq!(bell.borrow().last, stored.len() as u64, "nobody was woken for what is not there");
    drop(bell);
    assert!(replay(&log, &ses("a"), 100).await == stored);

    drop(log);
    let log = SqliteLog::open(home, LogOptions::default()).expect("opens, to be read");
    assert!(replay(&log, &ses("a"), 100).await == stored);
    assert_eq!(log.facts().last_gseq, log.read_all(page(0)).await.map(|p| Gseq(p.last)).expect("read"));

    free();
    let resumed = log.append(some("a", stored.len() as u64, 2)).await.expect("work resumes by itself");
    stored.extend(resumed.events);
    log.append(some("c", c as u64, 1)).await.expect("of others too");
    assert!(replay(&log, &ses("a"), 100).await == stored);
    log.close().await.expect("closed");
    let log = SqliteLog::open(home, LogOptions::default()).expect("opens again");
    assert!(replay(&log, &ses("a"), 100).await == stored);
    assert_eq!(log.read(&ses("b"), page(0)).await.expect("read").last, 0);
    assert_eq!(log.read(&ses("c"), page(0)).await.expect("read").last, c as u64 + 1);
}

#[tokio::test]
#[ignore = "run by another test"]
async fn child_with_a_limit() {
    let home = child::home();
    drop(SqliteLog::open(&home, LogOptions::default()).expect("made"));
    limit_files(Some(1_000_000));
    refuses_then_resumes(&home, false, || limit_files(None)).await;
    println!("done");
}

#[tokio::test]
#[ignore = "run by another test"]
async fn child_on_a_small_disk() {
    let home = child::home();
    let ballast = home.join("ballast");
    std::fs::write(&ballast, vec![0; 12_000_000]).expect("room");
    refuses_then_resumes(&home, true, || std::fs::remove_file(ballast).expect("freed")).await;
    println!("done");
}

#[tokio::test]
#[ignore = "run by another test"]
async fn child_on_a_disk_that_cannot_be_written() {
    let refused = SqliteLog::open(&child::home(), LogOptions::default());
    assert!(matches!(refused, Err(LogError::Storage { full: false, .. })), "{refused:?}");
    println!("done");
}

/// Far more than what is copied at once: the copy that was begun is waited for.
const COPIED: usize = 26_000_000;

#[tokio::test]
#[ignore = "run by another test"]
async fn child_whose_first_flushes_fail() {
    let home = child::home();
    let mut tries = (0..5).map(|_| SqliteLog::open(&home, LogOptions::default()));
    let log = tries.find_map(Result::ok).expect("opens once its first flush is over");
    let told = |stored| Append { class: Class::Full, ..some("a", stored, 1) };
    let refused = log.append(told(0)).await.expect_err("the writer's first flush fails");
    assert!(matches!(refused, LogError::Storage { full: false, .. }), "{refused}");
    log.append(told(0)).await.expect("it is made good");
    let mut stored = 1;
    while stored * 50_000 < COPIED as u64 {
        let events = vec![event("a.b", &"x".repeat(50_000))];
        log.append(change("a", stored, events, vec![])).await.expect("stored");
        stored += 1;
    }
    log.append(told(stored)).await.expect("stored");
    println!("done");
    // The kernel ends it here, as a kill would: nothing is closed.
    std::process::abort();
}

fn run(name: &str, home: &Path, wrapper: &[&str]) {
    let output = child::command(name, home, wrapper).output().expect("starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("done"),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_write_that_fails_is_told_and_work_resumes() {
    let home = tempfile::tempdir().expect("scratch");
    // The signal of the limit is ignored, so that the write fails instead.
    run("faults::child_with_a_limit", home.path(), &["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
}

/// The calls on the write-ahead log of a child whose threads each fail at their first flush of it.
fn calls_on_the_log(name: &str) -> Option<String> {
    let home = tempfile::tempdir().expect("scratch");
    let account = home.path().join("account");
    let (wal, account) = (home.path().join("tenure.db-wal"), account.to_str().expect("text"));
    let wal = wal.to_str().expect("text");
    let wrapper = [
        ["strace", "-f", "--seccomp-bpf", "-qq", "-y"],
        ["-e", "trace=fsync,fdatasync,ftruncate", "-e", "inject=fsync,fdatasync:error=EIO:when=1", "-P"],
    ]
    .concat();
    let wrapper: Vec<_> = wrapper.into_iter().chain([wal, "-o", account]).collect();
    let output = child::command(name, home.path(), &wrapper).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("done"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read_to_string(account).expect("its account"))
}

#[test]
fn nothing_rests_on_what_a_copy_could_not_flush() {
    let Some(account) = calls_on_the_log("faults::child_whose_first_flushes_fail") else {
        println!("not tried: there is no strace here");
        return;
    };
    let calls: Vec<_> = account.lines().filter(|line| line.contains("tenure.db-wal")).collect();
    let count = |what: &dyn Fn(&str) -> bool| calls.iter().filter(|call| what(call)).count();
    // The thread that opens, the writer, and a copy. After the last two the log was begun anew.
    assert!(count(&|call| call.contains("INJECTED")) >= 3, "{account}");
    assert!(count(&|call| call.contains("ftruncate(") && call.contains(", 0)")) >= 2, "{account}");
}

/// A shell command that mounts a small disk on the home, seen by the child alone.
fn on_a_disk(options: &str, first: &str) -> Vec<String> {
    let mount = format!(
        "mount -t tmpfs -o size=24m none \"$TENURE_LOG_TEST_HOME\" && {first} {options} exec \"$0\" \"$@\""
    );
    ["unshare", "--map-root-user", "--mount", "sh", "-c", &mount].map(str::to_owned).to_vec()
}

/// Whether this machine lets a test mount a disk of its own; where not, only the limit above is tried.
fn may_mount() -> bool {
    #[expect(clippy::disallowed_methods, reason = "asks the system what a test may do")]
    let tried = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .output();
    tried.is_ok_and(|o| o.status.success())
}

#[test]
fn a_full_disk_is_told_and_work_resumes() {
    if !may_mount() {
        println!("not tried: mounting is not permitted here");
        return;
    }
    let home = tempfile::tempdir().expect("scratch");
    let wrapper = on_a_disk("", "");
    let wrapper: Vec<_> = wrapper.iter().map(String::as_str).collect();
    run("faults::child_on_a_small_disk", home.path(), &wrapper);
}

#[test]
fn a_disk_that_cannot_be_written_is_told() {
    if !may_mount() {
        println!("not tried: mounting is not permitted here");
        return;
    }
    let store = tempfile::tempdir().expect("scratch");
    drop(SqliteLog::open(store.path(), LogOptions::default()).expect("made"));
    let copy = format!("cp {}/tenure.db \"$TENURE_LOG_TEST_HOME\" &&", store.path().display());
    for first in ["", &copy] {
        let home = tempfile::tempdir().expect("scratch");
        let wrapper = on_a_disk("mount -o remount,ro \"$TENURE_LOG_TEST_HOME\" &&", first);
        let wrapper: Vec<_> = wrapper.iter().map(String::as_str).collect();
        run("faults::child_on_a_disk_that_cannot_be_written", home.path(), &wrapper);
    }
}

#[tokio::test]
async fn a_home_that_is_no_directory_is_told() {
    let home = tempfile::tempdir().expect("scratch");
    let file = home.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let refused = SqliteLog::open(&file, LogOptions::default());
    assert!(matches!(refused, Err(LogError::Storage { .. })), "{refused:?}");
}

#[tokio::test]
async fn damage_is_told_with_what_it_concerns() {
    let home = tempfile::tempdir().expect("scratch");
    let log = SqliteLog::open(home.path(), LogOptions::default()).expect("opens");
    for n in 0..20 {
        log.append(some("damaged", n * 100, 100)).await.expect("stored");
    }
    for n in 0..20 {
        log.append(some("sound", n * 100, 100)).await.expect("stored");
    }
    log.close().await.expect("closed");
    let file = home.path().join("tenure.db");
    let mut bytes = std::fs::read(&file).expect("read");
    let needle = b"\"damaged 50\"";
    let inside = bytes.windows(needle.len()).position(|w| w == needle).expect("an event is there");
    let start = inside / 4096 * 4096;
    bytes[start..start + 4096].fill(0x5a);
    std::fs::write(&file, bytes).expect("written");

    let log = SqliteLog::open(home.path(), LogOptions::default()).expect("opens all the same");
    let told = loop_over(&log, "damaged").await.expect_err("damaged");
    assert!(matches!(&told, LogError::Corrupt(what) if what.contains("events of session damaged")), "{told}");
    assert_eq!(loop_over(&log, "sound").await.expect("others can be read"), 2000);
    log.append(some("sound", 2000, 1)).await.expect("and written");
}

async fn loop_over(log: &SqliteLog, id: &str) -> Result<u64, LogError> {
    let mut after = 0;
    loop {
        let got = log.read(&ses(id), page(after)).await?;
        after = got.scanned_to;
        if after == got.last {
            return Ok(after);
        }
    }
}
