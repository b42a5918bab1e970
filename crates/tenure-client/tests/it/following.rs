//! Following over lost connections, new ports, repeated and missing events.

use serde_json::json;
use tenure_api::{ErrorCode, Problem};
use tenure_client::{Client, ClientError, FollowOptions, Followed, Home};

use crate::fake::{self, Reply};

/// A frame of session `s1`.
fn frame(seq: u64) -> String {
    frame_of(seq, "warning.raised", json!({"code": "c", "message": format!("m{seq}")}))
}

fn frame_of(seq: u64, kind: &str, data: serde_json::Value) -> String {
    let envelope = json!({
        "session_id": "s1", "seq": seq, "gseq": seq * 10, "ts": "2026-11-20T00:00:00.000Z", "type": kind, "data": data,
    });
    format!("id: {seq}\nevent: {kind}\ndata: {envelope}\n\n")
}

fn word(item: Option<Result<Followed, ClientError>>) -> String {
    match item {
        Some(Ok(Followed::Event(e))) => e.event.seq.to_string(),
        Some(Ok(Followed::Ephemeral(e))) => e.kind.name().to_owned(),
        Some(Ok(Followed::Gap { from, to })) => format!("gap {from}-{to}"),
        Some(Ok(Followed::Lost { .. })) => "lost".to_owned(),
        Some(Ok(Followed::Back)) => "back".to_owned(),
        Some(Err(error)) => format!("error {:?}", error.code()),
        None => "end".to_owned(),
    }
}

async fn words(client: &Client, options: FollowOptions, until: &str) -> Vec<String> {
    let mut follow = client.follow(&"s1".parse().unwrap(), options);
    let mut words = Vec::new();
    while words.last().map(String::as_str) != Some(until) {
        words.push(word(follow.next().await));
    }
    words
}

fn quick() -> FollowOptions {
    FollowOptions { patience: std::time::Duration::ZERO, ..Default::default() }
}

#[tokio::test]
async fn a_cut_stream_goes_on_after_the_last_event_and_repeats_nothing() {
    let (url, asks) = fake::tcp(|n, _| match n {
        0 => Reply::Stream(format!("{}{}id: 3\nevent: warn", frame(1), frame(2))),
        1 => Reply::Stream(String::new()),
        _ => Reply::Open(format!(":\n\n{}{}{}", frame(2), frame(3), frame(4))),
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    let options = FollowOptions { deltas: true, ..Default::default() };
    assert_eq!(words(&client, options, "4").await, ["1", "2", "lost", "back", "lost", "back", "3", "4"]);
    let asks = asks.lock().unwrap();
    let queries: Vec<&str> = asks.iter().map(|a| a.line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(queries[0], "/v1/sessions/s1/events/stream?after=0&deltas=true");
    assert!(queries[1..].iter().all(|q| q.ends_with("?after=2&deltas=true")), "{queries:?}");
}

#[tokio::test]
async fn a_daemon_that_took_the_place_of_another_is_found_and_the_stream_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let moved = home.clone();
    fake::daemon(&home, move |_, _| {
        fake::daemon(&moved, |_, _| Reply::Open(format!("{}{}", frame(2), frame(3))));
        Reply::Stream(frame(1))
    });
    let client = Client::discover(&home).await.unwrap();
    assert_eq!(words(&client, FollowOptions::default(), "3").await, ["1", "lost", "back", "2", "3"]);
}

#[tokio::test]
async fn deltas_gaps_and_unknown_frames() {
    let delta = json!({
        "session_id": "s1", "after": 7, "ts": "2026-11-20T00:00:00.000Z", "type": "message.delta",
        "data": {"message_id": "m", "part_id": "m.0", "kind": "text", "offset": 0, "text": "Hi"},
    });
    let text = format!(
        "event: gap\ndata: {{\"from\":1,\"to\":5}}\n\n{}event: message.delta\ndata: {delta}\n\n\
         event: moon.rising\ndata: {{}}\n\n{}",
        frame(6),
        frame(7)
    );
    let (url, _) = fake::tcp(move |_, _| Reply::Open(text.clone())).await;
    let client = Client::connect(&url, None).await.unwrap();
    assert_eq!(words(&client, FollowOptions::default(), "7").await, ["gap 1-5", "6", "message.delta", "7"]);
}

#[tokio::test]
async fn a_missing_event_is_an_error_unless_kinds_were_chosen() {
    let (url, _) = fake::tcp(|_, _| Reply::Open(format!("{}{}", frame(1), frame(3)))).await;
    let client = Client::connect(&url, None).await.unwrap();
    assert_eq!(words(&client, FollowOptions::default(), "end").await, ["1", "error None", "end"]);
    let some = FollowOptions { types: vec!["warning.raised".into()], ..Default::default() };
    assert_eq!(words(&client, some, "3").await, ["1", "3"]);
}

#[tokio::test]
async fn what_cannot_get_better_ends_the_follower() {
    let expired = serde_json::to_string(&Problem::new(ErrorCode::CursorExpired, "start at 0")).unwrap();
    let (url, _) = fake::tcp(move |n, _| match n {
        0 => Reply::Whole(410, "application/problem+json", expired.clone()),
        _ => Reply::Stream(frame_of(
            1,
            "session.destroyed",
            json!({"lifecycle": "destroyed", "archived": false,
            "activity": null, "last_outcome": null, "health": {"state": "healthy"}, "tasks_running": 0}),
        )),
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    assert_eq!(words(&client, quick(), "end").await, ["error Some(CursorExpired)", "end"]);
    assert_eq!(words(&client, quick(), "end").await, ["1", "end"]);
}

#[tokio::test]
async fn a_daemon_that_stays_away_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    let gone = home.clone();
    fake::daemon(&home, move |_, _| {
        std::fs::remove_file(gone.daemon_file_path()).unwrap();
        Reply::Stream(frame(1))
    });
    let client = Client::discover(&home).await.unwrap();
    assert_eq!(words(&client, quick(), "end").await, ["1", "lost", "error None", "end"]);
}

#[tokio::test]
async fn all_sessions_are_followed_by_their_common_number() {
    let (url, asks) = fake::tcp(|n, _| match n {
        0 => Reply::Stream(format!("{}{}", frame(1), frame(5))),
        _ => Reply::Open(format!("{}{}", frame(5), frame(6))),
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    let mut follow = client.follow_all(Default::default(), FollowOptions::default());
    let mut words = Vec::new();
    while words.last().map(String::as_str) != Some("6") {
        words.push(word(follow.next().await));
    }
    assert_eq!(words, ["1", "5", "lost", "back", "6"]);
    assert!(asks.lock().unwrap()[1].line.contains("/v1/events/stream?after=50 "));
}
