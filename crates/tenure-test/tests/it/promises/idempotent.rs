//! The same request again has one effect, also when the daemon was killed in between.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

#[tokio::test]
async fn a_create_with_the_same_id_and_body_is_the_same_session() {
    let daemon = TestDaemon::start().await;
    let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "id": "mine", "input": "hello"});
    let first = daemon.post("/v1/sessions", &request).await.ok(201);
    daemon.kill_and_restart().await;
    let second = daemon.post("/v1/sessions", &request).await.ok(200);
    assert_eq!((&first["id"], &second["id"]), (&json!("mine"), &json!("mine")));
    assert_eq!(first["receipt"]["input_id"], second["receipt"]["input_id"]);
    // How long the caller waits is no part of the request.
    let mut waiting = request.clone();
    waiting["wait"] = json!("finished");
    let third = daemon.post("/v1/sessions", &waiting).await.ok(200);
    assert_eq!(third["result"]["text"], "You said: hello");
    let session = daemon.session("mine");
    assert_eq!(session.events_of("turn.started").await.len(), 1);
    let mut other = request;
    other["title"] = json!("another");
    daemon.post("/v1/sessions", &other).await.says(409, "conflict", &["mine", "another id"]);
    daemon.request("DELETE", "/v1/sessions/mine", &Value::Null).await.ok(200);
    daemon.post("/v1/sessions", &waiting).await.problem(410, "destroyed");
}

#[tokio::test]
async fn an_input_with_the_same_id_waits_for_the_same_turn() {
    let daemon = TestDaemon::start().await;
    let session = daemon.live("scripted").await;
    let work = session.view().await["cwd"].as_str().unwrap().to_owned();
    let text = script(&json!([{"tool": "look"}, {"gate": "go"}, {"text": "done"}]));
    let request = json!({"input": text, "id": "in-1"});
    let first = session.post("/inputs", &request).await.ok(202);
    // Whoever waits loses the daemon, and sends the same again.
    let mut waiting = request.clone();
    waiting["wait"] = json!("finished");
    session.wait_type("tool.completed").await;
    let kill = async {
        session.view().await;
        daemon.kill_and_restart().await;
    };
    let path = session.path("/inputs");
    let (lost, ()) = tokio::join!(daemon.try_request("POST", &path, &waiting, &[]), kill);
    assert!(lost.is_err(), "the daemon was killed: {lost:?}");
    let again = session.post("/inputs", &request).await.ok(202);
    assert_eq!((&again["input_id"], &again["seq"]), (&first["input_id"], &first["seq"]));
    std::fs::write(format!("{work}/go"), "").unwrap();
    let result = session.post("/inputs", &waiting).await.ok(200);
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("done")));
    // Long after its end too.
    assert_eq!(session.post("/inputs", &waiting).await.ok(200), result);
    let other = json!({"input": "something else", "id": "in-1"});
    session.post("/inputs", &other).await.says(409, "conflict", &["in-1"]);
    assert_eq!(session.events_of("input.admitted").await.len(), 1);
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn an_idempotency_key_gives_the_first_answer() {
    let daemon = TestDaemon::start().await;
    let key = [("idempotency-key", "once")];
    let request = json!({"agent": "scripted", "cwd": daemon.workdir()});
    let create = |body: Value| {
        let daemon = daemon.clone();
        async move { daemon.request_with("POST", "/v1/sessions", &body, &key).await }
    };
    let first = create(request.clone()).await.ok(201);
    daemon.kill_and_restart().await;
    let second = create(request.clone()).await;
    assert_eq!(second.body["id"], first["id"], "{}", second.text);
    let mut other = request;
    other["title"] = json!("another");
    create(other).await.says(409, "conflict", &["Idempotency-Key"]);
    let session = daemon.session(first["id"].as_str().unwrap());
    let path = session.path("/inputs");
    let input = json!({"input": "hello"});
    let sent = daemon.request_with("POST", &path, &input, &key).await.ok(202);
    daemon.kill_and_restart().await;
    let again = daemon.request_with("POST", &path, &input, &key).await.ok(202);
    assert_eq!(again["input_id"], sent["input_id"]);
    // A verb that was done once is not done twice.
    session.turn_end(1).await;
    let path = session.path("/close");
    let closed = daemon.request_with("POST", &path, &json!({}), &key).await.ok(200);
    let again = daemon.request_with("POST", &path, &json!({}), &key).await.ok(200);
    assert_eq!(closed["hit"], again["hit"]);
    assert_eq!(session.events_of("session.closed").await.len(), 1);
    assert_eq!(session.events_of("input.admitted").await.len(), 1);
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"].as_array().unwrap().len(), 1);
}
