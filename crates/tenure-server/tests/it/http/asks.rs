//! Asks as rows, and a second answer.

use serde_json::json;
use tenure_event::{Ask, AskId, AskKind, AskState, Decision, Scope, SessionId, Timestamp};
use tenure_log::{StoredAsk, Write};

use super::app::TestApp;
use super::script;

const AT: Timestamp = Timestamp::from_millis(1_795_139_670_306);

async fn stored(app: &TestApp, session: &str, id: &str, state: AskState, decision: Option<Decision>) {
    let session_id = SessionId::parse(session).expect("an id");
    let ask = Ask {
        id: AskId::parse(id).expect("an id"),
        session_id: session_id.clone(),
        turn_id: None,
        kind: AskKind::Permission,
        title: "rm -r .".into(),
        tool: Some("Bash".into()),
        tool_id: None,
        input: Some(json!({"command": "rm -r ."})),
        options: Vec::new(),
        questions: Vec::new(),
        path: Vec::new(),
        opened_at: AT,
        expires_at: None,
        state,
        decision,
        scope: decision.map(|_| Scope::Once),
    };
    let view = serde_json::to_string(&ask).expect("json");
    let row = StoredAsk { id: ask.id, session_id, state, expires_at: None, opened_at: AT, view };
    script::write(app, session, Vec::new(), vec![Write::Ask(Box::new(row))]).await;
}

#[tokio::test]
async fn asks_are_listed_by_state_and_session() {
    let app = TestApp::new().await;
    app.session("s").await;
    app.session("t").await;
    stored(&app, "s", "open", AskState::Open, None).await;
    stored(&app, "s", "done", AskState::Resolved, Some(Decision::Deny)).await;
    stored(&app, "t", "late", AskState::Expired, None).await;
    let count = async |path: &str| app.get(path).await.is(200).json()["items"].as_array().map(Vec::len);
    assert_eq!(count("/v1/asks").await, Some(3));
    assert_eq!(count("/v1/asks?state=open").await, Some(1));
    assert_eq!(count("/v1/asks?state=expired,resolved").await, Some(2));
    assert_eq!(count("/v1/sessions/s/asks").await, Some(2));
    assert_eq!(count("/v1/sessions/t/asks?state=open").await, Some(0));
    assert_eq!(app.get("/v1/info").await.json()["counts"]["open_asks"], 1);
}

#[tokio::test]
async fn a_second_answer_is_told_the_first() {
    let app = TestApp::new().await;
    app.session("s").await;
    stored(&app, "s", "done", AskState::Resolved, Some(Decision::Deny)).await;
    let problem =
        app.post("/v1/asks/done", json!({"decision": "allow"})).await.problem(409, "conflict", None);
    assert_eq!(problem["data"], json!({"state": "resolved", "decision": "deny", "scope": "once"}));
    app.post("/v1/asks/done", json!({"decision": "perhaps"})).await.problem(400, "invalid", Some("decision"));
    app.post("/v1/asks/none", json!({"decision": "allow"})).await.problem(404, "not_found", None);
}
