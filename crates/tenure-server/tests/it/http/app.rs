//! A client without a network: requests go straight to the gate, and every answer is held against
//! the OpenAPI document.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tenure_event::Timestamp;
use tenure_server::auth::Tokens;
use tenure_server::config::load::LiveConfig;
use tenure_server::http::{App, AppParts, Gate, HttpLimits, Peer, openapi};
use tenure_server::node::{Node, NodeOptions};
use tokio_util::sync::CancellationToken;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&openapi()).expect("a document"));

/// The interface in front of a node in a scratch home.
pub(crate) struct TestApp {
    pub(crate) node: Arc<Node>,
    pub(crate) gate: Gate,
    pub(crate) stopping: CancellationToken,
    pub(crate) token: String,
    home: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The answer if it has this status; its text in the failure otherwise.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// A problem with this status, code and field.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str, field: Option<&str>) -> Value {
        let reply = self.is(status);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        let problem = reply.json();
        assert_eq!((problem["code"].as_str(), problem["field"].as_str()), (Some(code), field), "{problem}");
        problem
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with("", HttpLimits::default()).await
    }

    pub(crate) async fn with(config: &str, limits: HttpLimits) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::write(home.path().join("config.toml"), config).expect("written");
        let live = LiveConfig::open(home.path()).expect("a configuration");
        let options = NodeOptions {
            home: home.path().to_path_buf(),
            config: live.subscribe(),
            program: Some(PathBuf::from("/nonexistent/program")),
            name: "here".to_owned(),
        };
        let node = Node::open(options).await.expect("a node");
        let stopping = CancellationToken::new();
        let app = App::new(AppParts {
            node: Arc::clone(&node),
            config: live,
            tokens: Tokens::open(home.path()).expect("tokens"),
            listen: Some("127.0.0.1:7420".parse().expect("an address")),
            limits,
            node_name: "here".to_owned(),
            started_at: Timestamp::from_millis(1_795_139_670_306),
            stopping: stopping.clone(),
        });
        let token = std::fs::read_to_string(home.path().join("token")).expect("a token").trim().to_owned();
        Self { node, gate: Gate::new(app), stopping, token, home }
    }

    /// A new directory to work in.
    pub(crate) fn directory(&self, name: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(&path).expect("made");
        path.to_string_lossy().into_owned()
    }

    /// A request as it is, without the checks of `send`.
    pub(crate) async fn raw(&self, peer: &Peer, request: Request<Body>) -> Reply {
        let response = self.gate.answer(peer, request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:7420")
            .header("authorization", format!("Bearer {}", self.token))
    }

    /// A request whose answer must be one that the document knows.
    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let request = self.request(method, path).body(body).expect("a request");
        self.checked(request).await
    }

    pub(crate) async fn checked(&self, request: Request<Body>) -> Reply {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let reply = self.raw(&Peer::remote(), request).await;
        check(&method, &path, &reply);
        reply
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, Some(body)).await
    }

    pub(crate) async fn keyed(&self, path: &str, key: &str, body: &Value) -> Reply {
        let request = self.request("POST", path).header("idempotency-key", key);
        self.checked(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    /// A session that has no process.
    pub(crate) async fn session(&self, id: &str) -> Value {
        let body = json!({"id": id, "agent": "scripted", "cwd": self.directory("work"), "start": false});
        self.post("/v1/sessions", body).await.is(201).json()
    }
}

/// Whether the document knows the answer, and the answer has the shape that it says.
fn check(method: &Method, path: &str, reply: &Reply) {
    let Some(operation) = operation(method, path) else {
        // What is at no path can only be refused.
        assert!(matches!(reply.status.as_u16(), 404 | 405), "{method} {path} is not in the document");
        return;
    };
    let responses = &operation["responses"];
    let response = match &responses[reply.status.as_str()] {
        Value::Null => &responses["default"],
        known => known,
    };
    let kind = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let content = &response["content"][kind];
    assert!(content.is_object(), "{method} {path} {} {kind}: not in the document", reply.status);
    if matches!(kind, "application/json" | "application/problem+json") {
        let schema = json!({"allOf": [content["schema"]], "components": DOCUMENT["components"]});
        let validator = jsonschema::draft202012::new(&schema).expect("a schema");
        let body = reply.json();
        let wrong: Vec<String> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{method} {path} {}: {wrong:?}\n{body}", reply.status);
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        parts.len() == segments.len()
            && parts.iter().zip(&segments).all(|(part, segment)| part.starts_with('{') || part == segment)
    };
    let paths = DOCUMENT["paths"].as_object()?;
    let named =
        paths.get(path).or_else(|| paths.iter().find(|(path, _)| fits(path)).map(|(_, item)| item))?;
    named.get(method.as_str().to_lowercase())
}
