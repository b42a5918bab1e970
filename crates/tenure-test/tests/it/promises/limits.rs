//! Limits and restarts: what hits a limit pauses and keeps its queue, what is raised goes on once, over kills of the
//! daemon at each step.

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

async fn limited(daemon: &TestDaemon, limits: Value) -> TestSession {
    with(daemon, "limits", limits).await
}

async fn with(daemon: &TestDaemon, field: &str, value: Value) -> TestSession {
    let mut request = json!({"agent": "scripted", "cwd": daemon.workdir(), "wait": "live"});
    request[field] = value;
    daemon.create(&request).await
}

async fn raise(daemon: &TestDaemon, session: &TestSession, limits: Value) -> Value {
    daemon.request("PATCH", &session.path("/config"), &json!({"limits": limits})).await.ok(200)
}

async fn suspended_by_limit(session: &TestSession) -> Value {
    session.wait_type("session.suspended").await;
    let view = session.view().await;
    assert_eq!((&view["lifecycle"], &view["suspended_by"]), (&json!("suspended"), &json!("limit")), "{view}");
    assert!(view["process"].is_null(), "{view}");
    view
}

fn said(messages: &Value) -> Vec<&str> {
    let said = |m: &&Value| m["role"] == "assistant";
    messages["items"].as_array().unwrap().iter().filter(said).map(|m| m["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn turns_beyond_the_limit_wait_over_kills_and_start_once_when_it_is_raised() {
    let daemon = TestDaemon::start().await;
    let session = limited(&daemon, json!({"turns": 1})).await;
    assert_eq!(session.run("one").await["outcome"], "completed");
    let held = json!({"input": "two", "id": "second", "wait": "finished"});
    let problem = session.post("/inputs", &held).await.says(409, "conflict", &["second", "limits"]);
    assert_eq!(problem["data"]["reason"], "limit");
    let view = suspended_by_limit(&session).await;
    assert_eq!((&view["limit_reached"], &view["queue"][0]["input_id"]), (&json!("turns"), &json!("second")));
    // The same input again is the same input, and nobody waits for what cannot come.
    session.post("/inputs", &held).await.says(409, "conflict", &["second"]);
    session.post("/resume", &json!({})).await.says(409, "conflict", &["limits.turns"]);
    daemon.kill_and_restart().await;
    session.send("three").await;
    assert_eq!(session.view().await["queue"].as_array().unwrap().len(), 2);

    let config = raise(&daemon, &session, json!({"turns": 2})).await;
    assert_eq!((&config["limits"]["turns"], &config["limits"]["reached"]), (&json!(2), &json!(null)));
    daemon.kill_and_restart().await;
    session.turn_end(2).await;
    // As the refusal said: asked again, it is waited for.
    assert_eq!(session.post("/inputs", &held).await.ok(200)["text"], "You said: two");
    raise(&daemon, &session, json!({"turns": null})).await;
    session.turn_end(3).await;
    assert_eq!(said(&session.get("/messages").await), ["You said: one", "You said: two", "You said: three"]);
    let changes = session.events_of("config.changed").await;
    let told: Vec<&Value> = changes.iter().map(|e| &e["data"]["limits"]).filter(|l| !l.is_null()).collect();
    assert_eq!(told, [&json!({"turns": 2}), &json!({"turns": 0})]);
    crate::real::one_end_each(&session.events().await);
}

/// The daemon is killed right after each of these, on a turn that spends too much with an input behind it.
#[tokio::test]
async fn money_that_is_spent_cuts_the_turn_and_holds_the_queue_over_a_kill_at_each_step() {
    for moment in ["usage.updated", "warning.raised", "turn.completed", "session.suspended", "config.changed"]
    {
        let daemon = TestDaemon::start().await;
        let session = limited(&daemon, json!({"cost_usd": 0.25})).await;
        let spends = json!([{"usage": {"used": 10, "cost": 0.5}}, {"gate": "never"}, {"text": "not said"}]);
        session.send(&script(&spends)).await;
        session.send("behind it").await;
        if moment == "config.changed" {
            suspended_by_limit(&session).await;
            raise(&daemon, &session, json!({"cost_usd": 5})).await;
        } else {
            session.wait_type(moment).await;
        }
        daemon.kill_and_restart().await;
        let end = session.turn_end(1).await;
        assert_eq!(
            (&end["data"]["outcome"], &end["data"]["limit"]),
            (&json!("limit"), &json!("budget")),
            "{end}"
        );
        if moment != "config.changed" {
            suspended_by_limit(&session).await;
            raise(&daemon, &session, json!({"cost_usd": 5})).await;
        }
        let end = session.turn_end(2).await;
        assert_eq!(end["data"]["outcome"], "completed", "{moment}: {end}");
        assert_eq!(said(&session.get("/messages").await), ["You said: behind it"], "{moment}");
        crate::real::one_end_each(&session.events().await);
    }
}

#[tokio::test]
async fn memory_is_that_of_the_whole_tree_and_what_uses_too_much_is_ended() {
    let daemon = TestDaemon::start().await;
    let session = limited(&daemon, json!({"memory_mb": 100})).await;
    // A grandchild in a session of its own holds it.
    let hog = "{ head -c 150000000 /dev/zero; sleep 600; } | tail -n 1";
    let steps = json!([{"fork": {"command": ["sh", "-c", hog], "setsid": true}}, {"gate": "never"}]);
    session.send(&script(&steps)).await;
    session.send("behind it").await;
    let end = session.turn_end(1).await;
    assert_eq!((&end["data"]["outcome"], &end["data"]["limit"]), (&json!("limit"), &json!("memory")));
    let view = suspended_by_limit(&session).await;
    assert_eq!((&view["limit_reached"], view["queue"].as_array().unwrap().len()), (&json!("memory"), 1));
    let warning = session.wait_type("warning.raised").await;
    assert!(warning["data"]["message"].as_str().unwrap().contains("the limit is 100 MB"), "{warning}");
    let processes = daemon.get("/v1/processes").await.ok(200);
    let running = |p: &&Value| p["state"] == "running" && p["session_id"] == json!(session.id);
    assert_eq!(processes["items"].as_array().unwrap().iter().filter(running).count(), 0, "{processes}");
    raise(&daemon, &session, json!({"memory_mb": 2000})).await;
    assert_eq!(session.turn_end(2).await["data"]["outcome"], "completed");
    crate::real::one_end_each(&session.events().await);
}

#[tokio::test]
async fn the_time_of_a_turn_counts_over_a_kill() {
    let daemon = TestDaemon::start().await;
    let session = limited(&daemon, json!({"turn_seconds": 2})).await;
    session.send(&script(&json!([{"tool": "look"}, {"gate": "never"}]))).await;
    session.send("behind it").await;
    session.wait_type("tool.completed").await;
    daemon.kill_and_restart().await;
    let end = session.turn_end(1).await;
    assert_eq!((&end["data"]["outcome"], &end["data"]["limit"]), (&json!("limit"), &json!("time")));
    suspended_by_limit(&session).await;
    // What counts for one turn alone is tried again by whoever wants it.
    session.verb("resume").await;
    assert_eq!(session.turn_end(2).await["data"]["outcome"], "completed");
}

#[tokio::test]
async fn limits_that_cannot_be_kept_are_refused_by_name() {
    let daemon = TestDaemon::start().await;
    let refused = async |agent: &str, field: &str, value: Value| {
        let mut request = json!({"agent": agent, "cwd": daemon.workdir(), "start": false});
        request[field] = value;
        daemon.post("/v1/sessions", &request).await
    };
    let problem = refused("scripted", "limits", json!({"cost_usd": -1})).await.problem(400, "invalid");
    assert_eq!(problem["field"], "limits.cost_usd");
    let problem =
        refused("scripted", "limits", json!({"turn_seconds": u64::MAX})).await.problem(400, "invalid");
    assert_eq!(problem["field"], "limits.turn_seconds");
    let problem =
        refused("scripted", "restart", json!({"on_crash": {"max": 9999}})).await.problem(400, "invalid");
    assert_eq!(problem["field"], "restart.on_crash.max");
    refused("scripted", "restart", json!("often")).await.says(400, "invalid", &["on_crash"]);
    let unheard = refused("codex", "limits", json!({"cost_usd": 1})).await;
    let problem = unheard.says(422, "unsupported", &["codex", "cost_limit"]);
    assert_eq!(problem["field"], "limits.cost_usd");
    let session = limited(&daemon, json!({})).await;
    let patch = json!({"limits": {"turns": 1, "colour": 2}});
    daemon.request("PATCH", &session.path("/config"), &patch).await.says(400, "invalid", &["colour"]);
    assert_eq!(session.get("/config").await["limits"]["turns"], json!(null), "nothing was set");
}

#[tokio::test]
async fn an_agent_that_ends_by_itself_is_started_again_so_often_and_no_more() {
    let daemon = TestDaemon::start().await;
    let session = with(&daemon, "restart", json!({"on_crash": {"max": 1, "seconds": 600}})).await;
    let dies = script(&json!([{"text": "once"}, {"exit": 3}]));
    assert_eq!(session.run(&dies).await["outcome"], "crashed");
    let started = |events: &[Value]| events.iter().filter(|e| e["type"] == "process.started").count();
    let again = |e: &Value| e["type"] == "process.started" && e["data"]["generation"] == 2;
    session.wait_for("another process", again).await;
    daemon.kill_and_restart().await;
    assert_eq!(session.run("fine").await["outcome"], "completed");
    assert_eq!(session.run(&dies).await["outcome"], "crashed");
    let told = |e: &Value| e["type"] == "warning.raised" && e["data"]["code"] == "breaker_open";
    session.wait_for("the breaker", told).await;
    let view = session.view().await;
    assert_eq!((&view["suspended_by"], &view["health"]["why"]), (&json!("crash"), &json!("process_gone")));
    assert_eq!(started(&session.events().await), 2, "what its process died of was never sent again");
    let changed =
        daemon.request("PATCH", &session.path("/config"), &json!({"restart": "never"})).await.ok(200);
    assert_eq!(changed["restart"], "never");
    assert_eq!(session.run("still there").await["text"], "You said: still there");
    crate::real::one_end_each(&session.events().await);
}
