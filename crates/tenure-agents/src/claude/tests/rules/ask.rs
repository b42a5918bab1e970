//! Rules: requests to a person.

use serde_json::{Value, json};
use tenure_core::agent::{Signal, StartRecord};
use tenure_event::AskKind;

use super::{call, returned};
use crate::claude::tests::Fed;
use crate::laws::start_record;

#[test]
fn asks_by_kind() {
    let ask = |record: StartRecord, request: Value| {
        let frame = json!({"type": "control_request", "request_id": "r", "request": request});
        match Fed::new(record).frame(frame).pop() {
            Some(Signal::Ask(ask)) => ask,
            other => panic!("{other:?}"),
        }
    };
    let rule = json!({"type": "addRules", "rules": [{"toolName": "Bash", "ruleContent": "ls"}], "behavior": "allow", "destination": "localSettings"});
    let directory = json!({"type": "addDirectories", "directories": ["/x"], "destination": "session"});
    let mode = json!({"type": "setMode", "mode": "acceptEdits", "destination": "session"});
    let bash = |suggestions: Value| json!({"subtype": "can_use_tool", "tool_name": "Bash", "input": {"command": "ls"}, "permission_suggestions": suggestions});
    let told = ask(start_record(), bash(json!([rule, directory, mode])));
    assert_eq!((told.kind, told.can_always), (AskKind::Permission, true));
    assert_eq!(told.keep["suggestions"], json!([rule]), "the rule alone");
    let told = ask(start_record(), bash(json!([mode])));
    assert_eq!(told.keep["suggestions"], json!([mode]), "the mode only where nothing narrower is offered");
    assert!(!ask(start_record(), bash(json!([]))).can_always);
    let mut suppressed = bash(json!([rule]));
    suppressed["suppress_always_allow_rule"] = json!(true);
    assert!(!ask(start_record(), suppressed).can_always);
    let untrusted = || StartRecord { project_trusted: false, ..start_record() };
    let told = ask(untrusted(), bash(json!([rule, directory])));
    assert!(!told.can_always, "the project's settings are not written");
    assert!(told.options.iter().all(|option| option.id != "always"));
    assert_eq!(told.keep.get("suggestions"), None);
    assert!(ask(untrusted(), bash(json!([directory]))).can_always, "what ends with the session may be given");
    let plan = ask(
        start_record(),
        json!({"subtype": "can_use_tool", "tool_name": "ExitPlanMode", "input": {"plan": "1. do it"}, "requires_user_interaction": true}),
    );
    assert_eq!(
        (plan.kind, plan.can_always, plan.input.unwrap()),
        (AskKind::Plan, false, json!({"plan": "1. do it"}))
    );
    let form = ask(
        start_record(),
        json!({"subtype": "elicitation", "mcp_server_name": "s", "message": "who?", "requested_schema": {"a": 1}}),
    );
    assert_eq!((form.kind, form.title.as_str()), (AskKind::Elicitation, "s: who?"));
}

#[test]
fn a_plan_is_shown_with_what_was_written_down_and_answered_without() {
    let mut fed = Fed::ready();
    fed.frame(json!({"type": "system", "subtype": "status", "status": null, "permissionMode": "plan"}));
    fed.frame(call("m1", "w", "Write", &json!({"file_path": "/home/dev/.claude/plans/x.md"})));
    let mut written = returned("w", &json!("ok"), false);
    written["tool_use_result"] =
        json!({"type": "create", "filePath": "/home/dev/.claude/plans/x.md", "content": "1. do it"});
    fed.frame(written);
    let ask = json!({"type": "control_request", "request_id": "r", "request": {"subtype": "can_use_tool",
        "tool_name": "ExitPlanMode", "input": {}, "tool_use_id": "p", "requires_user_interaction": true}});
    let Some(Signal::Ask(told)) = fed.frame(ask.clone()).pop() else { panic!("no ask") };
    assert_eq!(told.input, Some(json!({"plan": "1. do it"})));
    assert_eq!(told.keep["input"], json!({}));
    // What the call itself says goes first.
    fed.frame(call("m2", "p", "ExitPlanMode", &json!({"plan": "2. do that"})));
    let Some(Signal::Ask(told)) = fed.frame(ask).pop() else { panic!("no ask") };
    assert_eq!(told.input, Some(json!({"plan": "2. do that"})));
}

#[test]
fn what_a_subagent_asks_comes_with_the_subagents_that_led_to_it() {
    let mut fed = Fed::ready();
    let started = |task: &str, tool: &str| json!({"type": "system", "subtype": "task_started", "task_id": task, "tool_use_id": tool, "task_type": "local_agent", "is_backgrounded": false});
    fed.frame(call("m1", "t1", "Agent", &json!({})));
    fed.frame(started("outer", "t1"));
    let mut inner = call("m2", "t2", "Agent", &json!({}));
    inner["parent_tool_use_id"] = json!("t1");
    fed.frame(inner);
    fed.frame(started("inner", "t2"));
    let mut path = |request: Value| {
        let frame = json!({"type": "control_request", "request_id": "r", "request": request});
        match fed.frame(frame).pop() {
            Some(Signal::Ask(ask)) => ask.path,
            other => panic!("{other:?}"),
        }
    };
    let bash = |agent: Value| json!({"subtype": "can_use_tool", "tool_name": "Bash", "input": {}, "agent_id": agent});
    assert_eq!(path(bash(Value::Null)), Vec::<String>::new());
    assert_eq!(path(bash(json!("outer"))), ["outer"]);
    assert_eq!(path(bash(json!("inner"))), ["outer", "inner"]);
    assert_eq!(path(bash(json!("unheard"))), ["unheard"]);
    let form =
        json!({"subtype": "elicitation", "mcp_server_name": "s", "message": "who?", "agent_id": "inner"});
    assert_eq!(path(form), ["outer", "inner"]);
}
