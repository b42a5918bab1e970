//! `ls`, `show`, `rm`, `ps`, `agents`, `token`, `doctor`.

use serde_json::Value;

use crate::home::Home;

#[test]
fn sessions_are_listed_named_and_removed() {
    let home = Home::new();
    home.up();
    assert_eq!(home.run(&["ls"]).expect(0), "");
    let one = home.session(r#"[{"text": "a"}]"#, &["--title", "the first", "--tag", "x"]);
    let two = home.session(r#"[{"text": "b"}]"#, &["--title", "twin"]);
    let three = home.session(r#"[{"text": "c"}]"#, &["--title", "twin"]);
    let table = home.run(&["ls"]);
    assert!(table.expect(0).starts_with("ID "), "{table:?}");
    assert_eq!(table.out.lines().count(), 4);
    let tagged = home.run(&["ls", "--tag", "x", "--json"]).json();
    assert_eq!(tagged["items"].as_array().unwrap().len(), 1);
    assert_eq!(tagged["items"][0]["id"], one.as_str());

    let show = home.run(&["show", "the first"]);
    assert!(show.expect(0).contains(&one) && show.out.contains("the first"), "{show:?}");
    assert_eq!(home.run(&["show", &one[..one.len() - 4], "--json"]).json()["title"], "the first");
    let ambiguous = home.run(&["show", "twin"]);
    assert_eq!(ambiguous.code, 2, "{ambiguous:?}");
    assert!(ambiguous.err.contains(&two) && ambiguous.err.contains(&three), "{ambiguous:?}");
    let none = home.run(&["show", "nothing"]);
    assert_eq!((none.code, none.out.as_str()), (3, ""), "{none:?}");
    assert!(none.err.contains("tenure ls"), "{none:?}");

    home.run(&["rm", &two, &three]).expect(0);
    assert_eq!(home.run(&["ls", "--json"]).json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(home.run(&["send", &two, "hi"]).code, 3, "a destroyed session takes nothing");
    assert_eq!(home.run(&["show", &two, "--json"]).json()["lifecycle"], "destroyed");
}

#[test]
fn processes_are_listed_and_reaped() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "a"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    let running = home.run(&["ps", "--json"]).json();
    let agent =
        running["items"].as_array().unwrap().iter().find(|p| p["session_id"] == session.as_str()).unwrap();
    assert_eq!((agent["kind"].as_str(), agent["state"].as_str()), (Some("agent"), Some("running")));
    assert!(home.run(&["ps"]).expect(0).contains("running"));
    home.run(&["close", &session]).expect(0);
    let reaped = home.run(&["ps", "--reap", "--json"]).json();
    assert_eq!(reaped["items"].as_array().unwrap().len(), 1, "{reaped}");
    assert_eq!(home.run(&["ps", "--reap", "--json"]).json()["items"].as_array().unwrap().len(), 0);
}

#[test]
fn agents_say_where_they_were_looked_for() {
    let home = Home::new();
    home.up();
    let agents = home.run(&["agents", "--json"]).json();
    let all = agents["items"].as_array().unwrap();
    let scripted = all.iter().find(|a| a["name"] == "scripted").unwrap();
    assert_eq!(scripted["installed"], true);
    let claude = all.iter().find(|a| a["name"] == "claude").unwrap();
    assert_eq!(claude["installed"], false, "nothing is installed in a scratch home");
    let words = home.run(&["agents"]);
    assert!(
        words.expect(0).contains("Not installed")
            && words.out.contains("GET IT")
            && words.out.contains("looked in "),
        "{words:?}"
    );
}

#[test]
fn a_narrow_token_may_not_do_what_it_is_not_for() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "a"}]"#, &[]);
    let token = home.run(&["token", "add", "reader", "--scope", "read"]);
    let token = token.expect(0).trim();
    assert!(home.run(&["token", "ls"]).expect(0).contains("reader"));
    let text = std::fs::read_to_string(home.path("home").join("daemon.json")).unwrap();
    let url = serde_json::from_str::<Value>(&text).unwrap()["url"].as_str().unwrap().to_owned();
    let remote = |args: &[&str], token: &str| {
        let mut all = args.to_vec();
        all.extend(["--url", &url, "--token", token]);
        home.run(&all)
    };
    assert!(remote(&["show", &session], token).expect(0).contains(&session));
    let refused = remote(&["send", &session, "hi"], token);
    assert_eq!(refused.code, 5, "{refused:?}");
    assert_eq!(remote(&["ls"], "wrong").code, 5);
    let own = home.run(&["token"]);
    remote(&["send", &session, "hi"], own.expect(0).trim()).expect(0);
    home.run(&["token", "rm", "reader"]).expect(0);
    assert_eq!(remote(&["ls"], token).code, 5);
    assert_eq!(home.run(&["token", "rm", "reader"]).code, 3);
}

