//! Who gets in: tokens, hosts and origins.

use axum::body::Body;
use http::Request;
use tenure_server::http::{HttpLimits, Peer};

use super::app::{Reply, TestApp};

const CONFIG: &str = "[http]\nhosts = [\"box.example\"]\norigins = [\"https://app.example\"]\n";

async fn app() -> TestApp {
    TestApp::with(CONFIG, HttpLimits::default()).await
}

async fn ask(app: &TestApp, peer: &Peer, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.raw(peer, request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn every_path_but_one_needs_a_token_and_no_address_is_exempt() {
    let app = app().await;
    let good = format!("Bearer {}", app.token);
    let lower = format!("bearer {}", app.token);
    let wrong = format!("Bearer {}x", app.token);
    let basic = format!("Basic {}", app.token);
    let host = ("host", "127.0.0.1:7420");
    for path in ["/v1/info", "/v1/sessions", "/openapi.json", "/metrics", "/v1/nothing", "/"] {
        for value in [None, Some("Bearer"), Some("Bearer "), Some(wrong.as_str()), Some(basic.as_str())] {
            let mut headers = vec![host];
            headers.extend(value.map(|value| ("authorization", value)));
            let reply = ask(&app, &Peer::remote(), "GET", path, &headers).await;
            assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
            reply.problem(401, "unauthorized", None);
        }
    }
    for value in [good.as_str(), lower.as_str()] {
        ask(&app, &Peer::remote(), "GET", "/v1/info", &[host, ("authorization", value)]).await.is(200);
    }
    ask(&app, &Peer::remote(), "GET", "/healthz", &[host]).await.is(200);
    ask(&app, &Peer::local_owner(), "GET", "/v1/info", &[]).await.is(200);
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_anything_else() {
    let app = app().await;
    let token = format!("Bearer {}", app.token);
    let auth = ("authorization", token.as_str());
    for host in ["evil.example", "evil.example:7420", "127.0.0.1", "127.0.0.1:7421", "localhost:80", ""] {
        for path in ["/v1/info", "/healthz", "/v1/nothing"] {
            let reply = ask(&app, &Peer::remote(), "GET", path, &[("host", host), auth]).await;
            reply.problem(403, "forbidden", None);
        }
    }
    ask(&app, &Peer::remote(), "GET", "/v1/info", &[auth]).await.problem(403, "forbidden", None);
    for host in ["127.0.0.1:7420", "localhost:7420", "[::1]:7420", "box.example", "box.example:443"] {
        ask(&app, &Peer::remote(), "GET", "/v1/info", &[("host", host), auth]).await.is(200);
    }
    ask(&app, &Peer::local_owner(), "GET", "/v1/info", &[("host", "anything")]).await.is(200);
}

#[tokio::test]
async fn only_listed_origins_get_cors_answers() {
    let app = app().await;
    let token = format!("Bearer {}", app.token);
    let (host, auth) = (("host", "127.0.0.1:7420"), ("authorization", token.as_str()));
    let from = |origin| [host, auth, ("origin", origin)];
    for origin in ["http://evil.example", "null", "http://app.example", "https://app.example.evil"] {
        let reply = ask(&app, &Peer::remote(), "GET", "/v1/info", &from(origin)).await;
        assert_eq!(reply.header("access-control-allow-origin"), None);
        reply.problem(403, "forbidden", None);
        let local = ask(&app, &Peer::local_owner(), "GET", "/v1/info", &[("origin", origin)]).await;
        local.problem(403, "forbidden", None);
    }
    let own = ask(&app, &Peer::remote(), "GET", "/v1/info", &from("http://127.0.0.1:7420")).await.is(200);
    assert_eq!(own.header("access-control-allow-origin"), None);
    let listed = ask(&app, &Peer::remote(), "GET", "/v1/info", &from("https://app.example")).await.is(200);
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example"));
    // Also what is refused can be read by the page that was let in.
    let headers = [host, ("origin", "https://app.example")];
    let refused = ask(&app, &Peer::remote(), "GET", "/v1/info", &headers).await;
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example"));
    refused.problem(401, "unauthorized", None);
}

#[tokio::test]
async fn preflights_are_answered_for_listed_origins_without_a_token() {
    let app = app().await;
    let ask_for =
        |origin| [("host", "127.0.0.1:7420"), ("origin", origin), ("access-control-request-method", "POST")];
    let path = "/v1/sessions";
    let listed = ask(&app, &Peer::remote(), "OPTIONS", path, &ask_for("https://app.example")).await.is(204);
    assert_eq!(listed.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(listed.header("access-control-allow-headers").is_some_and(|h| h.contains("authorization")));
    let foreign = ask(&app, &Peer::remote(), "OPTIONS", path, &ask_for("https://evil.example")).await;
    assert_eq!(foreign.header("access-control-allow-origin"), None);
    foreign.problem(403, "forbidden", None);
    let headers = [("host", "127.0.0.1:7420"), ("origin", "https://app.example")];
    ask(&app, &Peer::remote(), "OPTIONS", path, &headers).await.problem(401, "unauthorized", None);
}
