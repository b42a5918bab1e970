//! S3, as far as there is no page yet: whatever a session says, no answer can be taken for a page or a script.

use serde_json::json;
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

use crate::routes::{ask, client, routes};

const HOSTILE: &str = "<html><script>alert(1)</script><img src=x onerror=alert(2)>";

#[tokio::test]
async fn every_answer_says_what_it_is_and_none_is_a_page() {
    let daemon = TestDaemon::start().await;
    let request = json!({"agent": "scripted", "cwd": daemon.workdir(), "title": HOSTILE, "wait": "live"});
    let session = daemon.create(&request).await;
    session.run(&script(&json!([{"text": HOSTILE}, {"tool": HOSTILE, "output": HOSTILE}]))).await;
    let (client, url) = (client(), daemon.url());
    let bearer = format!("Bearer {}", daemon.token());
    let headers = [("authorization", bearer.as_str()), ("accept", "text/html")];
    let known = [
        "application/json",
        "application/problem+json",
        "application/x-ndjson",
        "application/octet-stream",
        "text/event-stream",
        "text/plain; version=0.0.4",
        "text/plain; version=0.0.4; charset=utf-8",
        "text/markdown; charset=utf-8",
    ];
    let mut paths: Vec<String> = routes(&daemon)
        .await
        .iter()
        .filter(|route| route.method == "GET")
        .map(|route| route.path(&session.id))
        .collect();
    for more in ["/transcript?format=markdown", "/transcript?format=acp", "/events?format=acp", "/nothing"] {
        paths.push(session.path(more));
    }
    // A name from the request comes back in the answer's words.
    paths.push(format!("/v1/{}", "%3Cscript%3Ealert(1)%3C%2Fscript%3E"));
    for path in paths {
        let told = ask(&client, &url, "GET", &path, &headers).await;
        let kind = told.header("content-type").unwrap_or_default();
        assert!(known.contains(&kind), "{path} answers {kind:?}");
        assert_eq!(told.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert!(
            told.header("cache-control").is_some_and(|held| held == "no-store" || held == "no-cache"),
            "{path}"
        );
        assert_eq!(told.header("set-cookie"), None, "{path}");
    }
}
