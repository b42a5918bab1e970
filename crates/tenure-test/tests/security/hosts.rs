//! S2: a page of a foreign site cannot ask, whatever name it makes point at this machine: Host and Origin are
//! checked on every route, before the token and before routing.

use serde_json::json;
use tenure_test::daemon::TestDaemon;

use crate::routes::{ask, client, routes};
use crate::wire::{authority, head, say, status};

const LISTED: &str = "https://app.example";

async fn start() -> TestDaemon {
    TestDaemon::setup().config(&format!("[http]\norigins = [\"{LISTED}\"]")).start().await
}

fn foreign_hosts(port: &str) -> Vec<String> {
    let names = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2", "0.0.0.0"];
    let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
    hosts.extend(["evil.example", "127.0.0.1", "localhost", "127.0.0.1:1", "[::1]"].map(str::to_owned));
    hosts.push(format!("user@127.0.0.1:{port}"));
    hosts.push(format!("127.0.0.1:{port}@evil.example"));
    hosts.push(format!("127.0.0.1:{port}, evil.example"));
    hosts
}

#[tokio::test]
async fn no_route_answers_under_a_foreign_host() {
    let daemon = start().await;
    let (client, url) = (client(), daemon.url());
    let good = format!("Bearer {}", daemon.token());
    let port = url.rsplit(':').next().unwrap();
    for route in routes(&daemon).await {
        for host in foreign_hosts(port) {
            let headers = [("host", host.as_str()), ("authorization", &good)];
            ask(&client, &url, &route.method, &route.path("x"), &headers).await.problem(403, "forbidden");
        }
        let anonymous = [("host", "evil.example")];
        ask(&client, &url, &route.method, &route.path("x"), &anonymous).await.problem(403, "forbidden");
    }
    for host in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        let host = format!("{host}:{port}");
        let headers = [("host", host.as_str()), ("authorization", &good)];
        assert_eq!(ask(&client, &url, "GET", "/v1/info", &headers).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_request_that_names_two_hosts_or_none_is_refused() {
    let daemon = start().await;
    let own = authority(&daemon);
    let token = format!("authorization: Bearer {}", daemon.token());
    let ours = format!("host: {own}");
    let evil = "host: evil.example";
    let cases = [
        ("GET /v1/info".to_owned(), vec![]),
        ("GET /v1/info".to_owned(), vec!["host:"]),
        ("GET /v1/info".to_owned(), vec![evil]),
        ("GET /v1/info".to_owned(), vec![ours.as_str(), evil]),
        ("GET /v1/info".to_owned(), vec![evil, ours.as_str()]),
        ("GET /v1/info".to_owned(), vec![ours.as_str(), ours.as_str()]),
        ("GET http://evil.example/v1/info".to_owned(), vec![ours.as_str()]),
        ("GET http://evil.example/v1/info".to_owned(), vec![]),
        (format!("GET http://{own}/v1/info"), vec![evil]),
        (format!("GET http://{own}@evil.example/v1/info"), vec![ours.as_str()]),
        (format!("GET http://x@{own}/v1/info"), vec![ours.as_str()]),
        ("CONNECT evil.example:80".to_owned(), vec![ours.as_str()]),
    ];
    for (first, mut lines) in cases {
        lines.push(&token);
        let answer = say(&daemon, head(&first, &lines)).await;
        assert!(matches!(status(&answer), 400 | 403), "{first} {lines:?}: {answer}");
        assert!(!answer.contains("uptime"), "{answer}");
    }
    for first in ["GET /v1/info".to_owned(), format!("GET http://{own}/v1/info")] {
        let answer = say(&daemon, head(&first, &[&ours, &token])).await;
        assert_eq!(status(&answer), 200, "{first}: {answer}");
    }
    let old = format!("GET /v1/info HTTP/1.0\r\n{token}\r\n\r\n");
    assert!(!say(&daemon, old).await.contains(" 200 "));
}

#[tokio::test]
async fn no_route_answers_a_page_of_a_foreign_origin() {
    let daemon = start().await;
    let (client, url) = (client(), daemon.url());
    let good = format!("Bearer {}", daemon.token());
    let https = url.replace("http:", "ftp:");
    let foreign =
        ["http://evil.example", "null", "https://app.example.evil", "http://app.example", "file://", &https];
    for route in routes(&daemon).await {
        for origin in foreign {
            let headers = [("origin", origin), ("authorization", good.as_str())];
            let told = ask(&client, &url, &route.method, &route.path("x"), &headers).await;
            told.problem(403, "forbidden");
            assert!(told.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
        }
        for foreign in foreign {
            let headers = [("origin", foreign), ("access-control-request-method", route.method.as_str())];
            let told = ask(&client, &url, "OPTIONS", &route.path("x"), &headers).await;
            told.problem(403, "forbidden");
            assert_eq!(told.header("access-control-allow-origin"), None);
        }
    }
}

#[tokio::test]
async fn a_listed_origin_is_let_in_and_told_so_and_still_needs_the_token() {
    let daemon = start().await;
    let (client, url) = (client(), daemon.url());
    for route in routes(&daemon).await {
        let path = route.path("x");
        let headers = [("origin", LISTED), ("access-control-request-method", route.method.as_str())];
        let preflight = ask(&client, &url, "OPTIONS", &path, &headers).await;
        assert_eq!((preflight.status, preflight.text.as_str()), (204, ""), "{path}");
        assert_eq!(preflight.header("access-control-allow-origin"), Some(LISTED));
        assert_eq!(preflight.header("access-control-allow-credentials"), None, "cookies are nothing to us");
        let methods = preflight.header("access-control-allow-methods").unwrap();
        assert!(methods.split(", ").any(|method| method == route.method), "{path} {methods}");
        let told = ask(&client, &url, &route.method, &path, &[("origin", LISTED)]).await;
        assert_eq!(told.header("access-control-allow-origin"), Some(LISTED));
        assert_eq!(told.header("vary"), Some("Origin"));
        assert_eq!(told.status, if route.scope.is_some() { 401 } else { 200 }, "{path}");
    }
    // Not even our own pages are told anything of CORS, nor is whoever sends no Origin.
    let good = format!("Bearer {}", daemon.token());
    for own in [None, Some(("origin", url.as_str()))] {
        let headers: Vec<_> = own.into_iter().chain([("authorization", good.as_str())]).collect();
        let told = ask(&client, &url, "GET", "/v1/info", &headers).await;
        assert_eq!((told.status, told.header("access-control-allow-origin")), (200, None));
    }
    let session = json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false});
    let headers = [("origin", "http://evil.example")];
    daemon.request_with("POST", "/v1/sessions", &session, &headers).await.problem(403, "forbidden");
    assert_eq!(daemon.get("/v1/sessions").await.ok(200)["items"], json!([]));
}
