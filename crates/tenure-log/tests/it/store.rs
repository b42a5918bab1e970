//! The store as files: private, bounded, refused when newer, and tidy.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;
use tenure_log::{Durability, EventLog, IdempotencyRow, LogError, LogOptions, SqliteLog, Write};

use crate::support::{at, change, event, page, replay, ses, some};

fn open(home: &Path) -> SqliteLog {
    SqliteLog::open(home, LogOptions::default()).expect("opens")
}

fn look(home: &Path) -> Connection {
    Connection::open(home.join("tenure.db")).expect("opens")
}

fn count(home: &Path, sql: &str) -> i64 {
    look(home).query_row(sql, [], |r| r.get(0)).expect("counted")
}

#[tokio::test]
async fn files_are_private() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    log.append(some("a", 0, 1)).await.expect("stored");
    let hash = log.put_blob(&ses("a"), "x".into()).await.expect("stored");
    let mode =
        |name: &str| std::fs::metadata(home.path().join(name)).expect("there").permissions().mode() & 0o777;
    for name in ["tenure.db", "tenure.db-wal", "tenure.db-shm", &format!("sessions/a/blobs/{hash}")] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    assert_eq!(mode("sessions/a/blobs"), 0o700);
    assert_eq!(std::fs::read_dir(home.path().join("sessions/a/blobs")).expect("read").count(), 1);
}

#[tokio::test]
async fn a_newer_store_is_refused_and_left_alone() {
    let home = tempfile::tempdir().expect("scratch");
    open(home.path()).close().await.expect("closed");
    look(home.path()).pragma_update(None, "user_version", 99).expect("written");
    let before = std::fs::read(home.path().join("tenure.db")).expect("read");
    let refused = SqliteLog::open(home.path(), LogOptions::default());
    assert!(matches!(refused, Err(LogError::Newer { found: 99, .. })), "{refused:?}");
    assert_eq!(std::fs::read(home.path().join("tenure.db")).expect("read"), before);
}

#[tokio::test]
async fn a_clean_end_leaves_one_file() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    log.append(some("a", 0, 10)).await.expect("stored");
    log.read(&ses("a"), page(0)).await.expect("read");
    log.close().await.expect("closed");
    let names: Vec<_> = std::fs::read_dir(home.path()).expect("read").flatten().collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test]
async fn the_write_ahead_log_is_bounded_beside_readers() {
    let home = tempfile::tempdir().expect("scratch");
    let options = LogOptions { durability: Durability::Process, ..LogOptions::default() };
    let log = SqliteLog::open(home.path(), options).expect("opens");
    let reader = tokio::spawn({
        let log = log.clone();
        async move {
            let mut after = 0;
            loop {
                let got = log.read_all(page(after)).await.expect("read");
                after = if got.scanned_to == got.last { 0 } else { got.scanned_to };
                tokio::task::yield_now().await;
            }
        }
    });
    let mut longest = 0;
    for n in 0..100 {
        log.append(change("a", n, vec![event("a.b", &"x".repeat(1_000_000))], vec![])).await.expect("stored");
        longest = longest.max(std::fs::metadata(home.path().join("tenure.db-wal")).expect("there").len());
    }
    reader.abort();
    assert!(longest > 8 << 20, "it was used at all: {longest}");
    assert!(longest < 40 << 20, "it grew to {longest} bytes");
}

#[tokio::test]
async fn old_keys_are_removed() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    for hour in 0..72 {
        let key = IdempotencyRow {
            key: hour.to_string(),
            body_hash: String::new(),
            status: 200,
            body: String::new(),
            at: at(hour * 3_600_000),
        };
        log.put(vec![Write::Idempotency(key)]).await.expect("stored");
    }
    assert_eq!(count(home.path(), "SELECT count(*) FROM idempotency"), 25);
}

