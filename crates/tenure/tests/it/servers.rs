//! `tenure mcp`: servers of a session that is at rest, whose next process gets them.

use crate::home::Home;

/// The names of the servers, with their types and states.
fn listed(home: &Home, session: &str) -> Vec<String> {
    let list = home.run(&["mcp", "ls", session, "--json"]).json();
    let word = |server: &serde_json::Value, name: &str| server[name].as_str().unwrap().to_owned();
    let line = |server| ["name", "type", "status"].map(|name| word(server, name)).join(" ");
    list["items"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn servers_are_added_changed_and_removed_one_by_one() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "a"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    let refused = home.run(&["mcp", "add", &session, "one", "--", "/nonexistent/server"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.err.contains("mcp_change") && refused.err.contains("suspend"), "{refused:?}");
    home.run(&["suspend", &session]).expect(0);
    let add = |words: &[&str]| home.run(&[&["mcp", "add", &session], words].concat());
    assert_eq!(
        add(&["one", "--env", "KEY=hidden-value-4711", "--", "/nonexistent/server"]).expect(0),
        "added one\n"
    );
    assert_eq!(
        add(&["a web", "--http", "http://127.0.0.1:1/mcp", "--header", "X-Key: v"]).expect(0),
        "added a web\n"
    );
    assert_eq!(add(&["old", "--sse", "http://127.0.0.1:1/sse"]).expect(0), "added old\n");
    assert_eq!(listed(&home, &session), ["a web http pending", "old sse pending", "one stdio pending"]);
    home.run(&["mcp", "disable", &session, "a web"]).expect(0);
    assert_eq!(home.run(&["mcp", "rm", &session, "old"]).expect(0), "removed old\n");
    assert_eq!(listed(&home, &session), ["a web http disabled", "one stdio pending"]);
    assert!(!home.run(&["logs", &session, "--json"]).expect(0).contains("hidden-value-4711"));
    assert_eq!(home.run(&["mcp", "rm", &session, "old"]).code, 3);
    for words in [&["two"][..], &["two", "--http", "u", "--sse", "u"], &["two", "--http", "u", "--", "x"]] {
        assert_eq!(add(words).code, 2, "{words:?}");
    }
    let neither = add(&["two"]).err;
    assert!(neither.contains("--http URL") && neither.contains("-- COMMAND"), "{neither}");
    let nameless = add(&["two", "--header", "no colon", "--http", "http://127.0.0.1:1/"]);
    assert!(nameless.code == 2 && nameless.err.contains("NAME: VALUE"), "{nameless:?}");
}
