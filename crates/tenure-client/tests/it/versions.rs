//! Daemons of other versions: a later one's words, an earlier one's refusals. Nothing is lost, and nothing waits for ever.

use serde_json::{Value, json};
use tenure_api::{ConfigPatch, ErrorCode, Problem};
use tenure_client::{Client, ClientError, FollowOptions, Followed, TurnEvent};
use tenure_event::{Kind, Outcome};

use crate::fake::{self, Reply, session};

/// A client of a daemon that gives the same answer to everything.
async fn told(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Client {
    let (url, _) = fake::tcp(move |_, _| reply()).await;
    Client::connect(&url, None).await.unwrap()
}

fn refusal(status: u16, problem: &Value) -> Reply {
    Reply::Whole(status, "application/problem+json", problem.to_string())
}

#[tokio::test]
async fn a_code_of_a_later_daemon_keeps_its_word_and_what_it_says() {
    let client = told(|| {
        let problem = json!({
            "type": "about:blank", "title": "teapot", "status": 418, "code": "teapot", "detail": "short and stout",
            "handle": {"here": true},
        });
        refusal(418, &problem)
    })
    .await;
    let error = client.info().await.unwrap_err();
    assert_eq!(error.to_string(), "short and stout");
    let code = error.code().unwrap();
    assert!(matches!(code, ErrorCode::Other(_)) && code.as_str() == "teapot", "{code:?}");
    let ClientError::Problem(problem) = error else { panic!("{error}") };
    assert_eq!(problem.status, 418);
    assert_eq!(serde_json::to_value(&*problem).unwrap()["code"], "teapot");
}

#[tokio::test]
async fn sessions_in_words_of_a_later_daemon_are_listed() {
    let client = told(|| {
        let mut later = session("s2", None);
        later["lifecycle"] = json!("dreaming");
        later["activity"]["state"] = json!("napping");
        later["last_outcome"] = json!("bored");
        later["health"] = json!({"state": "odd", "why": "weather"});
        later["more"] = json!([1]);
        fake::json(200, json!({"items": [session("s1", None), later], "next": null, "more": 1}))
    })
    .await;
    let all = client.sessions(&Default::default()).await.unwrap().items;
    let words: Vec<_> = all.iter().map(|one| (one.id.as_str(), one.axes.lifecycle.as_str())).collect();
    assert_eq!(words, [("s1", "live"), ("s2", "dreaming")]);
}

#[tokio::test]
async fn what_an_earlier_daemon_does_not_have_is_told_in_its_words() {
    let client = told(|| {
        let problem = Problem::new(ErrorCode::NotFound, "there is no GET /v1/sessions/s1/config here");
        refusal(404, &serde_json::to_value(problem).unwrap())
    })
    .await;
    let error = client.config(&"s1".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::NotFound));
    assert!(error.to_string().contains("no GET /v1/sessions/s1/config"), "{error}");
    // One that says nothing of its own.
    let client = told(|| Reply::Whole(404, "text/plain", String::new())).await;
    let error = client.config(&"s1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(&error, ClientError::Unintelligible { what } if what.contains("404")), "{error}");
}

#[tokio::test]
async fn a_field_that_an_earlier_daemon_refuses_is_named() {
    let (url, asks) = fake::tcp(|_, _| {
        let problem = Problem::invalid("effort", "unknown field `effort`");
        refusal(400, &serde_json::to_value(problem).unwrap())
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    let patch = ConfigPatch { effort: Some("high".into()), ..ConfigPatch::default() };
    let error = client.configure(&"s1".parse().unwrap(), &patch).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Problem(p) if p.code == ErrorCode::Invalid && p.field.as_deref() == Some("effort")),
        "{error:?}"
    );
    assert_eq!(asks.lock().unwrap().len(), 1, "what is refused is not asked for again");
}

/// A frame of session `s1`.
fn frame(seq: u64, kind: &str, data: &Value) -> String {
    let envelope = json!({
        "session_id": "s1", "seq": seq, "gseq": seq, "ts": "2026-11-20T00:00:00.000Z", "type": kind,
        "turn_id": "trn_1", "data": data,
    });
    format!("id: {seq}\nevent: {kind}\ndata: {envelope}\n\n")
}

#[tokio::test]
async fn an_event_of_a_later_daemon_is_followed_whole_and_in_its_place() {
    let client = told(|| {
        let moon = frame(1, "moon.rose", &json!({"full": true}));
        Reply::Open(moon + &frame(2, "warning.raised", &json!({"code": "c", "message": "m", "more": {}})))
    })
    .await;
    let mut follow = client.follow(&"s1".parse().unwrap(), FollowOptions::default());
    let Some(Ok(Followed::Event(event))) = follow.next().await else { panic!("no event") };
    assert!(
        matches!(&event.event.kind, Kind::Unknown { name, data } if name == "moon.rose" && data["full"] == true)
    );
    assert_eq!(event.event.seq.0, 1);
    assert!(event.json.contains(r#""type":"moon.rose""#), "{}", event.json);
    let Some(Ok(Followed::Event(event))) = follow.next().await else { panic!("no event") };
    assert!(matches!(event.event.kind, Kind::WarningRaised(_)), "{event:?}");
}

/// How a turn ends whose last event is this.
async fn turn_that_ends_with(kind: &'static str, data: Value) -> Result<Option<Outcome>, ClientError> {
    let (url, _) = fake::tcp(move |n, asked| {
        if asked.line.contains("/events/stream") {
            let began =
                frame(2, "input.started", &json!({"input_id": "i1", "turn_id": "trn_1", "how": "magic"}));
            return Reply::Open(began + &frame(3, kind, &data));
        }
        match n {
            0 => fake::json(202, json!({"input_id": "i1", "delivery": "queue", "position": 0, "seq": 1})),
            _ => fake::json(200, json!({"turn_id": "trn_1", "outcome": "bored", "text": "Hm.", "parts": []})),
        }
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    let input = serde_json::from_value(json!({"input": "hi", "id": "i1"})).unwrap();
    let mut turn = client.stream(&"s1".parse().unwrap(), input).await.unwrap();
    let mut outcome = None;
    while let Some(event) = turn.next().await {
        if let TurnEvent::Result(result) = event? {
            outcome = Some(result.outcome);
        }
    }
    Ok(outcome)
}

#[tokio::test]
async fn a_turn_ends_in_whatever_words_a_later_daemon_tells_it() {
    let ends = [
        ("turn.completed", json!({"turn_id": "trn_1", "input_ids": ["i1"], "outcome": "bored"})),
        ("turn.completed", json!({"turn_id": "trn_1", "input_ids": ["i1"], "outcome": {"new": "form"}})),
        ("turn.completed", json!({"ended": true})),
        ("input.cancelled", json!({"input_id": "i1", "reason": {"new": "form"}})),
    ];
    for (kind, data) in ends {
        let outcome = turn_that_ends_with(kind, data.clone()).await.unwrap();
        assert_eq!(outcome.map(|word| word.as_str().to_owned()).as_deref(), Some("bored"), "{kind} {data}");
    }
}
