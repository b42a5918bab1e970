//! What a session here says of a conversation that its agent keeps: its title is searched, and what is put away is put away.

use serde_json::{Value, json};
use tenure_corpus::Talk;
use tenure_test::daemon::{PATIENCE, TestDaemon};

const NATIVE: &str = "6f6c7379-1395-469f-b1d1-2931f8da6621";

/// Waits until a list has so many conversations. Nobody asks the keeper to look.
async fn lists(daemon: &TestDaemon, query: &str, number: usize) -> Value {
    let path = format!("/v1/history?{query}");
    let asking = async {
        loop {
            let list = daemon.get(&path).await.ok(200);
            if list["items"].as_array().unwrap().len() == number {
                return list["items"][0].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("{path} never had {number}"))
}

#[tokio::test]
async fn a_title_that_was_given_here_is_found_and_what_is_put_away_here_is_put_away() {
    let setup = TestDaemon::setup();
    let work = setup.scratch().join("work");
    std::fs::create_dir_all(&work).unwrap();
    let talk = Talk::new(NATIVE, &work).asks("Please mend the pump").title("Pumps");
    talk.write(&setup.scratch().join("user/.claude")).unwrap();
    let daemon = setup.start().await;
    daemon.get("/v1/index?wait_ms=60000").await.ok(200);
    let adopt = format!("/v1/history/claude/{NATIVE}/adopt");
    let session = daemon.post(&adopt, &json!({"start": false, "title": "A Giraffe"})).await.ok(201);
    let path = format!("/v1/sessions/{}", session["id"].as_str().unwrap());
    let change = async |daemon: &TestDaemon, body: Value| daemon.request("PATCH", &path, &body).await.ok(200);

    let entry = lists(&daemon, "q=giraffe", 1).await;
    assert_eq!((&entry["custom_title"], &entry["native_id"]), (&json!("A Giraffe"), &json!(NATIVE)));
    lists(&daemon, "q=pumps", 0).await;
    lists(&daemon, "q=mend", 1).await;
    change(&daemon, json!({"title": "An Okapi"})).await;
    lists(&daemon, "q=okapi", 1).await;
    lists(&daemon, "q=giraffe", 0).await;

    change(&daemon, json!({"archived": true})).await;
    lists(&daemon, "", 0).await;
    assert_eq!(lists(&daemon, "archived=any", 1).await["archived"], true);
    // It stays so in a daemon that remembers nothing.
    daemon.kill_9();
    std::fs::remove_file(daemon.home().join("search.db")).unwrap();
    daemon.restart().await;
    daemon.get("/v1/index?wait_ms=60000").await.ok(200);
    assert_eq!(lists(&daemon, "q=okapi&archived=any", 1).await["archived"], true);
    lists(&daemon, "", 0).await;
    change(&daemon, json!({"archived": false})).await;
    assert_eq!(lists(&daemon, "", 1).await["archived"], false);

    // With the session what it said goes.
    daemon.request("DELETE", &path, &Value::Null).await.ok(200);
    let entry = lists(&daemon, "q=pumps", 1).await;
    assert_eq!(entry["custom_title"], "Pumps");
    lists(&daemon, "q=okapi", 0).await;
}
