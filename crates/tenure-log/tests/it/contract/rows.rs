//! Rows that change with events: stored and removed together with them.

use bytes::Bytes;
use tenure_event::{AskState, InputId, ProjectId, Seq, TurnId, WorkspaceId};
use tenure_log::{EventLog, IdempotencyRow, InputRow, OutboxRow, ProjectRow, WorkspaceRow, Write};

use crate::support::{ask, at, change, event, input, public, put_row, row, ses};

super::contract!(
    a_row_is_given_back_without_its_state,
    a_conflict_changes_no_row,
    the_outbox_keeps_what_is_not_acknowledged,
    asks_are_listed_newest_first,
    inputs_are_listed_newest_first,
    answers_to_keys_are_remembered_for_a_day,
    workspaces_and_projects,
    blobs_belong_to_their_session,
);

async fn a_row_is_given_back_without_its_state(log: &impl EventLog) {
    let mut stored = row("a", 7);
    stored.native_id = Some("native-1".to_owned());
    stored.tags = vec!["x".to_owned(), "y\"z".to_owned()];
    log.append(change("a", 0, vec![event("a.b", "")], vec![put_row(stored.clone())])).await.expect("stored");
    assert_eq!(log.session(&ses("a")).await.expect("read"), Some(public(&stored)));
    log.append(change("a", 1, vec![], vec![Write::State(vec![0, 255, 7])])).await.expect("stored");
    let (state, last, outbox) = log.state(&ses("a")).await.expect("read").expect("there");
    assert_eq!((state, last, outbox), (vec![0, 255, 7], Seq(1), vec![]));
    assert_eq!(log.session(&ses("a")).await.expect("read"), Some(public(&stored)));
    stored.view = "{\"new\":true}".to_owned();
    stored.title = None;
    log.append(change("a", 1, vec![], vec![put_row(stored.clone())])).await.expect("stored");
    assert_eq!(log.session(&ses("a")).await.expect("read"), Some(public(&stored)));
    let (state, ..) = log.state(&ses("a")).await.expect("read").expect("there");
    assert_eq!(state, stored.state);
}

async fn a_conflict_changes_no_row(log: &impl EventLog) {
    log.append(change("a", 0, vec![event("a.b", "")], vec![])).await.expect("stored");
    let writes = vec![put_row(row("a", 7)), Write::Input(Box::new(input("a", "i1", 1)))];
    log.append(change("a", 0, vec![], writes)).await.expect_err("refused");
    assert_eq!(log.session(&ses("a")).await.expect("read"), None);
    assert_eq!(log.inputs(&ses("a"), 10).await.expect("read"), []);
}

async fn the_outbox_keeps_what_is_not_acknowledged(log: &impl EventLog) {
    let out = |generation, n| OutboxRow { generation, n, bytes: Bytes::from(format!("{generation}/{n}\n")) };
    let mut writes = vec![put_row(row("a", 1))];
    writes.extend([(2, 1), (1, 2), (1, 1), (1, 3)].map(|(g, n)| Write::Outbox(out(g, n))));
    log.append(change("a", 0, vec![], writes)).await.expect("stored");
    let outbox = || async { log.state(&ses("a")).await.expect("read").expect("there").2 };
    assert_eq!(outbox().await, [out(1, 1), out(1, 2), out(1, 3), out(2, 1)]);
    let done = |generation, n| change("a", 0, vec![], vec![Write::OutboxDone { generation, n }]);
    log.append(done(1, 2)).await.expect("stored");
    assert_eq!(outbox().await, [out(1, 3), out(2, 1)]);
    log.append(done(1, u64::MAX)).await.expect("stored");
    log.append(done(3, 1)).await.expect("stored");
    assert_eq!(outbox().await, [out(2, 1)]);
    let other = vec![put_row(row("b", 1)), Write::OutboxDone { generation: 2, n: u64::MAX }];
    log.append(change("b", 0, vec![], other)).await.expect("stored");
    assert_eq!(outbox().await, [out(2, 1)], "of another session");
}

