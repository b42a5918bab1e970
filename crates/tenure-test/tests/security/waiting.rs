//! A client may put a secret of the session into a prompt. Whoever looks sees its name; the agent gets the value, also if
//! the input waited while the daemon was killed.

use serde_json::{Value, json};
use tenure_scripted::script;

use crate::secrets::{ANY, ENV, RAW, look_everywhere, request, setup};

#[tokio::test]
async fn an_input_with_a_secret_reaches_the_agent_whole_after_a_restart() {
    let daemon = setup().start().await;
    let session = daemon.create(&request("scripted", &daemon)).await;
    let gate = daemon.workdir().join("gate");
    session.send(&script(&json!([{"gate": gate.display().to_string()}, {"text": "first"}]))).await;
    session.wait_type("turn.started").await;
    session.send(&script(&json!([{"text": format!("second {ENV} <tenure-value MY_VALUE 0>")}]))).await;
    let third = session.send("/echo third").await;
    let edited = json!({"input": script(&json!([{"text": format!("third, edited: {ENV}")}]))});
    let path = session.path(&format!("/inputs/{}", third["input_id"].as_str().unwrap()));
    daemon.request("PATCH", &path, &edited).await.ok(200);
    let shown = session.get("/inputs").await.to_string();
    assert!(shown.contains("second [MY_VALUE]") && shown.contains("edited: [MY_VALUE]"), "{shown}");
    look_everywhere(&daemon, &session, &[]).await;
    daemon.kill_and_restart().await;
    std::fs::write(gate, "").unwrap();
    session.turn_end(3).await;
    let raw = session.get("/raw").await.to_string();
    assert!(
        raw.contains(&format!("second {ENV} <tenure-value MY_VALUE 0>")),
        "said back as it was sent: {raw}"
    );
    assert!(raw.contains(&format!("third, edited: {ENV}")), "{raw}");
    let said = session.get("/messages").await.to_string();
    assert!(said.contains("third, edited: [MY_VALUE]"), "{said}");
    look_everywhere(&daemon, &session, RAW).await;
}

#[tokio::test]
async fn a_secret_that_is_said_in_two_pieces_is_shown_in_none() {
    let daemon = setup().start().await;
    let session = daemon.create(&request("scripted", &daemon)).await;
    let (half, rest) = ENV.split_at(20);
    let work = daemon.workdir();
    let gate = |name: &str| json!({"gate": work.join(name)});
    let prompt = json!([
        {"text": format!("in two {half}")}, gate("1"),
        {"text": format!("{rest} and on"), "same_message": true}, gate("2"), {"text": "over"},
    ]);
    let mut follower = daemon.follow(&session.path("/events/stream?deltas=true"));
    session.send(&script(&prompt)).await;
    let begun = follower.until(|event| event["data"]["text"] == "in two ").await;
    std::fs::write(work.join("1"), "").unwrap();
    let ended = follower.until(|event| event["data"]["text"] == "[MY_VALUE] and on").await;
    let last: Value = serde_json::from_str(ended.last().unwrap()).unwrap();
    assert_eq!(last["data"]["offset"], 7, "it goes on where what was shown ended");
    // Who joins now is told as much.
    let mut late = daemon.follow(&session.path("/events/stream?deltas=true"));
    let joined = late.until(|event| event["data"]["text"] == "in two [MY_VALUE] and on").await;
    std::fs::write(work.join("2"), "").unwrap();
    session.turn_end(1).await;
    // The prompt tells the first half itself.
    for data in begun.iter().chain(&ended).chain(&joined).filter(|data| data.contains("message.delta")) {
        assert!(!data.contains(ANY), "a follower was told: {data}");
    }
}
