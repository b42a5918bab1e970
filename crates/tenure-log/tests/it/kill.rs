//! A process that is killed in the middle of appends loses nothing that was acknowledged.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;

use tenure_log::{Append, Class, Durability, EventLog, LogOptions, SqliteLog, Write};

use crate::support::{change, check, event, put_row, replay, row, ses};
use crate::{child, support};

const ROUNDS: usize = 18;
const SESSIONS: usize = 6;

/// Appends for ever, telling each answer; every append puts its last position into the state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by another test"]
async fn child_appends_until_it_is_killed() {
    let options = LogOptions { durability: Durability::Process, ..LogOptions::default() };
    let log = SqliteLog::open(&child::home(), options).expect("opens");
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..SESSIONS {
        tasks.spawn(append_for_ever(log.clone(), n));
    }
    tasks.join_all().await;
}

async fn append_for_ever(log: SqliteLog, n: usize) {
    let id = format!("s{n}");
    let mut last = log.state(&ses(&id)).await.expect("read").map_or(0, |(_, last, _)| last.0);
    loop {
        let size = if n == 0 { 100_000 } else { 300 };
        let events: Vec<_> = (0..=last % 4).map(|_| event("a.b", &"x".repeat(size))).collect();
        let end = last + events.len() as u64;
        let mut row = row(&id, 1);
        row.state = end.to_string().into_bytes();
        let class = if last % 3 == 0 { Class::Full } else { Class::Normal };
        let append = Append { class, ..change(&id, last, events, vec![put_row(row)]) };
        last = log.append(append).await.expect("stored").last_seq.0;
        writeln!(std::io::stdout(), "ack {n} {last}").expect("told");
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    let home = tempfile::tempdir().expect("scratch");
    let mut acknowledged = HashMap::new();
    for round in 0..ROUNDS {
        let mut process = child::command("kill::child_appends_until_it_is_killed", home.path(), &[])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        // Now and then long enough to pass a checkpoint, which comes after 16 MB.
        let patience = if round % 6 == 5 { 500 } else { 1 + round * 11 };
        for line in lines.by_ref().map_while(Result::ok).filter(|l| l.starts_with("ack ")).take(patience) {
            note(&line, &mut acknowledged);
        }
        process.kill().expect("killed");
        process.wait().expect("gone");
        lines.map_while(Result::ok).for_each(|line| note(&line, &mut acknowledged));
        verify(home.path(), &acknowledged);
    }
    assert_eq!(acknowledged.len(), SESSIONS);
}

/// Remembers an answer that was told. The last line may be cut short.
fn note(line: &str, acknowledged: &mut HashMap<usize, u64>) {
    let mut words = line.split(' ');
    if let (Some("ack"), Some(Ok(n)), Some(Ok(last))) =
        (words.next(), words.next().map(str::parse::<usize>), words.next().map(str::parse::<u64>))
    {
        let known = acknowledged.entry(n).or_default();
        *known = last.max(*known);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn verify(home: &std::path::Path, acknowledged: &HashMap<usize, u64>) {
    let log = SqliteLog::open(home, LogOptions::default()).expect("opens");
    for n in 0..SESSIONS {
        let id = ses(&format!("s{n}"));
        let events = replay(&log, &id, 500).await;
        let told = acknowledged.get(&n).copied().unwrap_or(0);
        assert!(events.len() as u64 >= told, "{id} has {} of {told}", events.len());
        assert!(events.iter().zip(1..).all(|(e, seq)| e.seq.0 == seq));
        events.iter().for_each(|e| check(e, &id));
        if let Some((state, last, _)) = log.state(&id).await.expect("read") {
            assert_eq!(state, last.0.to_string().into_bytes(), "rows change with their events");
            assert_eq!(last.0, events.len() as u64);
        }
    }
    let all = log.read_all(support::page(0)).await.expect("read");
    assert!(all.events.is_sorted_by(|a, b| a.gseq < b.gseq));
    // Every other round goes on from a clean end, every other from whatever the kill left.
    if acknowledged.values().sum::<u64>() % 2 == 0 {
        log.append(change("parent", log_end(&log).await, vec![], vec![Write::Erase])).await.expect("stored");
        log.close().await.expect("closed");
    }
}

async fn log_end(log: &SqliteLog) -> u64 {
    log.read(&ses("parent"), support::page(0)).await.expect("read").last
}
