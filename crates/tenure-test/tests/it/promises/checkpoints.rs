//! Files can be taken back to what they were, whoever ends the daemon in the middle.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tenure_scripted::script;
use tenure_test::daemon::{TestDaemon, TestSession};

/// Path → kind, mode and bytes.
type Picture = BTreeMap<PathBuf, (char, u32, Vec<u8>)>;

fn picture(root: &Path) -> Picture {
    let mut found = Picture::new();
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_owned();
            let mode = meta.permissions().mode() & 0o7777;
            if meta.is_symlink() {
                let target = std::fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                found.insert(name, ('l', 0, target));
            } else if meta.is_dir() {
                found.insert(name, ('d', mode, Vec::new()));
                dirs.push(path);
            } else {
                found.insert(name, ('f', mode, std::fs::read(&path).unwrap()));
            }
        }
    }
    found
}

async fn session(daemon: &TestDaemon, work: &Path, mode: &str) -> TestSession {
    let request = json!({"agent": "scripted", "cwd": work, "wait": "live", "checkpoints": {"mode": mode}});
    daemon.create(&request).await
}

fn files(to: &Value) -> Value {
    json!({"to": to, "scope": "files"})
}

/// What the session's last turn did is recorded.
async fn recorded(session: &TestSession, turns: usize) -> Value {
    let mut seen = 0;
    for n in 0.. {
        let after = |e: &Value| e["type"] == "checkpoint.created" && e["data"]["cause"] == "after";
        let event = session.wait_after(seen, "the checkpoint after a turn", after).await;
        seen = event["seq"].as_u64().unwrap();
        if n + 1 == turns {
            return event;
        }
    }
    unreachable!("there is no end to numbers")
}

