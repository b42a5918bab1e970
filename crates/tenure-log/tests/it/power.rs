//! What is left after a loss of power: a prefix of what was written, and a generation that rose.

use std::path::Path;

use tenure_log::{EventLog, LogOptions, SqliteLog};

use crate::support::{change, event, put_row, replay, row, ses, some};

const FRAME: usize = 24 + 4096;
const EVENTS: u64 = 3;

fn boot(id: &str) -> LogOptions {
    LogOptions { boot_id: Some(id.to_owned()), ..LogOptions::default() }
}

#[tokio::test]
async fn the_generation_rises_after_an_unclean_end_and_a_reboot() {
    let home = tempfile::tempdir().expect("scratch");
    let open = |id: &str| SqliteLog::open(home.path(), boot(id)).expect("opens");
    for (id, close, generation) in [
        ("one", false, 1),
        ("one", false, 1),
        ("two", true, 2),
        ("three", false, 2),
        ("three", true, 2),
        ("four", false, 2),
        ("five", false, 3),
        ("", true, 4),
        ("", false, 4),
        ("", false, 5),
    ] {
        let log = open(id);
        assert_eq!(log.facts().generation, generation, "{id}");
        if close {
            log.close().await.expect("closed");
        }
    }
}

/// What a store that was cut off must look like.
async fn is_a_prefix(home: &Path, whole: &[tenure_log::Rendered]) -> usize {
    let log = SqliteLog::open(home, boot("later")).expect("opens");
    let events = replay(&log, &ses("a"), 1000).await;
    assert!(whole.starts_with(&events), "{} events", events.len());
    assert_eq!(events.len() as u64 % EVENTS, 0, "an append is there or not");
    let state = log.state(&ses("a")).await.expect("read");
    assert_eq!(state.map_or(0, |(s, ..)| s.len()), events.len(), "rows go with their events");
    log.append(some("a", events.len() as u64, 1)).await.expect("goes on");
    events.len()
}

/// A store with some of its write-ahead log.
fn cut(db: &[u8], wal: &[u8]) -> tempfile::TempDir {
    let to = tempfile::tempdir().expect("scratch");
    std::fs::write(to.path().join("tenure.db"), db).expect("written");
    std::fs::write(to.path().join("tenure.db-wal"), wal).expect("written");
    to
}

#[tokio::test]
async fn a_torn_write_ahead_log_is_a_prefix() {
    let home = tempfile::tempdir().expect("scratch");
    let log = SqliteLog::open(home.path(), boot("first")).expect("opens");
    let mut whole = Vec::new();
    for _ in 0..12 {
        let last = whole.len() as u64;
        let events = (0..EVENTS).map(|n| event("a.b", &"x".repeat(700 * n as usize))).collect();
        let mut row = row("a", 1);
        row.state = vec![7; (last + EVENTS) as usize];
        let appended = log.append(change("a", last, events, vec![put_row(row)])).await.expect("stored");
        whole.extend(appended.events);
    }
    let read = |name: &str| std::fs::read(home.path().join(name)).expect("read");
    let (db, wal) = (read("tenure.db"), read("tenure.db-wal"));
    log.close().await.expect("closed");
    assert_eq!((wal.len() - 32) % FRAME, 0);
    assert_eq!(is_a_prefix(cut(&db, &wal).path(), &whole).await, whole.len());

    // Every edge between frames, and the inside of the last ones closely.
    let edges = (0..=wal.len() / FRAME).flat_map(|n| [n * FRAME + 31, n * FRAME + 32, n * FRAME + 33]);
    let inside = (wal.len() - 2 * FRAME..wal.len()).step_by(97);
    let mut found = std::collections::BTreeSet::new();
    for at in edges.chain(inside).filter(|at| *at <= wal.len()) {
        found.insert(is_a_prefix(cut(&db, &wal[..at]).path(), &whole).await);
    }
    assert!(found.len() > 10, "the cuts fell on many commits: {found:?}");

    // Pages that never reached the disk, with later ones that did.
    for frame in (0..wal.len() / FRAME).step_by(5) {
        let mut holed = wal.clone();
        holed[32 + frame * FRAME..32 + (frame + 1) * FRAME].fill(0);
        assert!(is_a_prefix(cut(&db, &holed).path(), &whole).await < whole.len());
    }
}
