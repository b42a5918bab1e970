//! What is not a model call: lists, probes, unknown paths, and the end.

use serde_json::{Value, json};
use tenure_model::{Model, Script};

use crate::client::{DEADLINE, post};

#[tokio::test]
async fn models_are_listed_and_found_by_name() {
    let model = Model::start().unwrap();
    let get = async |path: &str| -> Value {
        reqwest::get(format!("{}{path}", model.url())).await.unwrap().json().await.unwrap()
    };
    assert_eq!(get("/v1/models").await["data"][0]["id"], "fake-1");
    assert_eq!(get("/v1/models/other-2?beta=true").await["id"], "other-2");
}

#[tokio::test]
async fn probes_succeed_and_unknown_paths_are_recorded() {
    let model = Model::start().unwrap();
    let head = reqwest::Client::new().head(format!("{}/api/hello", model.url())).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(post(&model, "/v1/nothing", &json!({"x": 1})).await.status(), 404);
    let seen = model.request_seen(DEADLINE, |request| request.path == "/v1/nothing").await.unwrap();
    assert_eq!((seen.number, &seen.body, seen.dialect), (2, &json!({"x": 1}), None));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_dropped_model_is_gone() {
    let model = Model::start().unwrap();
    let mut response = post(
        &model,
        "/v1/messages",
        &json!({"stream": true, "messages": [
            {"role": "user", "content": Script::new().gate("never opened", "abcdef").prompt("go")},
        ]}),
    )
    .await;
    model.gate_reached("never opened", DEADLINE).await.unwrap();
    drop(model);
    let rest = tokio::time::timeout(DEADLINE, async {
        while response.chunk().await?.is_some() {}
        Ok::<_, reqwest::Error>(())
    });
    assert!(rest.await.unwrap().is_err(), "the stream ended as if it were whole");
}

#[test]
fn it_answers_a_test_that_blocks() {
    let model = Model::start().unwrap();
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", model.port())).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    std::io::Write::write_all(&mut stream, b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
