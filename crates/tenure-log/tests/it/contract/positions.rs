//! Positions: given without gaps, checked, and never given twice.

use tenure_event::{Seq, Timestamp};
use tenure_log::{Append, Class, EventLog, LogError, Write};

use crate::support::{change, check, event, page, put_row, replay, row, seqs, ses, some};

super::contract!(
    numbers_rise_without_gaps,
    a_wrong_position_is_refused,
    one_refused_append_leaves_the_others_alone,
    an_append_that_makes_no_sense_leaves_nothing,
    no_events_is_an_append_too,
    a_session_that_never_was_is_empty,
    what_is_stored_is_what_was_answered,
    unknown_kinds_are_kept_byte_for_byte,
    large_events_are_whole,
    after_the_close_nothing_works,
    classes_change_nothing_that_can_be_read,
);

async fn numbers_rise_without_gaps(log: &impl EventLog) {
    let one = log.append(some("a", 0, 3)).await.expect("stored");
    assert_eq!(one.last_seq, Seq(3));
    let other = log.append(some("b", 0, 2)).await.expect("stored");
    let two = log.append(some("a", 3, 1)).await.expect("stored");
    assert_eq!(two.events[0].seq, Seq(4));
    assert!(one.events[2].gseq < other.events[0].gseq && other.events[1].gseq < two.events[0].gseq);
    assert_eq!(log.facts().last_gseq, two.events[0].gseq);
    for event in &one.events {
        check(event, &ses("a"));
    }
}

