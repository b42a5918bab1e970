//! Any order of appends: positions without gaps, and a replay of exactly what was answered.

use std::collections::HashMap;

use proptest::prelude::*;
use tenure_event::{Gseq, SessionId};
use tenure_log::{EventLog, LogError, LogOptions, MemoryLog, Rendered, SqliteLog};

use crate::support::{page, replay, ses, some};

/// One append: the session, how many events, and whether its position is wrong.
type Step = (u8, usize, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec((0..5_u8, 0..6_usize, proptest::bool::weighted(0.1)), 1..60)
}

/// Runs the steps, those of different sessions at the same time.
async fn run(log: &(impl EventLog + Clone), steps: Vec<Step>) {
    let mut by_session: HashMap<u8, Vec<Step>> = HashMap::new();
    for step in steps {
        by_session.entry(step.0).or_default().push(step);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (session, steps) in by_session {
        let log = log.clone();
        tasks.spawn(async move {
            let id = ses(&format!("s{session}"));
            let answered = appends(&log, &id, steps).await;
            (id, answered)
        });
    }
    let mut all: Vec<Rendered> = Vec::new();
    for (id, answered) in tasks.join_all().await {
        let numbers: Vec<_> = answered.iter().map(|e| e.seq.0).collect();
        assert_eq!(numbers, (1..=answered.len() as u64).collect::<Vec<_>>());
        assert!(answered.is_sorted_by(|a, b| a.gseq < b.gseq));
        assert_eq!(replay(log, &id, 7).await, answered);
        all.extend(answered);
    }
    all.sort_by_key(|e| e.gseq);
    assert!(all.first().is_none_or(|e| e.gseq >= Gseq(1)));
    assert_eq!(log.read_all(page(0)).await.expect("read").events, all);
}

/// The appends of one session, one after the other.
async fn appends(log: &impl EventLog, id: &SessionId, steps: Vec<Step>) -> Vec<Rendered> {
    let mut answered = Vec::new();
    for (_, n, wrong) in steps {
        let last = answered.len() as u64;
        match log.append(some(id.as_str(), last + u64::from(wrong), n)).await {
            Err(LogError::Conflict { actual, .. }) => assert!(wrong && actual.0 == last),
            other => answered.extend(other.expect("stored").events),
        }
    }
    answered
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_appends_is_replayed(steps in steps()) {
        let home = tempfile::tempdir().expect("scratch");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("runtime");
        runtime.block_on(async {
            run(&MemoryLog::new(), steps.clone()).await;
            let log = SqliteLog::open(home.path(), LogOptions::default()).expect("opens");
            run(&log, steps).await;
            let before = log.read_all(page(0)).await.expect("read").events;
            log.close().await.expect("closed");
            let log = SqliteLog::open(home.path(), LogOptions::default()).expect("opens again");
            assert_eq!(log.read_all(page(0)).await.expect("read").events, before);
        });
    }
}