#[tokio::test]
async fn an_erasure_is_finished_after_a_restart() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    for n in 0..10 {
        log.append(some("a", n * 1000, 1000)).await.expect("stored");
    }
    let append = change("a", 10_000, vec![event("x.z", "")], vec![Write::Erase]);
    // Asked for in one breath: the writer, which erases when it has nothing else to do, has no time for all of it between.
    let (tombstone, closed) = tokio::join!(log.append(append), log.close());
    let tombstone = tombstone.expect("stored");
    closed.expect("closed");
    let left = count(home.path(), "SELECT count(*) FROM events");
    assert!(left > 1, "nothing was left to do: the test shows nothing");
    assert_eq!(open(home.path()).read_all(page(0)).await.expect("read").events, tombstone.events);

    let log = open(home.path());
    // Each append gives the writer a moment afterwards.
    for n in 0..40 {
        log.append(some("b", n, 1)).await.expect("stored");
        if count(home.path(), "SELECT count(*) FROM erasures") == 0 {
            break;
        }
    }
    assert_eq!(count(home.path(), "SELECT count(*) FROM events WHERE id >> 40 = 1"), 1);
    assert_eq!(log.read(&ses("a"), page(10_000)).await.expect("read").events, tombstone.events);
}

#[tokio::test]
async fn the_file_shrinks_after_an_erasure() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    for n in 0..40 {
        log.append(change("a", n, vec![event("a.b", &"x".repeat(1_000_000))], vec![])).await.expect("stored");
    }
    let pages = || count(home.path(), "SELECT page_count FROM pragma_page_count");
    let before = pages();
    log.append(change("a", 40, vec![event("x.z", "")], vec![Write::Erase])).await.expect("stored");
    // Each append gives the writer a moment afterwards.
    let mut n = 0;
    while pages() > before / 4 && n < 2000 {
        log.append(some("b", n, 1)).await.expect("stored");
        n += 1;
    }
    assert!(pages() <= before / 4, "{} of {before} pages are left", pages());
}

#[tokio::test]
async fn appends_queued_at_the_drop_are_stored() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    let appended = log.append(some("a", 0, 3)).await.expect("stored");
    drop(log);
    assert_eq!(replay(&open(home.path()), &ses("a"), 10).await, appended.events);
}

/// The way to the writer's thread and back takes longer than a commit that nobody else's waits beside.
#[tokio::test]
async fn a_change_that_needs_no_flush_is_committed_by_its_caller() {
    let home = tempfile::tempdir().expect("scratch");
    let options = LogOptions { durability: Durability::Process, ..LogOptions::default() };
    let log = SqliteLog::open(home.path(), options).expect("opens");
    let mut at_once = 0;
    for n in 0..2000 {
        let append = log.append(some("a", n, 1));
        tokio::pin!(append);
        let first = tokio::select! {
            biased;
            done = &mut append => Some(done),
            () = std::future::ready(()) => None,
        };
        at_once += u32::from(first.is_some());
        match first {
            Some(done) => done.map(drop),
            None => append.await.map(drop),
        }
        .expect("stored");
        if at_once == 10 {
            break;
        }
    }
    assert_eq!(at_once, 10, "the first of them open the log, the others need no thread");
    let stored = replay(&log, &ses("a"), 1000).await.len() as u64;
    log.close().await.expect("closed");
    let refused = log.append(some("a", stored, 1)).await;
    assert!(matches!(refused, Err(LogError::Closed)), "{refused:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_breaks_nothing() {
    let home = tempfile::tempdir().expect("scratch");
    let log = open(home.path());
    for n in 0..50_u64 {
        let last = log.read(&ses("a"), page(0)).await.expect("read").last;
        let going = tokio::spawn({
            let log = log.clone();
            async move { log.append(some("a", last, 2)).await }
        });
        if n % 2 == 0 {
            tokio::task::yield_now().await;
        }
        going.abort();
        let _ = going.await;
        // Whatever became of it, this comes after it.
        log.append(some("b", n, 1)).await.expect("stored");
    }
    let events = replay(&log, &ses("a"), 1000).await;
    assert!(events.iter().zip(1..).all(|(e, seq)| e.seq.0 == seq));
}

#[tokio::test]
async fn durability_is_told() {
    for (durability, word) in [(Durability::Power, "power"), (Durability::Process, "process")] {
        let home = tempfile::tempdir().expect("scratch");
        let log = SqliteLog::open(home.path(), LogOptions { durability, boot_id: None }).expect("opens");
        let facts = log.facts();
        assert_eq!((facts.durability, facts.generation, facts.format), (word, 1, 1));
    }
}