async fn asks_are_listed_newest_first(log: &impl EventLog) {
    use AskState::{Expired, Open, Resolved, Withdrawn};
    let put = |a| Write::Ask(Box::new(a));
    let (a1, a2, a3) =
        (ask("a", "ask_1", 10, Open), ask("a", "ask_2", 30, Resolved), ask("a", "ask_3", 30, Open));
    let b1 = ask("b", "ask_4", 20, Expired);
    log.append(change("a", 0, vec![], vec![put(a1.clone()), put(a2.clone()), put(a3.clone())]))
        .await
        .expect("stored");
    log.append(change("b", 0, vec![], vec![put(b1.clone())])).await.expect("stored");
    let (a, b) = (ses("a"), ses("b"));
    assert_eq!(log.asks(Some(&a), &[], 10).await.expect("read"), [a3.clone(), a2.clone(), a1.clone()]);
    assert_eq!(log.asks(Some(&a), &[Open], 10).await.expect("read"), [a3.clone(), a1.clone()]);
    assert_eq!(log.asks(Some(&a), &[Open], 1).await.expect("read"), std::slice::from_ref(&a3));
    assert_eq!(log.asks(Some(&b), &[Open, Expired], 10).await.expect("read"), std::slice::from_ref(&b1));
    assert_eq!(log.asks(Some(&ses("c")), &[], 10).await.expect("read"), []);
    let all = [a3.clone(), a2.clone(), b1.clone(), a1.clone()];
    assert_eq!(log.asks(None, &[], 10).await.expect("read"), all);
    assert_eq!(log.asks(None, &[Open, Open, Expired], 2).await.expect("read"), [a3.clone(), b1.clone()]);
    let gone = tenure_log::StoredAsk { state: Withdrawn, expires_at: None, ..a3 };
    log.append(change("a", 0, vec![], vec![put(gone.clone())])).await.expect("stored");
    assert_eq!(log.ask(&gone.id).await.expect("read"), Some(gone));
    assert_eq!(log.asks(None, &[Open], 10).await.expect("read"), [a1]);
}

async fn inputs_are_listed_newest_first(log: &impl EventLog) {
    let put = |i| Write::Input(Box::new(i));
    let (one, two) = (input("a", "i1", 1), input("a", "i2", 2));
    let events = vec![event("input.admitted", "1"), event("input.admitted", "2")];
    log.append(change("a", 0, events, vec![put(one.clone()), put(two.clone())])).await.expect("stored");
    log.append(change("b", 0, vec![], vec![put(input("b", "i1", 9))])).await.expect("stored");
    assert_eq!(log.inputs(&ses("a"), 10).await.expect("read"), [two.clone(), one.clone()]);
    assert_eq!(log.inputs(&ses("a"), 1).await.expect("read"), [two]);
    let ended = InputRow {
        state: "completed".to_owned(),
        turn_id: Some(TurnId::parse("trn_1").expect("valid")),
        ended_seq: Some(Seq(2)),
        ..one
    };
    log.append(change("a", 2, vec![], vec![put(ended.clone())])).await.expect("stored");
    let id = InputId::parse("i1").expect("valid");
    assert_eq!(log.input(&ses("a"), &id).await.expect("read"), Some(ended));
    assert_eq!(log.input(&ses("b"), &id).await.expect("read").map(|i| i.admitted_seq), Some(Seq(9)));
    assert_eq!(log.input(&ses("c"), &id).await.expect("read"), None);
}

