//! What of `tenure-client` no case of the conformance suite can call: it is Rust's alone, or there is no word for it.

use std::pin::pin;

use futures_util::StreamExt;
use serde_json::json;
use tenure_api::{CreateSession, SendInput};
use tenure_client::{Client, ExecPiece, FollowOptions, Followed, TurnEvent};
use tenure_event::{Kind, Outcome, SessionId};
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

async fn ground() -> (TestDaemon, Client, SessionId) {
    let daemon = TestDaemon::start().await;
    let client = daemon.client().await;
    let cwd = Some(daemon.workdir().display().to_string());
    let request = CreateSession { agent: "scripted".into(), cwd, ..CreateSession::default() };
    let id = client.create(request).await.unwrap().session.id;
    (daemon, client, id)
}

fn says(text: &str) -> SendInput {
    serde_json::from_value(json!({"input": text})).unwrap()
}

#[tokio::test]
async fn an_input_is_sent_and_waited_for_in_one_and_a_turn_is_a_stream_with_its_receipt() {
    let (_daemon, client, id) = ground().await;
    assert_eq!(client.send_and_wait(&id, says("one")).await.unwrap().text, "You said: one");
    let turn = client.stream(&id, says("two")).await.unwrap();
    let admitted = turn.receipt().input_id.clone();
    let mut all = pin!(turn.into_stream());
    let mut last = None;
    while let Some(event) = all.next().await {
        last = Some(event.unwrap());
    }
    assert!(matches!(last, Some(TurnEvent::Result(result)) if result.text == "You said: two"));
    let inputs = client.inputs(&id).await.unwrap().items;
    assert!(inputs.iter().any(|input| input.input_id == admitted));
}

#[tokio::test]
async fn a_command_is_cancelled_by_its_id() {
    let (_daemon, client, id) = ground().await;
    let request = serde_json::from_value(json!({"shell": "until [ -e never ]; do sleep 0.1; done"})).unwrap();
    let mut run = client.exec_stream(&id, &request).await.unwrap();
    let Some(ExecPiece::Started(started)) = run.next().await.unwrap() else { panic!("it begins by its id") };
    assert!(!client.cancel_exec(&id, &started.exec_id).await.unwrap().hit.is_empty());
    let Some(ExecPiece::Ended(result)) = run.next().await.unwrap() else { panic!("it ends") };
    assert!(result.cancelled);
}

#[tokio::test]
async fn a_reader_that_stops_reading_holds_up_nobody_and_misses_nothing() {
    let (_daemon, client, id) = ground().await;
    let mut idle = client.follow(&id, FollowOptions { deltas: true, ..FollowOptions::default() });
    let mut seqs = Vec::new();
    while seqs.is_empty() {
        if let Followed::Event(event) = idle.next().await.unwrap().unwrap() {
            seqs.push(event.event.seq.0);
        }
    }
    for _ in 0..5 {
        let prompt = script(&json!([{"flood": 2000}]));
        assert_eq!(client.send_and_wait(&id, says(&prompt)).await.unwrap().outcome, Outcome::Completed);
    }
    let mut ends = 0;
    while ends < 5 {
        if let Followed::Event(event) = idle.next().await.unwrap().unwrap() {
            seqs.push(event.event.seq.0);
            ends += usize::from(matches!(event.event.kind, Kind::TurnCompleted(_)));
        }
    }
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_daemon_gives_the_document_of_its_interface() {
    let (_daemon, client, _) = ground().await;
    let document = client.openapi().await.unwrap();
    let asked = &document["paths"]["/v1/sessions/{id}/inputs"]["post"]["operationId"];
    assert_eq!(asked, "post_sessions_id_inputs");
}
