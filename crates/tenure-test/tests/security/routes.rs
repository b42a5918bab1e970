//! Every route, as the daemon's own OpenAPI document lists them: a new one is tested without being named here.

use reqwest::header::HeaderMap;
use serde_json::Value;
use tenure_test::daemon::TestDaemon;

/// One method of one path.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) method: String,
    /// With `{names}`.
    pub(crate) template: String,
    /// The scope that it needs; none for the one open path.
    pub(crate) scope: Option<String>,
}

/// All of them.
pub(crate) async fn routes(daemon: &TestDaemon) -> Vec<Route> {
    let document = daemon.get("/openapi.json").await.ok(200);
    let mut routes = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scope = operation["security"][0]["bearer"][0].as_str().map(str::to_owned);
            assert!(
                scope.is_some() || template == "/healthz",
                "{method} {template} takes no scope: anybody would reach it; name one in the table of http/routes.rs"
            );
            routes.push(Route { method: method.to_uppercase(), template: template.clone(), scope });
        }
    }
    assert!(routes.len() >= 30, "the document lists {} operations only", routes.len());
    routes
}

impl Route {
    /// The path with each name replaced.
    pub(crate) fn path(&self, instead: &str) -> String {
        let mut path = self.template.clone();
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            path.replace_range(start..=end, instead);
        }
        path
    }

    pub(crate) fn has_names(&self) -> bool {
        self.template.contains('{')
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.template.ends_with("/stream")
    }
}

/// An answer with no more of its body than a test looks at.
pub(crate) struct Told {
    pub(crate) asked: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

/// Asks without anything that is not said here; the body of a stream is not read.
pub(crate) async fn ask(
    client: &reqwest::Client,
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Told {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = client.request(method.clone(), format!("{url}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if method != "GET" {
        request = request.body("{}");
    }
    let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {path}: {error:?}"));
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let text = if endless { String::new() } else { answer.text().await.unwrap() };
    Told { asked: format!("{method} {path}"), status, headers, text }
}

/// A client that adds nothing, with a deadline for each answer.
pub(crate) fn client() -> reqwest::Client {
    let deadline = std::time::Duration::from_secs(30);
    reqwest::Client::builder().no_proxy().timeout(deadline).build().unwrap()
}

impl Told {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The problem of a refusal.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let said = (self.status, body["code"].as_str());
        assert_eq!(said, (status, Some(code)), "{}: {}", self.asked, self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.asked);
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{}", self.asked);
        body
    }
}
