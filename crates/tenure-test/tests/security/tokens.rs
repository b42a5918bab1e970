//! S1: every request over TCP shows a token, from this machine too, and nothing but the right one will do.

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

use crate::routes::{ask, client, routes};

#[tokio::test]
async fn no_route_but_the_open_one_answers_without_the_right_token() {
    let daemon = TestDaemon::start().await;
    let (client, url, token) = (client(), daemon.url(), daemon.token());
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let first = session.view().await;
    let wrong = [
        None,
        Some(String::new()),
        Some("Bearer".to_owned()),
        Some(token.clone()),
        Some("Bearer wrong".to_owned()),
        Some(format!("Bearer {}", &token[..token.len() - 1])),
        Some(format!("Bearer {}", &token[1..])),
        Some(format!("Bearer {token}0")),
        Some(format!("Bearer {}", token.to_uppercase())),
        Some(format!("Bearer {}{}", "0".repeat(4000), token)),
        Some(format!("Basic {token}")),
    ];
    for route in routes(&daemon).await {
        let path = route.path(&session.id);
        if route.scope.is_none() {
            assert_eq!(path, "/healthz", "only one path is open");
            continue;
        }
        for value in &wrong {
            let headers: Vec<_> = value.iter().map(|value| ("authorization", value.as_str())).collect();
            let told = ask(&client, &url, &route.method, &path, &headers).await;
            let problem = told.problem(401, "unauthorized");
            assert_eq!(told.header("www-authenticate"), Some("Bearer"));
            assert!(!told.text.contains(&token) && problem["session_id"].is_null(), "{}", told.text);
        }
    }
    assert_eq!(session.view().await, first, "nothing was changed");
    let open = ask(&client, &url, "GET", "/healthz", &[]).await;
    assert_eq!(open.status, 200);
    let body: Value = serde_json::from_str(&open.text).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 2, "{body} tells more than status and version");
}

#[tokio::test]
async fn a_token_counts_in_its_header_alone_and_once() {
    let daemon = TestDaemon::start().await;
    let (client, url, token) = (client(), daemon.url(), daemon.token());
    let (good, bad) = (format!("Bearer {token}"), "Bearer wrong".to_owned());
    let cookie = format!("token={token}; authorization={token}");
    for query in ["token", "access_token", "authorization", "api_key"] {
        let path = format!("/v1/info?{query}={token}");
        ask(&client, &url, "GET", &path, &[]).await.problem(401, "unauthorized");
    }
    for header in [("cookie", cookie.as_str()), ("x-api-key", &token), ("proxy-authorization", &good)] {
        ask(&client, &url, "GET", "/v1/info", &[header]).await.problem(401, "unauthorized");
    }
    for both in [[&good, &bad], [&bad, &good], [&good, &good]] {
        let headers = both.map(|value| ("authorization", value.as_str()));
        ask(&client, &url, "GET", "/v1/info", &headers).await.problem(401, "unauthorized");
    }
    assert_eq!(ask(&client, &url, "GET", "/v1/info", &[("authorization", &good)]).await.status, 200);
    // What does not exist is not told from what does.
    for path in ["/v1/nothing", "/", "/v1/sessions/ses_none"] {
        ask(&client, &url, "GET", path, &[]).await.problem(401, "unauthorized");
    }
}

#[tokio::test]
async fn a_token_that_was_rotated_or_removed_opens_nothing() {
    let daemon = TestDaemon::start().await;
    let old = daemon.token();
    let client = client();
    let made = daemon.post("/v1/tokens", &json!({"name": "eyes", "scope": "read"})).await.ok(201);
    let narrow = format!("Bearer {}", made["token"].as_str().unwrap());
    let headers = [("authorization", narrow.as_str())];
    assert_eq!(ask(&client, &daemon.url(), "GET", "/v1/info", &headers).await.status, 200);
    daemon.request("DELETE", "/v1/tokens/eyes", &Value::Null).await.ok(200);
    ask(&client, &daemon.url(), "GET", "/v1/info", &headers).await.problem(401, "unauthorized");
    daemon.stop().await;
    std::fs::remove_file(daemon.home().join("token")).unwrap();
    daemon.restart().await;
    assert_ne!(daemon.token(), old);
    let bearer = format!("Bearer {old}");
    for headers in [[("authorization", bearer.as_str())], headers] {
        for route in routes(&daemon).await.iter().filter(|route| route.scope.is_some()) {
            let told = ask(&client, &daemon.url(), &route.method, &route.path("x"), &headers).await;
            told.problem(401, "unauthorized");
        }
    }
}
