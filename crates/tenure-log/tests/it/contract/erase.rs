//! Erasing leaves a tombstone, and numbers that are never given again.

use bytes::Bytes;
use tenure_event::{AskState, Seq};
use tenure_log::{EventLog, LogError, OutboxRow, Write};

use crate::support::{ask, change, event, input, page, put_row, row, seqs, ses, some};

super::contract!(
    only_the_tombstone_is_left,
    others_are_not_touched,
    numbers_go_on_also_without_a_tombstone,
    followers_hear_of_it,
    a_large_session_is_gone_at_once,
);

async fn only_the_tombstone_is_left(log: &impl EventLog) {
    let id = ses("a");
    let out = OutboxRow { generation: 1, n: 1, bytes: Bytes::from_static(b"x") };
    let writes = vec![
        put_row(row("a", 1)),
        Write::Ask(Box::new(ask("a", "ask_1", 1, AskState::Open))),
        Write::Input(Box::new(input("a", "i1", 1))),
        Write::Outbox(out),
    ];
    log.append(change("a", 0, vec![event("a.b", "1"), event("a.b", "2")], writes)).await.expect("stored");
    let hash = log.put_blob(&id, Bytes::from_static(b"hello")).await.expect("stored");
    let mut gone = row("a", 2);
    gone.lifecycle = "destroyed".to_owned();
    gone.state = vec![];
    let writes = vec![Write::Erase, put_row(gone.clone())];
    let tombstone =
        log.append(change("a", 2, vec![event("session.destroyed", "")], writes)).await.expect("stored");
    assert_eq!(tombstone.last_seq, Seq(3));

    let got = log.read(&id, page(2)).await.expect("read");
    assert_eq!((&got.events, got.last), (&tombstone.events, 3));
    for after in [0, 1] {
        let refused = log.read(&id, page(after)).await;
        assert!(matches!(refused, Err(LogError::CursorExpired { first: 3, last: 3, .. })), "{refused:?}");
    }
    assert_eq!(log.read_all(page(0)).await.expect("read").events, tombstone.events);
    assert_eq!(log.asks(None, &[], 10).await.expect("read"), []);
    assert_eq!(log.inputs(&id, 10).await.expect("read"), []);
    assert_eq!(log.blob(&id, &hash).await.expect("read"), None);
    assert_eq!(log.state(&id).await.expect("read").expect("there"), (vec![], Seq(3), vec![]));
    assert_eq!(log.session(&id).await.expect("read"), Some(gone));
    assert_eq!(log.append(some("a", 3, 1)).await.expect("goes on").last_seq, Seq(4));
}

async fn others_are_not_touched(log: &impl EventLog) {
    for id in ["a", "b", "c"] {
        log.append(change(id, 0, vec![event("x.y", "1")], vec![put_row(row(id, 1))])).await.expect("stored");
        log.put_blob(&ses(id), Bytes::from_static(b"hello")).await.expect("stored");
    }
    log.append(change("b", 1, vec![event("x.z", "")], vec![Write::Erase])).await.expect("stored");
    let names: Vec<_> = log.read_all(page(0)).await.expect("read").events;
    assert_eq!(names.iter().map(|e| &*e.name).collect::<Vec<_>>(), ["x.y", "x.y", "x.z"]);
    let hash = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert!(log.blob(&ses("a"), hash).await.expect("read").is_some());
    assert_eq!(log.state(&ses("c")).await.expect("read").expect("there").0, [1, 2, 3]);
}

async fn numbers_go_on_also_without_a_tombstone(log: &impl EventLog) {
    let last = log.append(some("a", 0, 5)).await.expect("stored").events[4].gseq;
    log.append(change("a", 5, vec![], vec![Write::Erase])).await.expect("stored");
    let got = log.read(&ses("a"), page(5)).await.expect("read");
    assert_eq!((got.events.len(), got.last), (0, 5));
    let next = log.append(some("a", 5, 1)).await.expect("goes on");
    assert_eq!(next.last_seq, Seq(6));
    assert!(next.events[0].gseq > last);
    log.append(change("a", 6, vec![], vec![Write::Erase])).await.expect("twice is fine");
    assert!(matches!(
        log.read(&ses("a"), page(5)).await,
        Err(LogError::CursorExpired { first: 7, last: 6, .. })
    ));
}

async fn followers_hear_of_it(log: &impl EventLog) {
    let mut bell = log.tail(&ses("a"));
    log.append(some("a", 0, 5)).await.expect("stored");
    bell.borrow_and_update();
    log.append(change("a", 5, vec![event("x.z", "")], vec![Write::Erase])).await.expect("stored");
    assert_eq!(bell.borrow_and_update().last, 6);
    assert_eq!(seqs(&log.read(&ses("a"), page(5)).await.expect("read")), [6]);
    assert!(matches!(log.read(&ses("a"), page(2)).await, Err(LogError::CursorExpired { .. })));
}

async fn a_large_session_is_gone_at_once(log: &impl EventLog) {
    for n in 0..5 {
        log.append(some("a", n * 1000, 1000)).await.expect("stored");
    }
    let kept = log.append(some("b", 0, 3)).await.expect("stored").events;
    let tomb =
        log.append(change("a", 5000, vec![event("x.z", "")], vec![Write::Erase])).await.expect("stored");
    let all = [kept, tomb.events].concat();
    for n in 0..20 {
        let mut found = Vec::new();
        let mut after = 0;
        while after < log.facts().last_gseq.0 {
            let got = log.read_all(page(after)).await.expect("read");
            after = got.scanned_to;
            found.extend(got.events);
        }
        assert_eq!(found[..4], all);
        log.append(some("c", n, 1)).await.expect("others go on meanwhile");
    }
}