async fn a_wrong_position_is_refused(log: &impl EventLog) {
    log.append(some("a", 0, 2)).await.expect("stored");
    for expected in [0, 1, 3, 1 << 41, u64::MAX] {
        match log.append(some("a", expected, 1)).await {
            Err(LogError::Conflict { expected: e, actual }) => {
                assert_eq!((e, actual), (Seq(expected), Seq(2)));
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    let page = log.read(&ses("a"), page(0)).await.expect("read");
    assert_eq!(seqs(&page), [1, 2]);
    log.append(some("a", 2, 1)).await.expect("the right position still works");
}

async fn one_refused_append_leaves_the_others_alone(log: &impl EventLog) {
    log.append(some("a", 0, 1)).await.expect("stored");
    let no_row = change("c", 0, vec![event("x.y", "z")], vec![Write::State(vec![1])]);
    let (a, b, c, d) = tokio::join!(
        log.append(some("a", 7, 1)),
        log.append(some("b", 0, 2)),
        log.append(no_row),
        log.append(some("d", 0, 2)),
    );
    assert!(matches!(a, Err(LogError::Conflict { .. })), "{a:?}");
    assert!(matches!(c, Err(LogError::Invalid(_))), "{c:?}");
    assert_eq!((b.expect("stored").last_seq, d.expect("stored").last_seq), (Seq(2), Seq(2)));
    assert_eq!(replay(log, &ses("c"), 10).await, []);
    assert_eq!(log.append(some("c", 0, 1)).await.expect("numbered from the start").last_seq, Seq(1));
    assert_eq!(log.append(some("d", 2, 1)).await.expect("goes on").last_seq, Seq(3));
}

async fn an_append_that_makes_no_sense_leaves_nothing(log: &impl EventLog) {
    let other = change("a", 0, vec![event("x.y", "z")], vec![put_row(row("b", 1))]);
    assert!(matches!(log.append(other).await, Err(LogError::Invalid(_))));
    // No edge takes such an id; one that comes all the same leads nowhere.
    let session_id = serde_json::from_value("..".into()).expect("a text");
    let up = Append { session_id, ..change("a", 0, vec![event("x.y", "z")], vec![]) };
    assert!(matches!(log.append(up).await, Err(LogError::Invalid(_))));
    assert!(matches!(log.put(vec![put_row(row("b", 1))]).await, Err(LogError::Invalid(_))));
    assert_eq!(replay(log, &ses("a"), 10).await, []);
    assert_eq!(log.session(&ses("b")).await.expect("read"), None);
}

async fn no_events_is_an_append_too(log: &impl EventLog) {
    let appended = log.append(change("a", 0, vec![], vec![put_row(row("a", 1))])).await.expect("stored");
    assert_eq!((appended.last_seq, appended.events.len()), (Seq(0), 0));
    let refused = log.append(change("a", 1, vec![], vec![Write::State(vec![9])])).await;
    assert!(matches!(refused, Err(LogError::Conflict { .. })));
    let (state, last, _) = log.state(&ses("a")).await.expect("read").expect("there");
    assert_eq!((state, last), (vec![1, 2, 3], Seq(0)));
}

async fn a_session_that_never_was_is_empty(log: &impl EventLog) {
    let page = log.read(&ses("nobody"), page(0)).await.expect("read");
    assert_eq!((page.events.len(), page.scanned_to, page.last), (0, 0, 0));
    assert!(log.state(&ses("nobody")).await.expect("read").is_none());
    assert!(log.session(&ses("nobody")).await.expect("read").is_none());
}

async fn what_is_stored_is_what_was_answered(log: &impl EventLog) {
    let mut answered = Vec::new();
    for n in 0..20 {
        let appended = log.append(some("a", answered.len() as u64, n % 4)).await.expect("stored");
        answered.extend(appended.events);
        log.append(some(&format!("other-{n}"), 0, 2)).await.expect("stored");
    }
    for limit in [1, 7, 1000] {
        assert_eq!(replay(log, &ses("a"), limit).await, answered);
    }
}

async fn unknown_kinds_are_kept_byte_for_byte(log: &impl EventLog) {
    let data = serde_json::json!({"z": 1, "a": [null, 1.5e300, "\u{1F319}\u{0}\n\"gseq\":0"], "": {}});
    let kind = tenure_event::Kind::Unknown { name: "moon.rose".to_owned(), data };
    let new = tenure_event::NewEvent { ts: Timestamp::from_millis(5), turn_id: None, kind };
    let appended = log.append(change("a", 0, vec![new.clone()], vec![])).await.expect("stored");
    let found = replay(log, &ses("a"), 10).await.remove(0);
    let direct = new.render(&ses("a"), found.seq, found.gseq).expect("renders");
    assert_eq!(found.bytes, direct.as_bytes());
    assert_eq!(found, appended.events[0]);
    assert_eq!(&*found.name, "moon.rose");
}

async fn large_events_are_whole(log: &impl EventLog) {
    for (n, size) in [4000, 5000, 70_000, 3_000_000].into_iter().enumerate() {
        let text = "é".repeat(size / 2);
        let appended = log.append(change("a", n as u64, vec![event("big.one", &text)], vec![])).await;
        let found = log.read(&ses("a"), page(n as u64)).await.expect("read");
        assert_eq!(found.events, appended.expect("stored").events);
        check(&found.events[0], &ses("a"));
    }
}

async fn after_the_close_nothing_works(log: &impl EventLog) {
    log.append(some("a", 0, 1)).await.expect("stored");
    log.close().await.expect("closed");
    assert!(matches!(log.append(some("a", 1, 1)).await, Err(LogError::Closed)));
    assert!(matches!(log.put(vec![]).await, Err(LogError::Closed)));
    assert!(matches!(log.read(&ses("a"), page(0)).await, Err(LogError::Closed)));
    assert!(matches!(log.sessions(Default::default()).await, Err(LogError::Closed)));
    assert!(matches!(log.blob(&ses("a"), "x").await, Err(LogError::Closed)));
    assert!(matches!(log.close().await, Err(LogError::Closed)));
}

async fn classes_change_nothing_that_can_be_read(log: &impl EventLog) {
    for (n, class) in [Class::Full, Class::Normal, Class::Full, Class::Normal].into_iter().enumerate() {
        let append = tenure_log::Append { class, ..some("a", n as u64, 1) };
        log.append(append).await.expect("stored");
    }
    assert_eq!(replay(log, &ses("a"), 10).await.len(), 4);
}
