//! Errors by status, errors in a stream, cut streams, refused keys, unreadable scripts.

use serde_json::{Value, json};
use tenure_model::{Model, Script};

use crate::client::{events, joined, parse, post, whole};

fn anthropic(script: &Script, stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": script.prompt("go")}]})
}

#[tokio::test]
async fn an_error_strikes_as_often_as_it_says() {
    let model = Model::start().unwrap();
    let body = anthropic(&Script::new().error(529).times(2).text("at last"), false);
    for _ in 0..2 {
        let response = post(&model, "/v1/messages", &body).await;
        assert_eq!(response.status(), 529);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["type"], "overloaded_error");
    }
    let answer = whole(&model, "/v1/messages", &body).await;
    assert_eq!(answer["content"][0]["text"], "at last");
    let steps: Vec<_> = model.requests().iter().map(|request| request.step).collect();
    assert_eq!(steps, [Some(0), Some(0), Some(1)]);
}

#[tokio::test]
async fn an_error_without_times_goes_on_for_ever_and_has_its_headers() {
    let model = Model::start().unwrap();
    let prompt = r#"@@[{"error":429,"type":"slow_down","msg":"later","headers":{"retry-after":"7"}}]@@"#;
    let body = json!({"model": "m", "messages": [{"role": "user", "content": prompt}]});
    for path in ["/v1/chat/completions", "/v1/chat/completions", "/v1/messages"] {
        let response = post(&model, path, &body).await;
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        let error = response.json::<Value>().await.unwrap()["error"].clone();
        assert_eq!((&error["type"], &error["message"]), (&json!("slow_down"), &json!("later")));
    }
}

#[tokio::test]
async fn a_stream_error_comes_in_the_middle_of_the_text() {
    let model = Model::start().unwrap();
    let body = anthropic(&Script::new().stream_error("overloaded_error", "abcdef").times(1), true);
    let broken = events(&model, "/v1/messages", &body).await;
    assert_eq!(joined(&broken, "/delta/text"), "abc");
    assert_eq!(broken.last().unwrap()["error"]["type"], "overloaded_error");
    let mended = events(&model, "/v1/messages", &body).await;
    assert_eq!(joined(&mended, "/delta/text"), "abcdef");
}

#[tokio::test]
async fn a_cut_drops_the_connection_after_half_of_the_text() {
    let model = Model::start().unwrap();
    let mut response = post(&model, "/v1/messages", &anthropic(&Script::new().cut("abcdef"), true)).await;
    let mut seen = String::new();
    let end = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => seen.push_str(std::str::from_utf8(&chunk).unwrap()),
            end => break end,
        }
    };
    assert!(end.is_err(), "the stream ended as if it were whole");
    assert_eq!(joined(&parse(&seen), "/delta/text"), "abc");
}

#[tokio::test]
async fn the_bad_key_is_refused_in_either_header() {
    let model = Model::start().unwrap();
    for (name, value) in [("x-api-key", "sk-bad"), ("authorization", "Bearer sk-bad")] {
        let request = reqwest::Client::new().post(format!("{}/v1/messages", model.url())).header(name, value);
        let response = request.json(&anthropic(&Script::new().text("no"), false)).send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.json::<Value>().await.unwrap()["error"]["type"], "authentication_error");
    }
}

#[tokio::test]
async fn a_script_that_cannot_be_read_is_refused_with_the_reason() {
    let model = Model::start().unwrap();
    let body = json!({"model": "m", "messages": [{"role": "user", "content": r#"@@[{"tex":"x"}]@@"#}]});
    let response = post(&model, "/v1/messages", &body).await;
    assert_eq!(response.status(), 400);
    assert!(response.text().await.unwrap().contains("tex"));
}