#[tokio::test]
async fn a_turn_that_changed_every_kind_of_thing_is_taken_back_and_again() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let at = |name: &str| work.join(name);
    for (name, bytes) in [("text", "one\r\ntwo\r\n"), ("gone", "1"), ("moved", "2"), ("tool", "3")] {
        std::fs::write(at(name), bytes).unwrap();
    }
    std::fs::create_dir_all(at("empty/inside")).unwrap();
    std::fs::write(at(".gitignore"), "ignored\n").unwrap();
    let session = session(&daemon, &work, "auto").await;
    let before = picture(&work);
    let turn =
        script(&json!([{"write": "made/by-agent.txt", "text": "new"}, {"gate": "go"}, {"text": "done"}]));
    let first = session.send(&turn).await;
    session.wait_type("tool.completed").await;
    // All that happens in a turn counts as the turn's.
    std::fs::write(at("text"), "one\ntwo\n").unwrap();
    std::fs::remove_file(at("gone")).unwrap();
    std::fs::rename(at("moved"), at("moved-here")).unwrap();
    std::fs::set_permissions(at("tool"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::remove_dir_all(at("empty")).unwrap();
    symlink("text", at("empty")).unwrap();
    std::fs::write(at("ignored"), "not covered").unwrap();
    std::fs::write(at("go"), "").unwrap();
    session.turn_end(1).await;
    let event = recorded(&session, 1).await;
    // by-agent.txt, moved-here, go and the link are new; text and tool other; gone and moved gone.
    assert_eq!((&event["data"]["added"], &event["data"]["modified"]), (&json!(4), &json!(2)), "{event}");
    assert_eq!(event["data"]["deleted"], 2);
    let after = picture(&work);
    std::fs::write(at("by-person"), "mine").unwrap();

    let to = files(&first["input_id"]);
    let mut dry = to.clone();
    dry["dry_run"] = json!(true);
    let plan = session.post("/rewind", &dry).await.ok(200);
    assert_eq!((&plan["possible"], &plan["conflicts_total"]), (&json!(true), &json!(1)), "{plan}");
    assert_eq!(
        (&plan["conflicts"][0]["path"], &plan["conflicts"][0]["reason"]),
        (&json!("by-person"), &json!("not_ours"))
    );
    let with = |mut picture: Picture, name: &str, bytes: &str| {
        picture.insert(name.into(), ('f', 0o644, bytes.into()));
        picture
    };
    assert_eq!(picture(&work), with(after.clone(), "by-person", "mine"), "a plan changes nothing");
    let done = session.post("/rewind", &to).await.ok(200);
    assert_eq!((&done["files"], &done["conflicts"]), (&plan["files"], &plan["conflicts"]));
    let left = with(with(before, "by-person", "mine"), "ignored", "not covered");
    assert_eq!(picture(&work), left, "bit for bit, and nothing of anybody else");

    let undone = session.post("/rewind/undo", &json!({})).await.ok(200);
    assert_eq!(undone["conflicts_total"], 0, "{undone}");
    assert_eq!(picture(&work), with(after, "by-person", "mine"));
    session.post("/rewind/undo", &json!({})).await.problem(409, "conflict");
    assert_eq!(session.run("hello").await["outcome"], "completed", "the session goes on");
}

#[tokio::test]
async fn two_sessions_in_one_workspace_do_not_take_back_each_others_work() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let (one, two) = (session(&daemon, &work, "auto").await, session(&daemon, &work, "auto").await);
    let write = |name: &str, text: &str| script(&json!([{"write": name, "text": text}]));
    let first = one.run(&write("mine", "one")).await;
    one.run(&write("shared", "one")).await;
    recorded(&one, 2).await;
    two.run(&write("shared", "two")).await;
    two.run(&write("theirs", "two")).await;
    recorded(&two, 2).await;
    one.run(&write("shared", "one")).await;
    recorded(&one, 3).await;
    let turn = first["turn_id"].as_str().unwrap();
    let begun = one.events_of("input.started").await;
    let input = begun.iter().find(|e| e["data"]["turn_id"] == turn).unwrap()["data"]["input_id"].clone();
    let done = one.post("/rewind", &files(&json!({"input": input}))).await.ok(200);
    let conflicts: Vec<_> =
        done["conflicts"].as_array().unwrap().iter().map(|c| c["path"].as_str().unwrap()).collect();
    assert_eq!(conflicts, ["shared", "theirs"], "{done}");
    assert!(!work.join("mine").exists());
    assert_eq!(std::fs::read_to_string(work.join("shared")).unwrap(), "one");
}

#[tokio::test]
async fn while_a_turn_runs_nothing_is_taken_back() {
    let daemon = TestDaemon::start().await;
    let session = session(&daemon, &daemon.workdir(), "auto").await;
    let input = session.send(&script(&json!([{"gate": "never"}]))).await;
    session.wait_type("turn.started").await;
    let to = files(&json!(input["input_id"]));
    session.post("/rewind", &to).await.problem(409, "conflict");
    let first = session.get("/checkpoints").await["items"][0]["id"].clone();
    session.post("/rewind", &files(&first)).await.says(409, "busy", &["interrupt"]);
    session.verb("interrupt").await;
    session.post("/rewind", &files(&first)).await.ok(200);
}

const MANY: usize = 600;

