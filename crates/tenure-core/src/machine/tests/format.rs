//! The stored form of a state. `states/1.json` was written by the first version and is never
//! changed: every later one must read it and go on from there. A later form gets a file of
//! its own beside it.

use serde_json::Value;
use tenure_api::RestartPolicy;
use tenure_event::{
    Decision, Delivery, McpServer, McpStatus, Scope, TaskStarted, Todo, TodoStatus, WaitReason,
};

use super::scenes::{end_turn, running_as};
use super::stage::{START, Stage};
use super::words::{decide, delivered, id, permission, says, spec, text, tool, waits};
use crate::agent::{AgentRequest, AskSignal, Signal, TaskSignal};
use crate::machine::{Machine, Spec, State};
use crate::{AnswerRequest, Request, UpdateRequest};

const FIRST: &str = include_str!("states/1.json");

/// A session in which as much as possible is going on.
fn busy() -> Stage {
    let mut stage = running_as(Spec {
        restart: RestartPolicy::on_crash(),
        turn_seconds: 600,
        idle_seconds: 1800,
        stall_seconds: 120,
        checkpoints: tenure_api::CheckpointMode::Manual,
        native_id_chosen: Some("n1".into()),
        ..spec()
    });
    end_turn(&mut stage);
    stage.send("b").expect("admitted");
    stage.ask(delivered("c", Delivery::Steer)).expect("admitted");
    let mut wish = super::words::admit("d", Delivery::Queue);
    (wish.model, wish.effort) = (Some("big".into()), Some("high".into()));
    stage.ask(Request::Admit(wish)).expect("admitted");
    let read = AgentRequest::FsRead { path: "/srv/project/a".into(), line: Some(1), limit: Some(2) };
    let other = AskSignal { input: Some(serde_json::json!({"command": "make"})), ..permission("p2") };
    stage.agent(vec![
        says("word"),
        Signal::ToolStarted(tool("t1")),
        Signal::Request { token: "1".into(), request: read },
        Signal::Task(TaskSignal::Started(TaskStarted {
            task_id: "k1".into(),
            kind: "shell".into(),
            title: "make".into(),
            tool_id: Some("t1".into()),
            background: true,
        })),
        Signal::Todos(vec![Todo {
            id: "1".into(),
            content: "write it".into(),
            status: TodoStatus::InProgress,
            priority: None,
        }]),
        Signal::Mcp(vec![McpServer {
            name: "files".into(),
            kind: Some("stdio".into()),
            status: McpStatus::Failed,
            error: Some("gone".into()),
            server_info: None,
            scope: None,
            tools: vec!["read".into()],
        }]),
        Signal::Ask(permission("p1")),
        Signal::Ask(other),
        waits(WaitReason::RateLimit),
    ]);
    let first = stage.state().asks.values().find(|o| o.token == "p1").expect("open").ask.id.clone();
    let allowed = AnswerRequest { scope: Scope::Session, ..decide(&first, Decision::Allow) };
    stage.ask(Request::Answer(allowed)).expect("answered");
    let update = UpdateRequest {
        title: Some(Some("A title".into())),
        tags: Some(vec!["x".into()]),
        metadata: Some([("k".to_owned(), Value::from(1))].into()),
        archived: Some(true),
        draft: Some("later".into()),
    };
    stage.ask(Request::Update(Box::new(update))).expect("updated");
    stage
}

#[test]
fn the_first_form_is_still_read_and_still_works() {
    let state: State = serde_json::from_str(FIRST).expect("the first form can be read");
    assert_eq!(state.queue.iter().map(|q| q.input_id.as_str()).collect::<Vec<_>>(), ["d"]);
    let turn = state.turn.as_ref().expect("a turn runs");
    assert_eq!((turn.inputs[0].input_id.as_str(), turn.steered[0].queued.input_id.as_str()), ("b", "c"));
    assert_eq!((state.asks.len(), state.rules.len(), state.tasks.len(), state.serving.len()), (1, 1, 1, 1));
    assert_eq!(super::words::axes(&state.axes()), "live/waiting permission");

    let mut stage = busy();
    stage.machine = Machine::from_state(state);
    stage.machine.hydrate(&id("d"), text("d"));
    stage.now = START.plus_millis(1000);
    stage.started();
    end_turn(&mut stage);
    assert_eq!(stage.axes(), "live/running");
    assert_eq!(stage.queue(), ["d"], "what was steered came first");
}

/// Nothing that was written once is written under another name today.
#[test]
fn no_field_is_renamed_or_dropped() {
    let first: Value = serde_json::from_str(FIRST).expect("JSON");
    let now = serde_json::to_value(busy().state()).expect("JSON");
    keeps("state", &first, &now);
}

fn keeps(path: &str, first: &Value, now: &Value) {
    match (first, now) {
        (Value::Object(first), Value::Object(now)) => {
            for (key, value) in first {
                let found = now.get(key).unwrap_or_else(|| panic!("{path}.{key} is not written any more"));
                keeps(&format!("{path}.{key}"), value, found);
            }
        }
        (Value::Array(first), Value::Array(now)) => {
            assert_eq!(first.len(), now.len(), "{path}");
            for (at, (first, now)) in first.iter().zip(now).enumerate() {
                keeps(&format!("{path}[{at}]"), first, now);
            }
        }
        (first, now) => assert_eq!(first, now, "{path}"),
    }
}

#[test]
fn fields_of_a_newer_version_are_passed_over() {
    let mut newer: Value = serde_json::from_str(FIRST).expect("JSON");
    newer["moon"] = Value::from("full");
    newer["turn"]["moon"] = Value::from("full");
    let read: State = serde_json::from_value(newer).expect("unknown fields are no error");
    assert_eq!(Some(read), serde_json::from_str(FIRST).ok());
}
