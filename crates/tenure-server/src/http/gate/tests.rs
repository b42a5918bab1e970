//! Behind the gate a handler may fail in any way.

use axum::routing::get;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::auth::Tokens;
use crate::config::load::LiveConfig;
use crate::http::{AppParts, HttpLimits};
use crate::node::{Node, NodeOptions};

#[tokio::test]
async fn a_handler_that_panics_answers_500_and_the_next_request_is_served() {
    let home = tempfile::tempdir().expect("a directory");
    let config = LiveConfig::open(home.path()).expect("the defaults");
    let options = NodeOptions {
        home: home.path().to_path_buf(),
        config: config.subscribe(),
        program: None,
        name: "here".to_owned(),
    };
    let app = App::new(AppParts {
        node: Node::open(options).await.expect("a node"),
        config,
        tokens: Tokens::open(home.path()).expect("tokens"),
        listen: None,
        limits: HttpLimits::default(),
        node_name: "here".to_owned(),
        started_at: tenure_event::Timestamp::default(),
        stopping: CancellationToken::new(),
    });
    async fn fails() {
        panic!("as it was asked to");
    }
    let router = Router::new().route("/bad", get(fails)).route("/good", get(async || "fine"));
    let gate = Gate { app, router };
    let peer = Peer::local_owner();
    let ask = |path: &str| Request::builder().uri(path).body(Body::empty()).expect("a request");
    let bad = gate.answer(&peer, ask("/bad")).await;
    assert_eq!(bad.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(bad.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(gate.answer(&peer, ask("/good")).await.status(), StatusCode::OK);
}
