//! Builders of what tests append, and readers of what they find.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tenure_event::{
    AskId, AskState, Event, InputId, Kind, NewEvent, ProjectId, Seq, SessionId, Timestamp, WorkspaceId,
};
use tenure_log::{
    Append, Class, EventLog, EventPage, InputRow, PageRequest, Rendered, SessionRow, StoredAsk, Write,
};

pub(crate) fn ses(text: &str) -> SessionId {
    SessionId::parse(text).expect("valid")
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

/// An event of a kind that nobody knows, which the log must not mind.
pub(crate) fn event(name: &str, text: &str) -> NewEvent {
    static CLOCK: AtomicU64 = AtomicU64::new(1_795_139_670_306);
    let ts = at(i64::try_from(CLOCK.fetch_add(1, Ordering::Relaxed)).expect("small"));
    let kind = Kind::Unknown { name: name.to_owned(), data: json!({"text": text}) };
    NewEvent { ts, turn_id: None, kind }
}

pub(crate) fn change(id: &str, expected: u64, events: Vec<NewEvent>, writes: Vec<Write>) -> Append {
    Append { session_id: ses(id), expected: Seq(expected), events, class: Class::Normal, writes }
}

/// An append of `n` small events.
pub(crate) fn some(id: &str, expected: u64, n: usize) -> Append {
    change(id, expected, (0..n).map(|i| event("test.happened", &format!("{id} {i}"))).collect(), vec![])
}

pub(crate) fn page(after: u64) -> PageRequest {
    PageRequest { after, limit: 1000, max_bytes: 16 << 20, types: vec![] }
}

pub(crate) fn types(after: u64, names: &[&str]) -> PageRequest {
    PageRequest { types: names.iter().map(|n| (*n).to_owned()).collect(), ..page(after) }
}

pub(crate) fn seqs(page: &EventPage) -> Vec<u64> {
    page.events.iter().map(|e| e.seq.0).collect()
}

/// Reads a session from the start, by pages of this size.
pub(crate) async fn replay(log: &impl EventLog, id: &SessionId, limit: usize) -> Vec<Rendered> {
    let (mut after, mut all) = (0, Vec::new());
    loop {
        let got = log.read(id, PageRequest { limit, ..page(after) }).await.expect("read");
        assert!(got.events.len() <= limit);
        after = got.scanned_to;
        all.extend(got.events);
        if after == got.last {
            return all;
        }
    }
}

/// The bytes say what the fields say.
pub(crate) fn check(event: &Rendered, session: &SessionId) {
    let text = std::str::from_utf8(&event.bytes).expect("text");
    let parsed = Event::parse(text).expect("an envelope");
    assert_eq!((&parsed.session_id, parsed.seq, parsed.gseq), (session, event.seq, event.gseq));
    assert_eq!(parsed.kind.name(), &*event.name);
}

pub(crate) fn row(id: &str, updated_at: i64) -> SessionRow {
    SessionRow {
        id: ses(id),
        lifecycle: "live".to_owned(),
        activity: Some("idle".to_owned()),
        agent: "scripted".to_owned(),
        native_id: None,
        project_id: ProjectId::parse("prj_1").expect("valid"),
        workspace_id: WorkspaceId::parse("wks_1").expect("valid"),
        cwd: "/home/me/one".to_owned(),
        title: Some(format!("Title of {id}")),
        tags: vec![],
        archived: false,
        live: false,
        created_at: at(1),
        updated_at: at(updated_at),
        view: format!("{{\"id\":\"{id}\"}}"),
        state: vec![1, 2, 3],
    }
}

pub(crate) fn put_row(row: SessionRow) -> Write {
    Write::Session(Box::new(row))
}

/// The row as reads give it.
pub(crate) fn public(row: &SessionRow) -> SessionRow {
    SessionRow { state: vec![], ..row.clone() }
}

pub(crate) fn ask(session: &str, id: &str, opened_at: i64, state: AskState) -> StoredAsk {
    StoredAsk {
        id: AskId::parse(id).expect("valid"),
        session_id: ses(session),
        state,
        expires_at: Some(at(opened_at + 1000)),
        opened_at: at(opened_at),
        view: format!("{{\"id\":\"{id}\"}}"),
    }
}

pub(crate) fn input(session: &str, id: &str, admitted_seq: u64) -> InputRow {
    InputRow {
        id: InputId::parse(id).expect("valid"),
        session_id: ses(session),
        body_hash: "h".to_owned(),
        state: "queued".to_owned(),
        admitted_seq: Seq(admitted_seq),
        turn_id: None,
        ended_seq: None,
        view: "{}".to_owned(),
    }
}