#[test]
fn the_doctor_starts_nothing_and_sees_what_is_wrong() {
    let home = Home::new();
    let done = home.run(&["doctor", "--json"]);
    let report = done.json();
    let name = |report: &Value, name: &str| {
        report["checks"].as_array().unwrap().iter().find(|c| c["name"] == name).cloned().unwrap()
    };
    assert!(name(&report, "daemon")["found"].as_str().unwrap().contains("not running"));
    assert!(!home.path("home").exists());
    home.up();
    let well = home.run(&["doctor"]);
    assert!(well.expect(0).contains("✓ daemon"), "{well:?}");
    std::fs::write(home.path("home").join("config.toml"), "[agents]\nx = 7\n").unwrap();
    let ill = home.run(&["doctor", "--json"]);
    assert_eq!(ill.code, 1);
    std::fs::write(home.path("home").join("config.toml"), "default_agent = \"clod\"\n").unwrap();
    let unknown = name(&home.run(&["doctor", "--json"]).json(), "config").to_string();
    assert!(unknown.contains("no agent `clod`") && unknown.contains("known are: claude, codex"), "{unknown}");
    std::fs::write(home.path("home").join("config.toml"), "[agents]\nx = 7\n").unwrap();
    assert_eq!(name(&ill.json(), "config")["grade"], "wrong");
}

#[test]
fn an_agents_own_commands_are_listed_and_run() {
    let home = Home::new();
    home.up();
    home.run(&["run", "-a", "scripted", "--title", "handy", "one"]).expect(0);
    let listed = home.run(&["commands", "handy"]);
    let listed = listed.expect(0);
    assert!(
        listed.contains("echo") && listed.contains("what to say") && listed.contains("Say something back")
    );
    let told = home.run(&["commands", "handy", "--json"]).json();
    assert_eq!(told[0]["name"], "echo", "{told}");
    let ran = home.run(&["commands", "handy", "echo", "round here"]);
    assert!(ran.expect(0).contains("round here"), "{ran:?}");
    let none = home.run(&["commands", "handy", "dance"]);
    assert_eq!(none.code, 3, "{none:?}");
    assert!(none.err.contains("`dance`"), "{none:?}");
}

#[test]
fn a_session_at_its_limit_says_so_and_what_raises_it() {
    let home = Home::new();
    home.up();
    home.run(&["run", "-a", "scripted", "--title", "short", "--max-turns", "1", "one"]).expect(0);
    home.run(&["send", "short", "two"]).expect(0);
    home.wait_for("short", "session.suspended");
    let listed = home.run(&["ls"]);
    assert!(listed.expect(0).contains(" limit "), "{listed:?}");
    let shown = home.run(&["show", "short"]);
    let shown = shown.expect(0);
    assert!(shown.contains("its limit of turns is reached") && shown.contains("tenure config"), "{shown}");
}

#[test]
fn what_a_list_or_a_hint_names_can_be_typed() {
    let home = Home::new();
    home.up();
    let begun = home.run(&["run", "-d", "-a", "scripted", "--tag", "x", "one"]);
    let one = begun.expect(0).trim();
    assert!(begun.err.contains(&format!("tenure attach {one}")), "{begun:?}");
    // These begin within the same minute, and so do their ids.
    for _ in 0..3 {
        home.run(&["run", "-d", "-a", "scripted", "others"]).expect(0);
    }
    let listed = home.run(&["ls", "--tag", "x"]);
    let short = listed.expect(0).lines().nth(1).unwrap().split(' ').next().unwrap();
    assert!(home.run(&["show", short]).expect(0).contains(one), "{listed:?}");

    let projects = home.run(&["projects"]);
    let project = projects.expect(0).lines().nth(1).unwrap().split(' ').next().unwrap();
    std::fs::create_dir(home.work("below")).unwrap();
    for name in [project, &project[4..], ".", "below/..", "../work/"] {
        for args in [vec!["history", name], vec!["usage", "--project", name]] {
            home.run(&args).expect(0);
        }
        let found = home.run(&["search", "--project", name, "no-such-word"]);
        assert!(found.code == 1 && found.err.contains("nothing was found"), "{name}: {found:?}");
    }
    assert_eq!(home.run(&["history", "prj_ffff"]).code, 3);
    assert_eq!(home.run(&["history", "below"]).code, 3);
}

#[test]
fn a_list_that_is_empty_says_why() {
    let home = Home::new();
    home.up();
    assert!(home.run(&["ls"]).err.contains("`tenure run"));
    home.run(&["run", "-d", "-a", "scripted", "one"]).expect(0);
    let none = home.run(&["ls", "-a", "nosuch"]);
    assert!(none.code == 0 && none.err.contains("no session matches"), "{none:?}");
    let elsewhere = home.run(&["ls", "-C", "/"]);
    assert!(elsewhere.err.contains("no session matches"), "{elsewhere:?}");
}

#[test]
fn kinds_of_events_and_positions_that_there_are_not_are_named() {
    let home = Home::new();
    home.up();
    let session = home.session(r#"[{"text": "a"}]"#, &[]);
    home.wait_for(&session, "turn.completed");
    let typo = home.run(&["logs", &session, "--types", "turn.completd"]);
    assert!(typo.code == 2 && typo.err.contains("turn.completed"), "{typo:?}");
    let late = home.run(&["logs", &session, "--after", "99999"]);
    assert!(late.code == 1 && late.err.contains("it ends at "), "{late:?}");
}
