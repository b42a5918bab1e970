//! Checkpoints and rewinds as a person sees them.

use crate::home::{Home, prompt};

#[test]
fn a_turn_is_listed_compared_taken_back_and_brought_back() {
    let home = Home::new();
    home.up();
    std::fs::write(home.work("notes"), "one\n").unwrap();
    let session = home.session(r#"[{"text": "hi"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    assert!(home.run(&["checkpoint", &session]).err.contains("no checkpoint yet"));
    let made = home.run(&["checkpoint", &session, "create", "it works", "--json"]).json();
    let id = made["id"].as_str().unwrap();
    home.run_with(&["send", "--wait", &session, "-"], &prompt(r#"[{"write": "notes", "text": "two\n"}]"#))
        .expect(0);
    let list = home.run(&["checkpoint", &session]);
    assert!(list.expect(0).contains("asked for: it works"), "{list:?}");
    let diff = home.run(&["checkpoint", &session, "diff", "last", "--since"]);
    assert!(diff.expect(0).contains("modified notes") && diff.out.contains("-one\n  +two"), "{diff:?}");

    // No turn is known to have done it: checkpoints are taken only on request here.
    let plan = home.run(&["rewind", &session, id, "--files", "--dry-run"]);
    let text = plan.expect(0);
    assert!(text.contains("nothing would be taken back") && text.contains("1 conflict, left"), "{text}");
    assert!(text.contains("no turn that was recorded changed it") && text.contains("ignore rules"), "{text}");
    let done = home.run(&["checkpoint", &session, "restore", &id[..24], "--force"]);
    assert!(done.expect(0).contains("took back 1 path (+1 −1)") && done.out.contains("--undo"), "{done:?}");
    assert_eq!(std::fs::read_to_string(home.work("notes")).unwrap(), "one\n");
    let undone = home.run(&["rewind", "--undo", &session, "--json"]).json();
    assert_eq!(undone["files"][0]["path"], "notes");
    assert_eq!(std::fs::read_to_string(home.work("notes")).unwrap(), "two\n");

    let both = home.run(&["rewind", &session, id]);
    assert_eq!(both.code, 1);
    assert!(both.err.contains("`rewind`") && both.err.contains("--files"), "{both:?}");
    assert_eq!(home.run(&["rewind", &session, "nothing", "--files"]).code, 3);
    assert_eq!(home.run(&["checkpoint", &session, "diff", "nothing"]).code, 3);
    assert_eq!(home.run(&["rewind", "--undo", &session]).code, 1, "it was undone already");
    assert_eq!(home.run(&["rewind", &session]).code, 2);
}

#[test]
fn a_session_without_checkpoints_says_how_to_get_one() {
    let home = Home::new();
    std::fs::create_dir(home.path("home")).unwrap();
    std::fs::write(home.path("home").join("config.toml"), "[checkpoints]\nmode = \"manual\"\n").unwrap();
    home.up();
    let session = home.session(r#"[{"text": "a"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    let none = home.run(&["checkpoint", &session]);
    assert!(none.err.contains(&format!("`tenure checkpoint {session} create`")), "{none:?}");
    assert!(none.err.contains("in the mode auto"), "{none:?}");
}
