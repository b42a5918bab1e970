//! The record holds what stdout held, in the same order, and what came in.

use serde_json::{Value, json};
use tenure_scripted::{Act, Entry};

use crate::driver::Scratch;

fn sent(record: &[Entry]) -> Vec<&tenure_scripted::Sent> {
    record
        .iter()
        .filter_map(|e| match &e.act {
            Act::Sent(sent) => Some(sent),
            _ => None,
        })
        .collect()
}

#[test]
fn every_line_of_stdout_is_recorded_once_and_in_order() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let init = agent.request("initialize", json!({"protocolVersion": 1}));
    let new = agent.request("session/new", json!({"cwd": scratch.work(""), "mcpServers": []}));
    let hello = agent.message();
    let opened = agent.message();
    let commands = agent.message();
    assert_eq!((&hello["id"], &opened["id"]), (&init, &new));
    let session = opened["result"]["sessionId"].as_str().unwrap().to_owned();

    let mut lines: Vec<Vec<u8>> = vec![];
    let id = agent.prompt(
        &session,
        json!([{"text": "a b c", "chunks": 3}, {"numbered": 200}, {"raw": "junk"}, {"huge": 70_000}, {"bench": 50}, {"ask": "Sure?"}]),
    );
    loop {
        let line = agent.line().unwrap();
        let message: Value = serde_json::from_slice(&line).unwrap_or_default();
        lines.push(line[..line.len() - 1].to_vec());
        if message["method"] == "session/request_permission" {
            agent.choose(&message, "reject_once");
        }
        if message["id"] == id && message.get("result").is_some() {
            break;
        }
    }
    agent.close_stdin();
    agent.exited();
    assert_eq!(agent.line(), None);

    let record = scratch.record();
    assert_eq!(record.iter().map(|e| e.n).collect::<Vec<_>>(), (1..=record.len() as u64).collect::<Vec<_>>());
    assert!(record.iter().all(|e| e.pid == agent.pid()));
    let sent = sent(&record);
    assert_eq!(sent.iter().map(|s| s.line).collect::<Vec<_>>(), (1..=sent.len() as u64).collect::<Vec<_>>());
    assert_eq!(sent.len(), 3 + lines.len());
    assert_eq!(sent[2].message.as_ref(), Some(&commands));
    for (sent, line) in sent[3..].iter().zip(&lines) {
        assert_eq!(sent.bytes, line.len());
        match (&sent.message, &sent.raw) {
            (Some(message), None) => assert_eq!(*message, serde_json::from_slice::<Value>(line).unwrap()),
            (None, Some(raw)) => assert_eq!(raw.as_bytes(), line),
            (None, None) => assert_eq!((sent.what.as_str(), sent.bytes), ("huge", 70_000)),
            both => panic!("{both:?}"),
        }
    }
}

#[test]
fn what_came_in_is_recorded_with_the_whole_prompt() {
    let scratch = Scratch::new();
    let mut agent = scratch.start(&[]);
    let session = agent.open();
    let text = format!("a long story: {}", "tale ".repeat(2000));
    let id = agent.prompt_text(&session, &text);
    agent.until_answer(&id);
    let id = agent.prompt(&session, json!([{"ask": "Sure?"}]));
    let ask = agent.until("session/request_permission");
    agent.choose(&ask, "allow_always");
    agent.until_answer(&id);
    agent.cancel(&session);
    agent.close_stdin();
    agent.exited();

    let acts: Vec<Act> =
        scratch.record().into_iter().map(|e| e.act).filter(|a| !matches!(a, Act::Sent(_))).collect();
    assert!(matches!(&acts[0], Act::Started { cwd, argv, .. } if !cwd.is_empty() && argv[1] == "--record"));
    let prompts: Vec<&String> = acts
        .iter()
        .filter_map(|a| match a {
            Act::Received { method: Some(m), text: Some(text), .. } if m == "session/prompt" => Some(text),
            _ => None,
        })
        .collect();
    assert_eq!(*prompts[0], text);
    let started = acts.iter().filter(|a| matches!(a, Act::TurnStarted { text: t, .. } if *t == text)).count();
    let ended = acts
        .iter()
        .filter(|a| matches!(a, Act::TurnEnded { stop_reason: Some(r), .. } if r == "end_turn"))
        .count();
    assert_eq!((started, ended), (1, 2));
    let answered = |a: &Act| {
        matches!(a, Act::Answered { id, outcome, option_id: Some(option), .. }
        if *id == ask["id"] && outcome == "selected" && option == "allow_always")
    };
    assert_eq!(acts.iter().filter(|a| answered(a)).count(), 1);
    assert!(acts.iter().any(|a| matches!(a, Act::Cancelled { by, .. } if by == "session/cancel")));
    assert_eq!(
        acts[acts.len() - 2..],
        [Act::StdinClosed { ignored: false }, Act::Exiting { code: Some(0), signal: None }]
    );
}

#[test]
fn two_processes_can_share_a_record() {
    let scratch = Scratch::new();
    let pids: Vec<u32> = (0..2)
        .map(|_| {
            let mut agent = scratch.start(&[]);
            agent.open();
            agent.close_stdin();
            agent.exited();
            agent.pid()
        })
        .collect();
    let record = scratch.record();
    for pid in pids {
        let numbers: Vec<u64> = record.iter().filter(|e| e.pid == pid).map(|e| e.n).collect();
        assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
    }
}
