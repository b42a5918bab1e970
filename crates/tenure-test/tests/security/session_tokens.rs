//! The token of a session's own tool server reaches the artifacts of that session, and nothing else.

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

use crate::routes::{ask, client, routes};

/// The token as the agent's tool server gets it.
fn token(daemon: &TestDaemon, session: &str) -> String {
    let path = daemon.home().join("sessions").join(session).join("private.json");
    let private: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    private["mcp_secrets"]["tenure"]["TENURE_TOOLS_TOKEN"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn a_sessions_token_reaches_its_artifacts_alone() {
    let config = "[agents.tooled]\nprotocol = \"acp\"\ncommand = [\"/nonexistent\"]\n";
    let daemon = TestDaemon::setup().config(config).start().await;
    let request = json!({"agent": "tooled", "cwd": daemon.workdir(), "start": false, "artifact_tool": true});
    let session = daemon.create(&request).await;
    let other = daemon.create(&request).await;
    let bearer = format!("Bearer {}", token(&daemon, &session.id));
    let headers = [("authorization", bearer.as_str())];
    let (client, url) = (client(), daemon.url());
    for route in routes(&daemon).await {
        let own = route.path(&session.id);
        if route.scope.is_none() || own.contains("/artifacts") {
            let others = ask(&client, &url, &route.method, &route.path(&other.id), &headers).await;
            assert!(route.scope.is_none() || others.status == 403, "{} {}", others.asked, others.text);
            continue;
        }
        ask(&client, &url, &route.method, &own, &headers).await.problem(403, "forbidden");
    }
    let kept = daemon
        .request_with("PUT", &session.path("/artifacts/none"), &json!({"path": "../x"}), &headers)
        .await;
    kept.problem(403, "forbidden");
    let listed =
        daemon.request_with("GET", &session.path("/artifacts"), &Value::Null, &headers).await.ok(200);
    assert_eq!(listed["items"], json!([]));
    for path in
        [session.path("x/artifacts"), session.path("/artifactsx"), session.path("/artifacts/../events")]
    {
        let refused = daemon.request_with("GET", &path, &Value::Null, &headers).await;
        assert!(matches!(refused.status, 403 | 404), "{path}: {}", refused.text);
    }
    // It is no token of another session, and none at all once its session is gone.
    let (_, secret) = bearer.rsplit_once('.').unwrap();
    for forged in
        [format!("tns_{}.{secret}", other.id), format!("tns_{}.", session.id), "tns_../x.y".to_owned()]
    {
        let bearer = format!("Bearer {forged}");
        let headers = [("authorization", bearer.as_str())];
        daemon
            .request_with("GET", &other.path("/artifacts"), &Value::Null, &headers)
            .await
            .problem(401, "unauthorized");
    }
    daemon.request("DELETE", &session.path(""), &Value::Null).await.ok(200);
    let gone = daemon.request_with("GET", &session.path("/artifacts"), &Value::Null, &headers).await;
    gone.problem(401, "unauthorized");
}
