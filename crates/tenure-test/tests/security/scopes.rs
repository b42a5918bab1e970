//! S4: what a token may do comes from the daemon's record of it; what an agent is comes from the configuration.

use serde_json::{Value, json};
use tenure_api::TokenScope;
use tenure_test::daemon::TestDaemon;

use crate::routes::{ask, client, routes};

const SCOPES: [TokenScope; 4] =
    [TokenScope::Read, TokenScope::Sessions, TokenScope::Workspace, TokenScope::Admin];

async fn bearer(daemon: &TestDaemon, scope: TokenScope) -> String {
    let request = json!({"name": scope.as_str(), "scope": scope});
    let made = daemon.post("/v1/tokens", &request).await.ok(201);
    format!("Bearer {}", made["token"].as_str().unwrap())
}

fn parsed(name: &str) -> TokenScope {
    SCOPES.into_iter().find(|scope| scope.as_str() == name).unwrap_or_else(|| panic!("a scope `{name}`"))
}

#[tokio::test]
async fn outside_its_scope_a_token_gets_403_that_names_the_scope() {
    let daemon = TestDaemon::start().await;
    let (client, url) = (client(), daemon.url());
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let first = session.view().await;
    for given in SCOPES {
        let bearer = bearer(&daemon, given).await;
        let headers = [("authorization", bearer.as_str())];
        for route in routes(&daemon).await {
            let needed = route.scope.as_deref().map_or(TokenScope::Read, parsed);
            // What is let in is asked for something that is not there.
            let path = route.path(if given < needed { &session.id } else { "none" });
            let told = ask(&client, &url, &route.method, &path, &headers).await;
            if given >= needed {
                assert!(![401, 403].contains(&told.status), "{given:?} {}: {}", told.asked, told.text);
                continue;
            }
            let problem = told.problem(403, "forbidden");
            assert_eq!(problem["data"]["scope"], needed.as_str(), "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(needed.as_str()), "{problem}");
        }
    }
    assert_eq!(session.view().await, first, "nothing was changed");
}

#[tokio::test]
async fn a_client_cannot_say_what_its_scope_is() {
    let daemon = TestDaemon::start().await;
    let (client, url) = (client(), daemon.url());
    let read = bearer(&daemon, TokenScope::Read).await;
    for (path, header) in [
        ("/v1/tokens?scope=admin", ("x-scope", "admin")),
        ("/v1/tokens", ("x-forwarded-user", "owner")),
        ("/v1/tokens", ("x-original-url", "/v1/info")),
        ("/v1/tokens", ("x-http-method-override", "GET")),
        ("/v1/tokens", ("x-forwarded-for", "127.0.0.1")),
    ] {
        let headers = [("authorization", read.as_str()), header];
        ask(&client, &url, "GET", path, &headers).await.problem(403, "forbidden");
        let override_post = ask(&client, &url, "POST", "/v1/info", &headers).await;
        assert_eq!(override_post.status, 405, "{}", override_post.text);
    }
    // Nor can one who may do much make a token that may do more.
    let most = bearer(&daemon, TokenScope::Workspace).await;
    let request = json!({"name": "more", "scope": "admin"});
    let refused = daemon.request_with("POST", "/v1/tokens", &request, &[("authorization", &most)]).await;
    refused.problem(403, "forbidden");
    for scope in ["root", "Admin", "", "owner"] {
        let request = json!({"name": "odd", "scope": scope});
        daemon.post("/v1/tokens", &request).await.problem(400, "invalid");
    }
    let twice = json!("raw:{\"name\": \"x\", \"scope\": \"read\", \"scope\": \"admin\"}");
    daemon.post("/v1/tokens", &twice).await.problem(400, "invalid");
    let names: Vec<Value> = daemon.get("/v1/tokens").await.ok(200)["items"].as_array().unwrap().clone();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test]
async fn a_client_cannot_say_what_an_agent_is() {
    let config = "[agents.mine]\nprotocol = \"acp\"\ncommand = [\"tenure-test-agent\"]\n";
    let daemon = TestDaemon::setup().config(config).start().await;
    let work = daemon.workdir();
    for more in [
        json!({"command": ["/bin/sh"]}),
        json!({"args": ["--yes"]}),
        json!({"protocol": "acp"}),
        json!({"program": "/bin/sh"}),
        json!({"agents": {"evil": {"command": ["/bin/sh"]}}}),
        json!({"agent": {"command": ["/bin/sh"]}}),
        json!({"agent": "/bin/sh"}),
        json!({"agent": "../../bin/sh"}),
        json!({"agent": "scripted --yes"}),
    ] {
        let mut request = json!({"agent": "scripted", "cwd": work, "start": false});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        daemon.post("/v1/sessions", &request).await.problem(400, "invalid");
    }
    // A program of the configured name, where only the client says to look.
    let (bin, ran) = (daemon.workdir(), daemon.workdir().join("ran"));
    let program = bin.join("tenure-test-agent");
    std::fs::write(&program, format!("#!/bin/sh\n: > {}\n", ran.display())).unwrap();
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    let request = json!({"agent": "mine", "cwd": work, "env": {"PATH": bin}, "wait": "live"});
    daemon.post("/v1/sessions", &request).await.says(422, "agent_missing", &["tenure-test-agent"]);
    assert!(!ran.exists(), "the client's program was run");
    for name in ["agents", "config"] {
        for method in ["PUT", "PATCH", "POST"] {
            let answer = daemon.request(method, &format!("/v1/{name}"), &json!({})).await;
            assert!(matches!(answer.status, 404 | 405), "{method} {name}: {}", answer.text);
        }
    }
}
