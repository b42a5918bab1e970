//! Every condition that lists, search and usage take, over a small past.

use serde_json::{Value, json};
use tenure_corpus::Talk;
use tenure_test::daemon::TestDaemon;

const PUMP: &str = "6f6c7379-1395-469f-b1d1-2931f8da6621";
const GATE: &str = "6f6c7379-0000-4000-8000-000000000002";
const OLD: &str = "0a0a0a0a-0000-4000-8000-000000000003";

/// The pump on the first day, the gate five days later on another branch, and an old question that was put away.
async fn with_a_past() -> TestDaemon {
    let setup = TestDaemon::setup();
    let (root, work) = (setup.scratch().join("user/.claude"), setup.scratch().join("work"));
    let (pump, gate) = (work.join("pump"), work.join("gate"));
    for dir in [&pump, &gate] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let edit = json!({"file_path": pump.join("src/valve.rs"), "old_string": "stuck", "new_string": "free"});
    Talk::new(PUMP, &pump)
        .asks("Please mend the pump, the pump, the pump")
        .calls("Edit", &edit, "The file was updated.")
        .says("It is mended.")
        .write(&root)
        .unwrap();
    let gate = Talk::new(GATE, &gate).later(5).branch("fix/gate").model("house-model-1");
    gate.asks("Why does the gate leak, and not the pump?").says("It leaks.").write(&root).unwrap();
    Talk::new(OLD, &pump).asks("An old question").put_away().write(&root).unwrap();
    let daemon = setup.start().await;
    daemon.get("/v1/index?wait_ms=60000").await.ok(200);
    daemon
}

async fn items(daemon: &TestDaemon, path: &str) -> Vec<Value> {
    daemon.get(path).await.ok(200)["items"].as_array().unwrap().clone()
}

fn words(items: &[Value], of: &str) -> Vec<String> {
    items.iter().map(|item| item.pointer(of).unwrap().as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lists_are_narrowed_by_every_condition_and_paged() {
    let daemon = with_a_past().await;
    for (asked, expected) in [
        ("", &[GATE, PUMP][..]),
        ("archived=any", &[GATE, PUMP, OLD]),
        ("branch=main&archived=any", &[PUMP, OLD]),
        ("branch=fix/gate", &[GATE]),
        ("until=2026-11-03", &[PUMP]),
        ("since=2026-11-03T00:00:00Z", &[GATE]),
        ("since=2026-11-02&until=2026-11-03", &[]),
        ("q=QUESTION", &[]),
        ("q=question&archived=any", &[OLD]),
        ("agent=claude&limit=1", &[GATE]),
        ("agent=codex", &[]),
        ("offset=1", &[PUMP]),
    ] {
        let list = items(&daemon, &format!("/v1/history?{asked}")).await;
        assert_eq!(words(&list, "/native_id"), expected, "{asked}");
    }
    let first = daemon.get("/v1/history?archived=any&limit=2").await.ok(200);
    let next = first["next"].as_str().unwrap();
    let rest = daemon.get(&format!("/v1/history?archived=any&limit=2&cursor={next}")).await.ok(200);
    assert_eq!(
        (words(rest["items"].as_array().unwrap(), "/native_id"), &rest["next"]),
        (vec![OLD.to_owned()], &Value::Null)
    );
    daemon.get("/v1/history?archived=true").await.says(400, "invalid", &["any"]);
}

#[tokio::test]
async fn hits_are_narrowed_by_every_condition_and_ranked() {
    let daemon = with_a_past().await;
    for (asked, expected) in [
        ("q=pump&role=user", &[GATE, PUMP][..]),
        ("q=pump&role=user&order=rank", &[PUMP, GATE]),
        ("q=pump&role=user&until=2026-11-03", &[PUMP]),
        ("q=pump&role=user,assistant&since=2026-11-03", &[GATE]),
        ("tool=Edit", &[PUMP]),
        ("tool=Edit,Bash&q=stuck", &[PUMP]),
        ("tool=Bash", &[]),
        ("file=valve.rs", &[PUMP]),
        ("file=src/valve.rs&tool=Edit", &[PUMP]),
        ("file=other/valve.rs", &[]),
        ("q=mended&native_id=6f6c7379-0000-4000-8000-000000000002&agent=claude", &[]),
        ("role=tool&q=updated", &[PUMP]),
        ("q=question", &[OLD]),
    ] {
        let hits = items(&daemon, &format!("/v1/search?{asked}")).await;
        assert_eq!(words(&hits, "/conversation/native_id"), expected, "{asked}");
    }
    daemon.get("/v1/search?q=pump&order=best").await.says(400, "invalid", &["newest"]);
}

#[tokio::test]
async fn tokens_are_counted_by_each_of_the_five() {
    let daemon = with_a_past().await;
    let projects = items(&daemon, "/v1/projects").await;
    let id = |name: &str| {
        let is_it = |p: &&Value| p["path"].as_str().unwrap().ends_with(name);
        projects.iter().find(is_it).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let counted = async |asked: &str| -> Vec<(String, u64)> {
        let rows = items(&daemon, &format!("/v1/usage?{asked}")).await;
        let calls = rows.iter().map(|row| row["calls"].as_u64().unwrap());
        let mut all: Vec<_> = words(&rows, "/key").into_iter().zip(calls).collect();
        all.sort();
        all
    };
    let (pump, gate) = (id("/pump"), id("/gate"));
    for (asked, expected) in [
        ("", &[("2026-11-01", 2), ("2026-11-06", 1)][..]),
        ("by=day&utc_offset_minutes=-1440", &[("2026-10-31", 2), ("2026-11-05", 1)]),
        ("by=model", &[("claude-sonnet-4-5-20250929", 2), ("house-model-1", 1)]),
        ("by=agent", &[("claude", 3)]),
        ("by=agent&model=house-model-1", &[("claude", 1)]),
        ("by=agent&until=2026-11-03", &[("claude", 2)]),
        ("by=agent&since=2026-11-03", &[("claude", 1)]),
        ("by=agent&agent=codex", &[]),
    ] {
        let expected: Vec<_> = expected.iter().map(|(key, calls)| ((*key).to_owned(), *calls)).collect();
        assert_eq!(counted(asked).await, expected, "{asked}");
    }
    let mut by_project = vec![(pump.clone(), 2), (gate, 1)];
    by_project.sort();
    assert_eq!(counted("by=project").await, by_project);
    assert_eq!(counted(&format!("by=session&project={pump}")).await, [(format!("claude/{PUMP}"), 2)]);
    let total = daemon.get("/v1/usage?by=day").await.ok(200)["total"].clone();
    assert_eq!(
        (&total["usage"]["input_tokens"], &total["unpriced_models"]),
        (&json!(3000), &json!(["house-model-1"]))
    );
    assert_eq!(total["usage"]["cost_usd"], Value::Null, "a sum with an unknown in it is unknown");
}