/// The daemon is killed once some of the files are done, and started again. Returns whether it was in the middle.
async fn killed_when(daemon: &TestDaemon, some: impl Fn() -> usize) -> bool {
    let deadline = tokio::time::Instant::now() + tenure_test::daemon::PATIENCE;
    while some() == 0 {
        assert!(tokio::time::Instant::now() < deadline, "nothing begins");
        tokio::task::yield_now().await;
    }
    daemon.kill_9();
    let done = some();
    daemon.restart().await;
    done < MANY
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_in_the_middle_of_rewind_and_undo_finishes_them() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    let name = |n: usize| work.join(format!("f{n:04}"));
    for n in 0..MANY {
        std::fs::write(name(n), "before").unwrap();
    }
    let session = session(&daemon, &work, "auto").await;
    let input = session.send(&script(&json!([{"gate": "go"}]))).await;
    session.wait_type("turn.started").await;
    for n in 0..MANY {
        std::fs::write(name(n), "after").unwrap();
    }
    std::fs::write(work.join("go"), "").unwrap();
    recorded(&session, 1).await;
    let count = |text: &'static str| {
        (0..MANY).filter(|n| std::fs::read_to_string(name(*n)).is_ok_and(|t| t == text)).count()
    };
    let steps = [
        ("/rewind", files(&input["input_id"]), "before", "rewind.completed"),
        ("/rewind/undo", json!({}), "after", "rewind.undone"),
    ];
    for (path, body, state, event) in steps {
        let (asking, asked) = (daemon.session(&session.id), body.clone());
        // Its answer is lost with the daemon.
        let request = tokio::spawn({
            let path = asking.path(path);
            let daemon = daemon.clone();
            async move { daemon.try_request("POST", &path, &asked, &[]).await.is_ok() }
        });
        let middle = killed_when(&daemon, || count(state)).await;
        let _ = request.await;
        let end = session.wait_type(event).await;
        assert_eq!(
            (&end["data"]["files_total"], &end["data"]["conflicts_total"]),
            (&json!(MANY + 1), &json!(0)),
            "in the middle: {middle}, {end}"
        );
        assert_eq!(count(state), MANY, "in the middle: {middle}");
        let left: Vec<_> = std::fs::read_dir(&work).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.iter().all(|n| !n.to_string_lossy().starts_with(".tenure")), "{left:?}");
        assert_eq!(session.events_of(event).await.len(), 1);
    }
    assert_eq!(session.run("hello").await["outcome"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_killed_while_files_are_recorded_takes_the_turn_up_again() {
    let daemon = TestDaemon::start().await;
    let work = daemon.workdir();
    for n in 0..MANY {
        std::fs::write(work.join(format!("f{n:04}")), vec![b'x'; 20_000]).unwrap();
    }
    let session = session(&daemon, &work, "auto").await;
    let store = daemon.home().join("checkpoints");
    session.send("hello").await;
    let begun = || {
        let stores = std::fs::read_dir(&store).into_iter().flatten().flatten();
        stores.filter(|s| std::fs::read_dir(s.path().join("packs")).is_ok_and(|d| d.count() > 0)).count()
    };
    killed_when(&daemon, begun).await;
    session.turn_end(1).await;
    recorded(&session, 1).await;
    let checkpoints = session.get("/checkpoints").await;
    let causes: Vec<_> =
        checkpoints["items"].as_array().unwrap().iter().map(|c| c["cause"].clone()).collect();
    assert_eq!(causes, ["after", "before"], "{checkpoints}");
    assert_eq!(checkpoints["items"][0]["files"], json!(MANY));
    assert_eq!(checkpoints["items"][0]["tree"], checkpoints["items"][1]["tree"]);
}

#[tokio::test]
async fn a_directory_that_is_too_large_is_recorded_only_on_request() {
    let setup = TestDaemon::setup().config("[checkpoints]\nmax_files = 3\nkeep = 5");
    let daemon = setup.start().await;
    let work = daemon.workdir();
    for n in 0..4 {
        std::fs::write(work.join(format!("f{n}")), "").unwrap();
    }
    let session = session(&daemon, &work, "auto").await;
    session.run("one").await;
    session.run("two").await;
    let warnings = session.events_of("warning.raised").await;
    let stopped: Vec<_> = warnings.iter().filter(|w| w["data"]["code"] == "checkpoints_stopped").collect();
    assert_eq!(stopped.len(), 1, "{warnings:?}");
    assert_eq!(session.get("/checkpoints").await["items"], json!([]));
    let made = session.post("/checkpoints", &json!({"label": "by hand"})).await.ok(201);
    assert_eq!((&made["files"], &made["restorable"]), (&json!(4), &json!(true)));
}
