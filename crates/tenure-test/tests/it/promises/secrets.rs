//! Values of a session's environment: known by name only, to whoever asks and in whatever is stored.

use std::path::Path;

use serde_json::json;
use tenure_scripted::script;
use tenure_test::daemon::TestDaemon;

/// Files below a directory that hold a word.
fn files_with(dir: &Path, word: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            files_with(&path, word, found);
        } else if std::fs::read(&path).is_ok_and(|b| b.windows(word.len()).any(|w| w == word.as_bytes())) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
}

#[tokio::test]
async fn a_secret_that_the_agent_says_is_not_stored() {
    let daemon = TestDaemon::start().await;
    let canary = format!("canary-{}", uuid::Uuid::new_v4().simple());
    let mcp =
        json!([{"name": "tools", "type": "http", "url": "http://127.0.0.1:9", "headers": {"x-key": canary}}]);
    let request = json!({
        "agent": "scripted", "cwd": daemon.workdir(), "wait": "live",
        "env": {"CANARY": canary}, "mcp_servers": mcp,
    });
    let session = daemon.create(&request).await;
    let mut deltas = daemon.follow(&session.path("/events/stream?deltas=true"));
    let result = session.run(&script(&json!([{"env": "CANARY"}]))).await;
    assert_eq!(result["outcome"], "completed");
    assert!(!result.to_string().contains(&canary), "{result}");
    let told = deltas.until(|event| event["type"] == "turn.completed").await.join("\n");
    assert!(!told.contains(&canary), "{told}");
    for path in ["", "/events", "/messages", "/transcript?format=jsonl", "/transcript?format=acp", "/inputs"]
    {
        let text = daemon.get(&session.path(path)).await.text;
        assert!(!text.contains(&canary), "{path}: {text}");
    }
    assert!(!daemon.log_tail().contains(&canary));
    daemon.stop().await;
    let mut found = Vec::new();
    files_with(daemon.home(), &canary, &mut found);
    found.retain(|name| name != "private.json" && !name.ends_with(".seg"));
    assert_eq!(found, Vec::<String>::new(), "the agent's own output and the private file alone may have it");
}