async fn answers_to_keys_are_remembered_for_a_day(log: &impl EventLog) {
    const HOUR: i64 = 3_600_000;
    let answer = |key: &str, at_ms| IdempotencyRow {
        key: key.to_owned(),
        body_hash: "h".to_owned(),
        status: 201,
        body: "{}".to_owned(),
        at: at(at_ms),
    };
    log.put(vec![Write::Idempotency(answer("k1", 0))]).await.expect("stored");
    log.append(change("a", 0, vec![], vec![Write::Idempotency(answer("k2", HOUR))])).await.expect("stored");
    let found = |key: &'static str, now| async move { log.idempotency(key, at(now)).await.expect("read") };
    assert_eq!(found("k1", HOUR).await, Some(answer("k1", 0)));
    assert_eq!(found("k1", 24 * HOUR).await, Some(answer("k1", 0)));
    assert_eq!(found("k1", 24 * HOUR + 1).await, None);
    assert_eq!(found("k2", 24 * HOUR + 1).await, Some(answer("k2", HOUR)));
    assert_eq!(found("k3", 0).await, None);
    log.put(vec![Write::Idempotency(answer("k3", 100 * HOUR))]).await.expect("stored");
    assert_eq!(found("k3", 100 * HOUR).await, Some(answer("k3", 100 * HOUR)));
}

async fn workspaces_and_projects(log: &impl EventLog) {
    let workspace = |id: &str, path: &str, ms| WorkspaceRow {
        id: WorkspaceId::parse(id).expect("valid"),
        kind: "directory".to_owned(),
        path: path.to_owned(),
        owned: false,
        created_at: at(ms),
    };
    let project = |id: &str, ms| ProjectRow {
        id: ProjectId::parse(id).expect("valid"),
        path: format!("/p/{id}"),
        title: None,
        trusted: false,
        created_at: at(ms),
    };
    let (w1, w2) = (workspace("w1", "/one", 2), workspace("w2", "/two", 1));
    let (p1, p2) = (project("p1", 5), project("p2", 3));
    let writes = vec![Write::Workspace(w1.clone()), Write::Project(p1.clone()), Write::Project(p2.clone())];
    log.put(writes).await.expect("stored");
    log.append(change("a", 0, vec![], vec![Write::Workspace(w2.clone())])).await.expect("stored");
    assert_eq!(log.workspaces(None, 9).await.expect("read"), [w1.clone(), w2.clone()]);
    assert_eq!(log.workspaces(None, 1).await.expect("read"), std::slice::from_ref(&w1));
    assert_eq!(log.workspaces(Some(&w1.id), 9).await.expect("read"), std::slice::from_ref(&w2));
    assert_eq!(log.workspaces(Some(&w2.id), 9).await.expect("read"), []);
    assert_eq!(log.workspace(&w1.id).await.expect("read"), Some(w1));
    assert_eq!(log.workspace_at("/two").await.expect("read"), Some(w2));
    assert_eq!(log.workspace_at("/three").await.expect("read"), None);
    assert_eq!(log.projects().await.expect("read"), [p2.clone(), p1.clone()]);
    let trusted = ProjectRow { trusted: true, title: Some("T".to_owned()), ..p1 };
    log.put(vec![Write::Project(trusted.clone())]).await.expect("stored");
    assert_eq!(log.projects().await.expect("read"), [p2, trusted]);
}

async fn blobs_belong_to_their_session(log: &impl EventLog) {
    let (a, b) = (ses("a"), ses("b"));
    let hash = log.put_blob(&a, Bytes::from_static(b"hello")).await.expect("stored");
    assert_eq!(hash, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_eq!(log.put_blob(&a, Bytes::from_static(b"hello")).await.expect("again"), hash);
    assert_eq!(log.blob(&a, &hash).await.expect("read").as_deref(), Some(&b"hello"[..]));
    assert_eq!(log.blob(&b, &hash).await.expect("read"), None);
    for odd in ["", ".", "..", "../../../tenure.db", "../../a/blobs/x", &hash.to_uppercase(), &hash[1..]] {
        assert_eq!(log.blob(&a, odd).await.expect("no such blob"), None, "{odd}");
    }
}
