//! The flags of the process, and its end.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;
use serde_json::json;
use tenure_scripted::Act;

use crate::driver::Scratch;

#[test]
fn stdin_s_end_ends_the_process_even_within_a_turn() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    agent.prompt(&session, json!([{"text": "go"}, {"gate": "never"}]));
    agent.until("agent_message_chunk");
    agent.close_stdin();
    assert_eq!(agent.exited().code(), Some(0));
    assert_eq!(scratch.record().last().unwrap().act, Act::Exiting { code: Some(0), signal: None });
}

#[test]
fn ignore_eof_works_on_until_it_is_told_otherwise() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--ignore-eof"]);
    let session = agent.open();
    let id = agent.prompt(&session, json!([{"gate": "gate"}, {"text": "still here"}]));
    agent.close_stdin();
    scratch.wait_record(|e| matches!(e.act, Act::StdinClosed { ignored: true }).then_some(()));
    std::fs::write(scratch.work("gate"), "").unwrap();
    assert_eq!(agent.until_answer(&id).said(), "still here");
    agent.signal(Signal::TERM);
    assert_eq!(agent.exited().signal(), Some(15));
}

#[test]
fn ignore_term_only_notes_the_signal() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--ignore-term"]);
    let session = agent.open();
    agent.signal(Signal::TERM);
    scratch.wait_record(|e| {
        matches!(&e.act, Act::Signalled { signal, ignored: true } if signal == "SIGTERM").then_some(())
    });
    assert_eq!(agent.turn(&session, json!([{"text": "alive"}])).said(), "alive");
    agent.signal(Signal::INT);
    assert_eq!(agent.exited().signal(), Some(2));
}

#[test]
fn fail_start_says_why_before_the_handshake() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--fail-start", "no licence found"]);
    assert_eq!(agent.exited().code(), Some(3));
    assert_eq!(agent.stderr(), "no licence found\n");
    assert_eq!(agent.line(), None);
}

#[test]
fn a_flag_that_is_not_known_is_bad_usage() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--nonsense"]);
    assert_eq!(agent.exited().code(), Some(2));
    assert!(agent.stderr().starts_with("unknown flag --nonsense"));
}

#[test]
fn garbage_comes_before_the_handshake() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--garbage-start", "--slow-start", "1"]);
    let id = agent.request("initialize", json!({"protocolVersion": 1}));
    let noise: Vec<_> = (0..5).map(|_| agent.line().unwrap()).collect();
    assert_eq!(noise[1], b"\n");
    assert!(std::str::from_utf8(&noise[3]).is_err());
    assert!(noise.iter().all(|line| {
        serde_json::from_slice::<serde_json::Value>(line).map_or(true, |v| v.get("id").is_none())
    }));
    assert_eq!(agent.message()["id"], id);
}

#[test]
fn without_login_there_is_no_session() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--auth-required"]);
    let hello = agent.initialize();
    let params = json!({"cwd": scratch.work(""), "mcpServers": []});
    assert_eq!(agent.call("session/new", params.clone())["error"]["code"], -32000);
    let method = &hello["authMethods"][0]["id"];
    assert_eq!(agent.call("authenticate", json!({"methodId": "other"}))["error"]["code"], -32602);
    assert_eq!(agent.call("authenticate", json!({"methodId": method})), json!({}));
    assert!(agent.call("session/new", params)["sessionId"].is_string());
}

#[test]
fn the_protocol_number_can_be_wrong() {
    for (flag, answer) in [("7", json!(7)), ("echo", json!(2))] {
        let scratch = Scratch::new();
        let mut agent = scratch.start(&["--protocol", flag]);
        assert_eq!(agent.call("initialize", json!({"protocolVersion": 2}))["protocolVersion"], answer);
    }
}

#[test]
fn load_resume_and_steering_can_be_missing() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--no-load", "--no-resume", "--no-steering"]);
    let hello = agent.initialize();
    assert_eq!(hello["agentCapabilities"]["loadSession"], false);
    assert!(hello["agentCapabilities"]["sessionCapabilities"].get("resume").is_none());
    assert!(hello.get("_meta").is_none());
    for method in ["session/load", "session/resume", "_session/steering"] {
        assert_eq!(agent.call(method, json!({}))["error"]["code"], -32601, "{method}");
    }
}

#[test]
fn no_message_has_an_id_if_the_agent_gives_none() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&["--no-message-id"]);
    let session = agent.open();
    let turned = agent.turn(&session, json!([{"text": "a", "chunks": 1}, {"flood": 1}, {"think": "b"}]));
    assert_eq!(turned.updates().len(), 3);
    assert!(turned.updates().iter().all(|u| u.get("messageId").is_none()));
}

#[test]
fn the_environment_does_what_flags_do() {
    let scratch = Scratch::new();
    let record = scratch.record_path();
    let env = [("TENURE_SCRIPTED_RECORD", record.to_str().unwrap()), ("TENURE_SCRIPTED_PROTOCOL", "9")];
    let mut agent = scratch.start_with(&[], &env);
    assert_eq!(agent.initialize()["protocolVersion"], 9);
    assert!(!scratch.record().is_empty());
}
