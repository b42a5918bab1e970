//! Lists of sessions and projects.

use serde_json::{Value, json};

use super::app::TestApp;

async fn ids(app: &TestApp, query: &str) -> Vec<String> {
    let page = app.get(&format!("/v1/sessions{query}")).await.is(200).json();
    let items = page["items"].as_array().expect("items");
    items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned).collect()
}

#[tokio::test]
async fn filters_narrow_the_list() {
    let app = TestApp::new().await;
    for id in ["one", "two", "three"] {
        app.session(id).await;
    }
    let patch = |body: Value| Some(body);
    app.send("PATCH", "/v1/sessions/two", patch(json!({"tags": ["red"], "title": "Find Me"}))).await.is(200);
    app.send("PATCH", "/v1/sessions/three", patch(json!({"archived": true}))).await.is(200);
    let work = app.directory("work");
    let session = app.get("/v1/sessions/one").await.json();
    let project = session["project"]["id"].as_str().expect("an id").to_owned();
    let workspace = session["workspace"]["id"].as_str().expect("an id").to_owned();
    let cases = [
        ("".to_owned(), vec!["two", "one"]),
        ("?archived=true".to_owned(), vec!["three"]),
        ("?archived=any".to_owned(), vec!["three", "two", "one"]),
        ("?tag=red".to_owned(), vec!["two"]),
        ("?q=find%20me".to_owned(), vec!["two"]),
        ("?agent=scripted".to_owned(), vec!["two", "one"]),
        ("?agent=other".to_owned(), vec![]),
        ("?lifecycle=creating,live".to_owned(), vec!["two", "one"]),
        ("?lifecycle=destroyed".to_owned(), vec![]),
        (format!("?cwd={work}"), vec!["two", "one"]),
        (format!("?cwd={work}/../work"), vec!["two", "one"]),
        ("?cwd=/elsewhere".to_owned(), vec![]),
        (format!("?project={project}"), vec!["two", "one"]),
        (format!("?workspace={workspace}"), vec!["two", "one"]),
        ("?project=no%20id".to_owned(), vec![]),
        ("?native_id=unknown".to_owned(), vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(ids(&app, &query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn pages_show_each_session_once() {
    let app = TestApp::new().await;
    for n in 0..7 {
        app.session(&format!("s{n}")).await;
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = app.get(&format!("/v1/sessions{query}")).await.is(200).json();
        seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=3&cursor={next}");
    }
    let expected: Vec<Value> = (0..7).rev().map(|n| json!(format!("s{n}"))).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_project_is_one_id_for_one_path() {
    let app = TestApp::new().await;
    let (one, two) = (app.directory("one"), app.directory("two"));
    let made = app.post("/v1/projects", json!({"path": one, "id": "p", "title": "One"})).await.is(201).json();
    assert_eq!((made["id"].as_str(), made["sessions"].as_u64()), (Some("p"), Some(0)));
    app.post("/v1/projects", json!({"path": format!("{one}/../one"), "id": "p"})).await.is(200);
    app.post("/v1/projects", json!({"path": one})).await.is(200);
    app.post("/v1/projects", json!({"path": two, "id": "p"})).await.problem(409, "conflict", None);
    let body = json!({"agent": "scripted", "project": "p", "start": false});
    let session = app.post("/v1/sessions", body).await.is(201).json();
    assert_eq!(session["project"]["id"], "p");
    let listed = app.get("/v1/projects").await.is(200).json();
    assert_eq!(
        (&listed["items"][0]["sessions"], &listed["items"][0]["agents"]),
        (&json!(1), &json!(["scripted"]))
    );
    let workspace = session["workspace"]["id"].as_str().expect("an id");
    let found = app.get(&format!("/v1/workspaces/{workspace}")).await.is(200).json();
    assert_eq!(found["kind"], "directory");
}

#[tokio::test]
async fn a_directory_that_is_recorded_takes_another_id_as_another_name() {
    let app = TestApp::new().await;
    let (one, two) = (app.directory("one"), app.directory("two"));
    // It is recorded by a session that works there.
    let before = json!({"agent": "scripted", "cwd": one, "id": "before", "start": false});
    let before = app.post("/v1/sessions", before).await.is(201).json();
    let first = &before["project"]["id"];
    let mine = json!({"path": one, "id": "mine", "title": "One"});
    let made = app.post("/v1/projects", mine.clone()).await.is(201).json();
    assert_eq!((&made["id"], &made["aliases"], &made["title"]), (first, &json!(["mine"]), &json!("One")));
    assert_eq!((&made["sessions"], &made["agents"]), (&json!(1), &json!(["scripted"])));
    assert_eq!(app.post("/v1/projects", mine).await.is(200).json(), made);
    app.post("/v1/projects", json!({"path": two, "id": "mine"})).await.problem(409, "conflict", None);
    // It names the directory wherever an id is asked for.
    let after = json!({"agent": "scripted", "project": "mine", "id": "after", "start": false});
    let after = app.post("/v1/sessions", after).await.is(201).json();
    assert_eq!(after["project"], before["project"]);
    assert_eq!(ids(&app, "?project=mine").await, ["after", "before"]);
    assert_eq!(ids(&app, &format!("?project={}", first.as_str().expect("an id"))).await, ["after", "before"]);
    for path in ["/v1/history?project=mine", "/v1/search?q=word&project=mine", "/v1/usage?project=mine"] {
        app.get(path).await.is(200);
    }
    let listed = app.get("/v1/projects").await.is(200).json();
    assert_eq!(
        (listed["items"].as_array().map(Vec::len), &listed["items"][0]["sessions"]),
        (Some(1), &json!(2))
    );
}
