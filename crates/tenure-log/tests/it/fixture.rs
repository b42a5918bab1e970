//! Stores of every format that was ever released stay readable. The files under `tests/fixtures` are
//! never changed or removed: someone has a store like them.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use tenure_event::{AskState, InputId, Kind, ProjectId, Seq, WorkspaceId};
use tenure_log::{
    EventLog, IdempotencyRow, LogOptions, OutboxRow, ProjectRow, SessionFilter, SessionRow, SqliteLog,
    WorkspaceRow, Write,
};

use crate::support::{ask, at, change, input, page, public, put_row, replay, row, ses};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn told(name: &str, data: serde_json::Value) -> tenure_event::NewEvent {
    let kind = Kind::read(name, &data.to_string());
    tenure_event::NewEvent { ts: at(1_795_139_670_306), turn_id: None, kind }
}

fn first() -> SessionRow {
    let mut row = row("first", 20);
    row.native_id = Some("native-1".to_owned());
    row.tags = vec!["red".to_owned()];
    row.live = true;
    row
}

fn gone() -> SessionRow {
    let mut row = row("gone", 30);
    row.lifecycle = "destroyed".to_owned();
    row.activity = None;
    row.state = vec![];
    row
}

fn idempotency() -> IdempotencyRow {
    let (key, body_hash, body) = ("k".to_owned(), "h".to_owned(), "{}".to_owned());
    IdempotencyRow { key, body_hash, status: 201, body, at: at(5) }
}

fn outbox() -> OutboxRow {
    OutboxRow { generation: 2, n: 3, bytes: Bytes::from_static(b"line\n") }
}

fn workspace() -> WorkspaceRow {
    let id = WorkspaceId::parse("wks_1").expect("valid");
    WorkspaceRow { id, kind: "scratch".to_owned(), path: "/w".to_owned(), owned: true, created_at: at(1) }
}

fn project() -> ProjectRow {
    let id = ProjectId::parse("prj_1").expect("valid");
    ProjectRow { id, path: "/p".to_owned(), title: Some("P".to_owned()), trusted: true, created_at: at(1) }
}

/// Makes the file for the current format. Run it once when a format is released, before anything else:
/// `cargo test -p tenure-log -- --ignored write_the_fixture`.
#[tokio::test]
#[ignore = "writes a file that must not change"]
async fn write_the_fixture() {
    let home = tempfile::tempdir().expect("scratch");
    let options = LogOptions { boot_id: Some("fixture".to_owned()), ..LogOptions::default() };
    let log = SqliteLog::open(home.path(), options).expect("opens");
    let events = vec![
        told("warning.raised", serde_json::json!({"code": "disk", "message": "nearly full"})),
        told("moon.rose", serde_json::json!({"full": true})),
        told("moon.rose", serde_json::json!({"text": "é".repeat(5000)})),
    ];
    let writes = vec![
        put_row(first()),
        Write::Ask(Box::new(ask("first", "ask_1", 7, AskState::Open))),
        Write::Input(Box::new(input("first", "i1", 1))),
        Write::Outbox(outbox()),
    ];
    log.append(change("first", 0, events, writes)).await.expect("stored");
    log.append(change("gone", 0, vec![told("moon.rose", serde_json::json!({}))], vec![]))
        .await
        .expect("stored");
    let events = vec![told("moon.set", serde_json::json!({}))];
    log.append(change("gone", 1, events, vec![Write::Erase, put_row(gone())])).await.expect("stored");
    let writes =
        vec![Write::Workspace(workspace()), Write::Project(project()), Write::Idempotency(idempotency())];
    log.put(writes).await.expect("stored");
    let format = log.facts().format;
    log.close().await.expect("closed");
    let to = fixtures().join(format!("format-{format}.db"));
    assert!(!to.exists(), "{} must not change", to.display());
    std::fs::create_dir_all(fixtures()).expect("made");
    std::fs::copy(home.path().join("tenure.db"), to).expect("copied");
}

/// This test stays for ever, with its file.
#[tokio::test]
async fn format_1_is_read() {
    let home = tempfile::tempdir().expect("scratch");
    std::fs::copy(fixtures().join("format-1.db"), home.path().join("tenure.db")).expect("there");
    let log = SqliteLog::open(home.path(), LogOptions::default()).expect("opens");
    let id = ses("first");
    let events = replay(&log, &id, 1).await;
    assert_eq!(
        std::str::from_utf8(&events[0].bytes).expect("text"),
        r#"{"session_id":"first","seq":1,"gseq":1,"ts":"2026-11-20T01:54:30.306Z","type":"warning.raised","data":{"code":"disk","message":"nearly full"}}"#
    );
    assert_eq!(
        events.iter().map(|e| &*e.name).collect::<Vec<_>>(),
        ["warning.raised", "moon.rose", "moon.rose"]
    );
    assert!(events[2].bytes.len() > 10_000);
    let tombstone = log.read(&ses("gone"), page(1)).await.expect("read");
    assert_eq!((tombstone.events.len(), &*tombstone.events[0].name), (1, "moon.set"));
    assert_eq!(log.read_all(page(0)).await.expect("read").events.len(), 4);

    assert_eq!(log.session(&id).await.expect("read"), Some(public(&first())));
    let state = log.state(&id).await.expect("read");
    assert_eq!(state, Some((first().state, Seq(3), vec![outbox()])));
    let red = SessionFilter { tag: Some("red".to_owned()), limit: 9, ..SessionFilter::default() };
    assert_eq!(log.sessions(red).await.expect("read").rows, [public(&first())]);
    let destroyed = SessionFilter { lifecycle: vec!["destroyed".to_owned()], limit: 9, ..Default::default() };
    assert_eq!(log.sessions(destroyed).await.expect("read").rows, [gone()]);
    assert_eq!(log.live_sessions().await.expect("read"), [ses("first")]);
    let asks = log.asks(None, &[AskState::Open], 9).await.expect("read");
    assert_eq!(asks, [ask("first", "ask_1", 7, AskState::Open)]);
    let found = log.input(&id, &InputId::parse("i1").expect("valid")).await.expect("read");
    assert_eq!(found, Some(input("first", "i1", 1)));
    assert_eq!(log.idempotency("k", at(6)).await.expect("read"), Some(idempotency()));
    assert_eq!(log.workspace_at("/w").await.expect("read"), Some(workspace()));
    assert_eq!(log.projects().await.expect("read"), [project()]);
    assert_eq!(log.facts().generation, 1, "it was closed cleanly");
    log.append(change("first", 3, vec![told("moon.set", serde_json::json!({}))], vec![]))
        .await
        .expect("goes on");
}
