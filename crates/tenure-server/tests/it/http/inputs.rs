//! Inputs as they are listed, and results of turns that have ended.

use serde_json::json;
use tenure_event::{Delivery, InputId, Seq, SessionId, Timestamp};
use tenure_log::{InputRow, Write};

use super::app::TestApp;
use super::script;

async fn ended_input(app: &TestApp, session: &str) {
    let view = tenure_api::InputView {
        position: 0,
        input_id: InputId::parse("i1").expect("an id"),
        delivery: Delivery::Queue,
        state: "queued".into(),
        parts: vec![script::text("i1.0", "do it")],
        seq: Seq(2),
        turn_id: None,
        admitted_at: Timestamp::from_millis(1_795_139_670_306),
    };
    let row = InputRow {
        id: view.input_id.clone(),
        session_id: SessionId::parse(session).expect("an id"),
        body_hash: "h".into(),
        state: "completed".into(),
        admitted_seq: Seq(2),
        turn_id: Some(tenure_event::TurnId::parse("t1").expect("an id")),
        ended_seq: Some(Seq(10)),
        view: serde_json::to_string(&view).expect("json"),
    };
    script::write(app, session, Vec::new(), vec![Write::Input(Box::new(row))]).await;
}

#[tokio::test]
async fn inputs_are_listed_as_they_stand() {
    let app = TestApp::new().await;
    app.session("s").await;
    script::turns(&app, "s", 1..2).await;
    ended_input(&app, "s").await;
    let listed = app.get("/v1/sessions/s/inputs").await.is(200).json();
    let item = &listed["items"][0];
    assert_eq!(
        (&item["input_id"], &item["state"], &item["turn_id"]),
        (&json!("i1"), &json!("completed"), &json!("t1"))
    );
    let path = "/v1/sessions/s/inputs/nothing";
    app.send("DELETE", path, None).await.problem(404, "not_found", None);
    app.send("PATCH", path, Some(json!({"input": "x"}))).await.problem(404, "not_found", None);
    app.send("PATCH", "/v1/sessions/s/inputs/i1", Some(json!({"input": " "}))).await.problem(
        400,
        "invalid",
        Some("input"),
    );
}
