//! Money and rate limits as the real programs tell them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_model::{Script, Step};
use tenure_test::daemon::TestSession;

use super::ground::{self, Ground, Kind, support};
use super::turns::one_end_each;

/// Refused so often with these words, then served.
fn refused(times: u32, message: &str, headers: &[(&str, &str)]) -> Script {
    let headers: BTreeMap<String, String> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let step = Step { error: Some(429), msg: Some(message.to_owned()), headers, ..Step::default() };
    Script::new().step(step).times(times).text("Served.")
}

async fn waits(session: &TestSession) -> Vec<Value> {
    let events = session.events_of("session.activity_changed").await;
    let activity = events.into_iter().map(|e| e["data"]["activity"].clone());
    activity.filter(|a| a["reason"] == "rate_limit").collect()
}

/// An agent that tells what it costs is held to that; another one is not made with a limit that nobody could hold, and
/// takes none while it lives.
pub(crate) async fn by_cost(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let limits = json!({"limits": {"cost_usd": 0.000_001}});
    if let Err(why) = support(&session, "cost_limit").await {
        let request = json!({"agent": kind.name(), "cwd": ground.work, "limits": limits["limits"]});
        for answer in [
            ground.daemon.post("/v1/sessions", &request).await,
            ground.daemon.request("PATCH", &session.path("/config"), &limits).await,
        ] {
            assert_eq!(answer.clone().problem(422, "unsupported")["field"], "limits.cost_usd");
            ground::refused(kind, answer, "cost_limit", &why);
        }
        session.run(&Script::new().text("It costs.").prompt("Hello")).await;
        let usage = session.get("/metrics").await["usage"].clone();
        assert_eq!(usage["cost_basis"], "unknown", "it does tell what it costs: {usage}");
        return;
    }
    let session = ground.session_with(limits).await;
    let result = session.run(&Script::new().text("It costs.").prompt("Hello")).await;
    assert_eq!((&result["outcome"], &result["limit"]), (&json!("limit"), &json!("budget")), "{result}");
    session.wait_type("session.suspended").await;
    let view = session.view().await;
    assert_eq!((&view["suspended_by"], &view["limit_reached"]), (&json!("limit"), &json!("budget")));
    session.send(&Script::new().text("Again.").prompt("Once more")).await;
    let patch = json!({"limits": {"cost_usd": 100}});
    ground.daemon.request("PATCH", &session.path("/config"), &patch).await.ok(200);
    assert_eq!(session.turn_end(2).await["data"]["outcome"], "completed");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_is_held_by_what_it_says_that_it_cost() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.session_with(json!({"limits": {"cost_usd": 0.000_001}})).await;
    let result = session.run(&Script::new().text("It costs.").prompt("Hello")).await;
    assert_eq!((&result["outcome"], &result["limit"]), (&json!("limit"), &json!("budget")), "{result}");
    assert_eq!(result["text"], "It costs.", "what it said by then is there");
    session.wait_type("session.suspended").await;
    session.send(&Script::new().text("Again.").prompt("Once more")).await;
    let view = session.view().await;
    assert_eq!((&view["suspended_by"], &view["limit_reached"]), (&json!("limit"), &json!("budget")));
    let limits = session.get("/config").await["limits"].clone();
    assert!(limits["cost_used_usd"].as_f64().unwrap() > 0.000_001, "{limits}");
    ground.daemon.kill_and_restart().await;
    let patch = json!({"limits": {"cost_usd": 100}});
    ground.daemon.request("PATCH", &session.path("/config"), &patch).await.ok(200);
    assert_eq!(session.turn_end(2).await["data"]["outcome"], "completed");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_claude_waits_by_itself_while_it_tries_again() {
    let ground = Ground::new(Kind::Claude).await;
    let session = ground.session().await;
    let script = refused(2, "slow down", &[("retry-after", "1")]);
    let result = session.run(&script.prompt("Hello")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Served.")), "{result}");
    let waits = waits(&session).await;
    assert!(waits.iter().any(|a| a["until"].is_string()), "{waits:?}");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_codex_goes_on_once_its_limit_is_reset() {
    let ground = Ground::new(Kind::Codex).await;
    let session = ground.session().await;
    let reset = (now_seconds() + 3).to_string();
    let headers = [
        ("x-codex-primary-used-percent", "100"),
        ("x-codex-primary-window-minutes", "300"),
        ("x-codex-primary-reset-at", reset.as_str()),
    ];
    let mut script = refused(1, "You have reached your limit", &headers);
    script.steps[0].error_type = Some("usage_limit_reached".to_owned());
    session.send(&script.prompt("Hello")).await;
    let waiting = |e: &Value| e["data"]["activity"]["reason"] == "rate_limit";
    session.wait_for("the wait", waiting).await;
    ground.daemon.kill_and_restart().await;
    let end = session.turn_end(1).await;
    assert_eq!(end["data"]["outcome"], "completed", "{end}");
    let messages = session.get("/messages").await;
    assert_eq!(messages["items"].as_array().unwrap().last().unwrap()["text"], "Served.", "{messages}");
    one_end_each(&session.events().await);
}

/// An agent that gave up after so many refusals, and whose error says in words when to try again, is asked once more then.
async fn goes_on_once(kind: Kind, refusals: u32) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let script = refused(refusals, "Rate limit reached. Please try again in 1s.", &[("retry-after", "1")]);
    let result = session.run(&script.prompt("Hello")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Served.")), "{result}");
    assert!(waits(&session).await.last().unwrap()["until"].is_string());
    let warned = session.events_of("warning.raised").await;
    let told = warned.iter().filter(|event| event["data"]["code"] == "rate_limit");
    assert_eq!(told.count(), 1, "{warned:?}");
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_goose_goes_on_once_when_it_gave_up() {
    goes_on_once(Kind::Goose, 4).await;
}

#[tokio::test]
async fn real_pi_goes_on_once_when_it_gave_up() {
    goes_on_once(Kind::Pi, 3).await;
}

/// These try again by themselves, and tell nobody over ACP that they wait.
async fn tries_again_untold(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    let result = session.run(&refused(2, "slow down", &[("retry-after", "1")]).prompt("Hello")).await;
    assert_eq!((&result["outcome"], &result["text"]), (&json!("completed"), &json!("Served.")), "{result}");
    assert_eq!(waits(&session).await, Vec::<Value>::new());
    one_end_each(&session.events().await);
}

#[tokio::test]
async fn real_opencode_tries_again_untold() {
    tries_again_untold(Kind::OpenCode).await;
}

#[tokio::test]
async fn real_claude_agent_acp_tries_again_untold() {
    tries_again_untold(Kind::ClaudeAcp).await;
}

#[tokio::test]
async fn real_codex_acp_names_the_limit_and_not_its_end() {
    let ground = Ground::new(Kind::CodexAcp).await;
    let session = ground.session().await;
    let mut script = refused(1, "You have reached your limit", &[]);
    script.steps[0].error_type = Some("usage_limit_reached".to_owned());
    let result = session.run(&script.prompt("Hello")).await;
    assert_eq!(
        (&result["outcome"], &result["error"]["code"]),
        (&json!("failed"), &json!("rate_limited")),
        "{result}"
    );
    assert_eq!(waits(&session).await, Vec::<Value>::new());
    one_end_each(&session.events().await);
}

#[expect(clippy::disallowed_methods, reason = "providers tell the reset in wall clock")]
fn now_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
