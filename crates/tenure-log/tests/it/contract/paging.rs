//! Pages: by count, by bytes, by kind; cursors that are refused; all sessions at once.

use tenure_log::{EventLog, LogError, PageRequest};

use crate::support::{change, event, page, seqs, ses, some, types};

super::contract!(
    a_page_ends_by_count_or_by_bytes,
    kinds_are_chosen_by_name_and_family,
    a_rare_kind_is_found_far_away,
    a_cursor_beyond_the_end_is_refused,
    all_sessions_are_read_in_one_order,
    pages_of_all_sessions_choose_kinds,
);

async fn a_page_ends_by_count_or_by_bytes(log: &impl EventLog) {
    let appended = log.append(some("a", 0, 10)).await.expect("stored");
    let size = appended.events[0].bytes.len();
    let id = &ses("a");
    let read = |after, limit, max_bytes| log.read(id, PageRequest { after, limit, max_bytes, types: vec![] });
    let got = read(2, 3, usize::MAX).await.expect("read");
    assert_eq!((seqs(&got), got.scanned_to, got.last), (vec![3, 4, 5], 5, 10));
    let got = read(0, 100, size * 2).await.expect("read");
    assert_eq!((seqs(&got), got.scanned_to), (vec![1, 2], 2));
    let got = read(4, 100, 0).await.expect("read");
    assert_eq!((seqs(&got), got.scanned_to), (vec![5], 5), "one is always given");
    let got = read(0, 0, usize::MAX).await.expect("read");
    assert_eq!(seqs(&got), [1], "a limit of none is one");
    let got = read(10, 5, 100).await.expect("read");
    assert_eq!((got.events.len(), got.scanned_to, got.last), (0, 10, 10));
}

async fn kinds_are_chosen_by_name_and_family(log: &impl EventLog) {
    let names = ["turn.started", "turnip.grew", "message.completed", "turn.completed", "ask.opened"];
    let events = names.iter().map(|n| event(n, "x")).collect();
    log.append(change("a", 0, events, vec![])).await.expect("stored");
    for (wanted, found) in [
        (&["turn.*"][..], vec![1, 4]),
        (&["message.completed"], vec![3]),
        (&["ask.opened", "turn.*"], vec![1, 4, 5]),
        (&["nothing.like_this"], vec![]),
        (&["turn"], vec![]),
        (&["*"], vec![]),
        (&["' OR 1=1 --"], vec![]),
    ] {
        let got = log.read(&ses("a"), types(0, wanted)).await.expect("read");
        assert_eq!((seqs(&got), got.scanned_to), (found, 5), "{wanted:?}");
    }
    let got = log.read(&ses("a"), PageRequest { limit: 1, ..types(0, &["turn.*"]) }).await.expect("read");
    assert_eq!((seqs(&got), got.scanned_to), (vec![1], 1));
    let got = log.read(&ses("a"), types(1, &["turn.*"])).await.expect("read");
    assert_eq!(seqs(&got), [4]);
}

async fn a_rare_kind_is_found_far_away(log: &impl EventLog) {
    for n in 0..10 {
        log.append(some("a", n * 1000, 1000)).await.expect("stored");
    }
    log.append(change("a", 10_000, vec![event("rare.one", "x")], vec![])).await.expect("stored");
    let (mut after, mut found) = (0, vec![]);
    loop {
        let got = log.read(&ses("a"), types(after, &["rare.*"])).await.expect("read");
        assert!(got.scanned_to > after, "a page moves on, also with nothing in it");
        after = got.scanned_to;
        found.extend(seqs(&got));
        if after == got.last {
            break;
        }
    }
    assert_eq!(found, [10_001]);
}

async fn a_cursor_beyond_the_end_is_refused(log: &impl EventLog) {
    log.append(some("a", 0, 2)).await.expect("stored");
    for after in [3, 1 << 40, 1 << 41, u64::MAX] {
        let refused = log.read(&ses("a"), page(after)).await;
        let Err(LogError::CursorExpired { after: a, first, last }) = refused else { panic!("{refused:?}") };
        assert_eq!((a, first, last), (after, 1, 2));
        assert!(matches!(log.read(&ses("b"), page(after)).await, Err(LogError::CursorExpired { .. })));
        assert!(matches!(log.read_all(page(after)).await, Err(LogError::CursorExpired { .. })));
    }
}

async fn all_sessions_are_read_in_one_order(log: &impl EventLog) {
    let mut answered = Vec::new();
    for n in 0..30_u64 {
        answered.extend(log.append(some("a", n, 1)).await.expect("stored").events);
        answered.extend(log.append(some("b", n * 2, 2)).await.expect("stored").events);
    }
    let (mut after, mut found) = (0, Vec::new());
    loop {
        let got = log.read_all(PageRequest { limit: 7, ..page(after) }).await.expect("read");
        after = got.scanned_to;
        found.extend(got.events);
        if after == got.last {
            break;
        }
    }
    assert_eq!(found, answered);
    assert!(found.is_sorted_by(|a, b| a.gseq < b.gseq));
    assert_eq!(after, log.facts().last_gseq.0);
}

async fn pages_of_all_sessions_choose_kinds(log: &impl EventLog) {
    for n in 0..5_u64 {
        log.append(some("a", n * 1000, 1000)).await.expect("stored");
        log.append(change("b", n, vec![event("rare.one", "x")], vec![])).await.expect("stored");
    }
    let (mut after, mut found) = (0, vec![]);
    while after < log.facts().last_gseq.0 {
        let got = log.read_all(types(after, &["rare.*"])).await.expect("read");
        assert!(got.scanned_to > after);
        after = got.scanned_to;
        found.extend(seqs(&got));
    }
    assert_eq!(found, [1, 2, 3, 4, 5]);
}
