//! S8: a position, an id or a key is good where it was given, and nowhere else.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

const CANARY: &str = "canary-of-the-first-session";

async fn talked(daemon: &TestDaemon, word: &str) -> TestSession {
    let session = daemon.live("scripted").await;
    let large = word.repeat(1 + 80_000 / word.len());
    session.run(&script(&json!([{"text": word}, {"tool": word, "output": large}]))).await;
    session
}

#[tokio::test]
async fn positions_of_one_session_give_nothing_of_it_in_another() {
    let daemon = TestDaemon::start().await;
    let (first, second) = (talked(&daemon, CANARY).await, talked(&daemon, "other words").await);
    let events = first.events().await;
    let ours: Vec<Value> = second.events().await;
    assert!(ours.iter().all(|event| event["session_id"] == *second.id));
    // Positions over all sessions, too: they are larger than any of the second's own.
    let positions = events.iter().flat_map(|event| [&event["seq"], &event["gseq"]]);
    for position in positions.map(ToString::to_string) {
        for path in ["/events?limit=1000&after=", "/raw?after=", "/messages?cursor="] {
            let answer = daemon.get(&second.path(&format!("{path}{position}"))).await;
            assert!(matches!(answer.status, 200 | 400 | 410), "{}: {}", answer.asked, answer.text);
            assert!(!answer.text.contains(CANARY) && !answer.text.contains(&first.id), "{}", answer.text);
        }
        let beyond = ours.last().unwrap()["seq"].as_u64().unwrap() + 1;
        if position.parse::<u64>().unwrap() >= beyond {
            let headers = [("last-event-id", position.as_str())];
            let path = second.path("/events/stream");
            let answer = daemon.request_with("GET", &path, &Value::Null, &headers).await;
            answer.problem(410, "cursor_expired");
        }
    }
    let page = daemon.get(&first.path("/messages?limit=1")).await.ok(200);
    if let Some(next) = page["next"].as_str() {
        let answer = daemon.get(&second.path(&format!("/messages?cursor={next}"))).await;
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
    }
    let mut follower = daemon.follow(&format!("/v1/events/stream?session={}", second.id));
    let last = ours.last().unwrap().clone();
    let seen = follower.until(|event| event["seq"] == last["seq"]).await;
    assert!(seen.iter().all(|data| data.contains(&second.id) && !data.contains(CANARY)), "{seen:?}");
}

#[tokio::test]
async fn names_of_one_session_mean_nothing_in_another() {
    let daemon = TestDaemon::start().await;
    let (first, second) = (talked(&daemon, CANARY).await, talked(&daemon, "other words").await);
    let blob = |events: Vec<Value>| {
        let found = events.iter().find_map(|event| event["data"]["blob"].as_str().map(str::to_owned));
        found.expect("an output that is a blob")
    };
    let hash = blob(first.events().await);
    let own = daemon.get(&first.path(&format!("/blobs/{hash}"))).await;
    assert!(own.status == 200 && own.text.contains(CANARY));
    daemon.get(&second.path(&format!("/blobs/{hash}"))).await.problem(404, "not_found");

    // An input that waits in the first.
    let open = script(&json!([{"ask": CANARY}]));
    first.send(&open).await;
    let ask = first.ask().await;
    let waits = first.post("/inputs", &json!({"input": CANARY, "id": "mine"})).await.ok(202);
    let id = waits["input_id"].as_str().unwrap();
    let edit = json!({"input": "changed"});
    for (method, body) in [("PATCH", &edit), ("DELETE", &Value::Null)] {
        let path = second.path(&format!("/inputs/{id}"));
        daemon.request(method, &path, body).await.problem(404, "not_found");
    }
    assert_eq!(second.get("/asks").await["items"], json!([]));
    let same = second.post("/inputs", &json!({"input": "hello", "id": "mine", "wait": "finished"})).await;
    assert_eq!(same.ok(200)["text"], "You said: hello", "the same id is another input elsewhere");
    let list = second.get("/inputs").await.to_string();
    assert!(!list.contains(CANARY), "{list}");
    let queue = first.view().await["queue"].clone();
    assert_eq!(queue.as_array().map(Vec::len), Some(1), "{queue}");
    first.answer(&ask, &json!({"decision": "deny"})).await.ok(200);
}

#[tokio::test]
async fn a_key_is_its_callers_own() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let made = daemon.post("/v1/tokens", &json!({"name": "other", "scope": "sessions"})).await.ok(201);
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    let request = json!({"agent": "scripted", "cwd": work, "start": false});
    let key = ("idempotency-key", "the-same");
    let create =
        async |headers: &[(&str, &str)]| daemon.request_with("POST", "/v1/sessions", &request, headers).await;
    let owner = create(&[key]).await.ok(201);
    assert_eq!(create(&[key]).await.ok(200)["id"], owner["id"]);
    let other = create(&[key, ("authorization", &bearer)]).await.ok(201);
    assert_ne!(other["id"], owner["id"]);
}
