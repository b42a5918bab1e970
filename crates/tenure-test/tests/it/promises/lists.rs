//! Lists, and what can be changed of a session.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenure_test::daemon::TestDaemon;

async fn ids(daemon: &TestDaemon, query: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = daemon.get(&format!("/v1/sessions?limit=2&{query}{cursor}")).await.ok(200);
        for item in page["items"].as_array().unwrap() {
            assert!(all.insert(item["id"].as_str().unwrap().to_owned()), "twice in {query}: {item}");
        }
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

async fn finds(daemon: &TestDaemon, query: &str, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(ids(daemon, query).await, wanted, "{query}");
}

#[tokio::test]
async fn sessions_are_found_by_what_they_are() {
    let daemon = TestDaemon::start().await;
    let (here, there) = (daemon.workdir(), daemon.workdir());
    let create = |id: &str, more: Value| {
        let mut request = json!({"agent": "scripted", "id": id, "cwd": here, "start": false});
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        let daemon = daemon.clone();
        async move { daemon.post("/v1/sessions", &request).await.ok(201) }
    };
    create("a", json!({"title": "Mend the roof", "tags": ["house"]})).await;
    create("b", json!({"tags": ["house", "garden"]})).await;
    let c = create("c", json!({"cwd": there, "start": true, "wait": "live"})).await;
    create("d", json!({"draft": "later"})).await;
    create("e", json!({})).await;
    daemon.request("PATCH", "/v1/sessions/e", &json!({"archived": true})).await.ok(200);
    finds(&daemon, "", &["a", "b", "c", "d"]).await;
    finds(&daemon, "lifecycle=live", &["c"]).await;
    finds(&daemon, "lifecycle=creating,live", &["a", "b", "c", "d"]).await;
    finds(&daemon, "activity=idle", &["c"]).await;
    finds(&daemon, "agent=scripted", &["a", "b", "c", "d"]).await;
    finds(&daemon, "agent=claude", &[]).await;
    finds(&daemon, "tag=garden", &["b"]).await;
    finds(&daemon, "q=roof", &["a"]).await;
    finds(&daemon, &format!("cwd={}", there.display()), &["c"]).await;
    finds(&daemon, &format!("project={}", c["project"]["id"].as_str().unwrap()), &["c"]).await;
    finds(&daemon, &format!("workspace={}", c["workspace"]["id"].as_str().unwrap()), &["c"]).await;
    finds(&daemon, &format!("native_id={}", c["native_id"].as_str().unwrap()), &["c"]).await;
    finds(&daemon, "archived=true", &["e"]).await;
    finds(&daemon, "archived=any", &["a", "b", "c", "d", "e"]).await;
    daemon.request("DELETE", "/v1/sessions/a", &Value::Null).await.ok(200);
    finds(&daemon, "archived=any", &["b", "c", "d", "e"]).await;
    finds(&daemon, "lifecycle=destroyed", &["a"]).await;
    daemon.kill_and_restart().await;
    finds(&daemon, "archived=any", &["b", "c", "d", "e"]).await;
}

#[tokio::test]
async fn the_newest_activity_comes_first() {
    let daemon = TestDaemon::start().await;
    let cwd = daemon.workdir();
    for id in ["old", "new"] {
        // Until its start is over: that is activity too.
        let body = json!({"agent": "scripted", "id": id, "cwd": cwd, "wait": "live"});
        daemon.post("/v1/sessions", &body).await.ok(201);
    }
    daemon.session("old").run("hello").await;
    let page = daemon.get("/v1/sessions").await.ok(200);
    assert_eq!(page["items"][0]["id"], "old");
}

#[tokio::test]
async fn title_tags_metadata_and_archive_can_be_changed() {
    let daemon = TestDaemon::start().await;
    let session = daemon.create(&json!({"agent": "scripted", "cwd": daemon.workdir(), "start": false})).await;
    let patch = json!({"title": "New", "tags": ["x"], "metadata": {"k": [1, null]}, "archived": true});
    let patched = daemon.request("PATCH", &session.path(""), &patch).await.ok(200);
    daemon.kill_and_restart().await;
    let view = session.view().await;
    for field in ["title", "tags", "metadata", "archived"] {
        assert_eq!((&patched[field], &view[field]), (&patch[field], &patch[field]), "{field}");
    }
    let cleared = daemon.request("PATCH", &session.path(""), &json!({"title": null})).await.ok(200);
    assert_eq!((&cleared["title"], &cleared["tags"]), (&Value::Null, &json!(["x"])));
    let refused = daemon.request("PATCH", &session.path(""), &json!({"agent": "other"})).await;
    assert_eq!(refused.problem(400, "invalid")["field"], "agent");
}
