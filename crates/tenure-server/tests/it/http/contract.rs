//! The document itself.

mod page;

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;
use tenure_server::http::openapi;

use super::app::TestApp;

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let made = openapi();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "openapi.json is not what the code makes: run the test with UPDATE_OPENAPI=1");
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_says_who_may() {
    let document: Value = serde_json::from_str(&openapi()).expect("a document");
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 100);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("inside the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    let mut names = HashSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(names.insert(operation["operationId"].as_str().expect("a name")), "{method} {path}");
            let open = path == "/healthz";
            assert_eq!(operation["security"].is_array(), !open, "{method} {path}");
            let wants: usize = path.matches('{').count();
            let given = operation["parameters"].as_array().into_iter().flatten();
            assert_eq!(given.filter(|p| p["in"] == "path").count(), wants, "{method} {path}");
        }
    }
}

fn collect<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            into.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|value| collect(value, into));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, into)),
        _ => {}
    }
}

#[tokio::test]
async fn the_daemon_tells_what_it_is() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/healthz").await.is(200).json()["status"], "ok");
    let info = app.get("/v1/info").await.is(200).json();
    assert_eq!((info["node"].as_str(), info["durability"].as_str()), (Some("here"), Some("power")));
    assert_eq!(info["limits"]["page_items"], 1000);
    let document: Value = serde_json::from_str(&openapi()).expect("a document");
    assert_eq!(app.get("/openapi.json").await.is(200).json(), document);
    let figures = String::from_utf8(app.get("/metrics").await.is(200).body).expect("text");
    assert!(figures.contains("\ntenure_sessions 0\n"), "{figures}");
    let agents = app.get("/v1/agents").await.is(200).json();
    assert!(agents["items"].as_array().is_some_and(|list| list.iter().any(|a| a["name"] == "scripted")));
    assert_eq!(app.get("/v1/processes").await.is(200).json()["items"], serde_json::json!([]));
}
