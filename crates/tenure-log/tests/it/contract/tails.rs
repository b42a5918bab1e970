//! Followers: woken after every commit, never left asleep, given the same bytes as a replay.

use std::time::Duration;

use tenure_event::SessionId;
use tenure_log::{EventLog, PageRequest, Rendered};
use tokio::time::timeout;

use crate::support::{page, replay, ses, some};

super::contract!(
    a_bell_rings_with_the_last_position,
    nobody_is_woken_by_others,
    followers_miss_nothing,
    a_follower_of_all_misses_nothing,
    what_followers_get_is_what_is_stored,
);

const PATIENCE: Duration = Duration::from_secs(30);

async fn a_bell_rings_with_the_last_position(log: &impl EventLog) {
    let (mut one, mut all) = (log.tail(&ses("a")), log.tail_all());
    assert_eq!((one.borrow().last, all.borrow().last), (0, 0));
    let appended = log.append(some("a", 0, 3)).await.expect("stored");
    assert!(one.has_changed().expect("open") && all.has_changed().expect("open"), "rung before the answer");
    assert_eq!(one.borrow_and_update().last, 3);
    assert_eq!(all.borrow_and_update().last, appended.events[2].gseq.0);
    assert_eq!(log.tail_all().borrow().last, appended.events[2].gseq.0);
    log.append(some("a", 3, 0)).await.expect("stored");
    assert!(!one.has_changed().expect("open"), "nothing to read, nothing to ring for");
}

async fn nobody_is_woken_by_others(log: &impl EventLog) {
    let bell = log.tail(&ses("a"));
    log.append(some("b", 0, 1)).await.expect("stored");
    assert!(!bell.has_changed().expect("open"));
}

/// Follows a session from the start until it has seen `until` events.
async fn follow(log: &impl EventLog, id: &SessionId, until: u64, limit: usize) -> Vec<Rendered> {
    let mut bell = log.tail(id);
    let (mut after, mut seen) = (0, Vec::new());
    while after < until {
        bell.borrow_and_update();
        let got = log.read(id, PageRequest { limit, ..page(after) }).await.expect("read");
        after = got.scanned_to;
        seen.extend(got.events);
        if after == got.last && after < until {
            timeout(PATIENCE, bell.changed()).await.expect("woken").expect("open");
        }
    }
    seen
}

async fn followers_miss_nothing(log: &impl EventLog) {
    let id = ses("a");
    let write = async {
        for n in 0..150 {
            log.append(some("a", n * 2, 2)).await.expect("stored");
            tokio::task::yield_now().await;
        }
    };
    let ((), one, two, three) =
        tokio::join!(write, follow(log, &id, 300, 1000), follow(log, &id, 300, 1), follow(log, &id, 300, 3));
    let stored = replay(log, &id, 1000).await;
    assert_eq!(stored.len(), 300);
    assert!(one == stored && two == stored && three == stored);
}

async fn a_follower_of_all_misses_nothing(log: &impl EventLog) {
    let write = |id: &'static str| async move {
        for n in 0..100 {
            log.append(some(id, n, 1)).await.expect("stored");
        }
    };
    let follow = async {
        let (mut bell, mut after, mut seen) = (log.tail_all(), 0, Vec::new());
        while seen.len() < 300 {
            bell.borrow_and_update();
            let got = log.read_all(PageRequest { limit: 10, ..page(after) }).await.expect("read");
            after = got.scanned_to;
            seen.extend(got.events);
            if after == got.last && seen.len() < 300 {
                timeout(PATIENCE, bell.changed()).await.expect("woken").expect("open");
            }
        }
        seen
    };
    let (_, _, _, seen) = tokio::join!(write("a"), write("b"), write("c"), follow);
    assert!(seen.is_sorted_by(|a, b| a.gseq < b.gseq));
    assert_eq!(seen, log.read_all(page(0)).await.expect("read").events);
}

async fn what_followers_get_is_what_is_stored(log: &impl EventLog) {
    let id = ses("a");
    log.append(some("a", 0, 5)).await.expect("stored");
    let bell = log.tail(&id);
    log.append(some("a", 5, 20)).await.expect("stored");
    let mut tried = Vec::new();
    for after in [0, 4, 5, 10, 24, 25] {
        for limit in [1, 3, 100] {
            for max_bytes in [1, 700, 1 << 20] {
                for types in [vec![], vec!["test.*".to_owned()], vec!["other".to_owned()]] {
                    let request = PageRequest { after, limit, max_bytes, types };
                    let got = log.read(&id, request.clone()).await.expect("read");
                    tried.push((request, got));
                }
            }
        }
    }
    // Without a listener nothing is remembered beside the store.
    drop(bell);
    log.append(some("a", 25, 0)).await.expect("stored");
    for (request, got) in tried {
        let again = log.read(&id, request.clone()).await.expect("read");
        assert_eq!((again.events, again.scanned_to), (got.events, got.scanned_to), "{request:?}");
    }
}
