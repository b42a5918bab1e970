//! One table per rule, for what the recordings do not show.

use serde_json::{Value, json};
use tenure_core::agent::{
    Codec, McpServerSpec, McpTransport, ResumeHow, Signal, StartRecord, TurnEnd, TurnVerdict,
};
use tenure_event::{AskKind, PartBody, TodoStatus, ToolKind, ToolState, WaitReason};

use super::super::tools;
use super::{Fed, start_record};

fn end_of(signals: &[Signal]) -> TurnEnd {
    let mut ends = signals.iter().filter_map(|signal| match signal {
        Signal::TurnEnded(end) => Some(end.clone()),
        _ => None,
    });
    let end = ends.next().expect("a turn ended");
    assert!(ends.next().is_none(), "one turn ended");
    end
}

fn init(inputs: Option<&[&str]>) -> Value {
    let mut frame = json!({"type": "system", "subtype": "init", "model": "m", "permissionMode": "default"});
    if let Some(inputs) = inputs {
        frame["user_message_uuids"] = json!(inputs);
    }
    frame
}

fn lifecycle(input: &str, state: &str) -> Value {
    json!({"type": "command_lifecycle", "command_uuid": input, "state": state})
}

fn result(fields: Value) -> Value {
    let mut frame = json!({"type": "result", "subtype": "success", "is_error": false});
    for (key, value) in fields.as_object().unwrap() {
        frame[key] = value.clone();
    }
    frame
}

fn call(message: &str, tool_id: &str, tool: &str, input: &Value) -> Value {
    json!({"type": "assistant", "uuid": format!("u-{tool_id}"), "message": {"id": message, "model": "m",
        "content": [{"type": "tool_use", "id": tool_id, "name": tool, "input": input}]}})
}

fn returned(tool_id: &str, content: &Value, is_error: bool) -> Value {
    json!({"type": "user", "message": {"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": tool_id, "content": content, "is_error": is_error}]}})
}

#[test]
fn verdicts() {
    let failed = |code: &str| format!("failed {code}");
    let cases = [
        (json!({}), "finished".to_owned()),
        (json!({"stop_reason": "refusal"}), "finished".to_owned()),
        (json!({"terminal_reason": "aborted_streaming"}), "cancelled".to_owned()),
        (json!({"is_error": true, "api_error_status": 401}), failed("auth_required")),
        (json!({"is_error": true, "api_error_status": 403}), failed("auth_required")),
        (
            json!({"is_error": true, "result": "Not logged in · Please run /login", "terminal_reason": "api_error"}),
            failed("auth_required"),
        ),
        (json!({"is_error": true, "api_error_status": 429}), failed("rate_limited")),
        (json!({"is_error": true, "api_error_status": 529}), failed("overloaded")),
        (json!({"is_error": true, "api_error_status": 500}), failed("model_error")),
        (
            json!({"is_error": true, "api_error_status": 400, "terminal_reason": "prompt_too_long"}),
            failed("context_full"),
        ),
        (json!({"is_error": true, "terminal_reason": "api_error"}), failed("model_error")),
        (json!({"is_error": true}), failed("agent_error")),
        (
            json!({"subtype": "error_during_execution", "terminal_reason": "aborted_tools", "is_error": true}),
            "cancelled".to_owned(),
        ),
        (
            json!({"subtype": "error_during_execution", "is_error": true, "errors": ["boom"]}),
            failed("agent_error"),
        ),
        (json!({"subtype": "error_during_execution"}), failed("agent_error")),
        (json!({"subtype": "error_max_turns", "is_error": true}), "limit turns".to_owned()),
        (json!({"subtype": "error_max_budget_usd", "is_error": true}), "limit budget".to_owned()),
        (json!({"subtype": "error_of_tomorrow"}), failed("agent_error")),
        (json!({"subtype": 5, "is_error": "yes"}), "finished".to_owned()),
    ];
    for (fields, expected) in cases {
        let mut fed = Fed::ready();
        let end = end_of(&fed.frame(result(fields.clone())));
        let told = match end.verdict {
            TurnVerdict::Finished => "finished".to_owned(),
            TurnVerdict::Cancelled => "cancelled".to_owned(),
            TurnVerdict::Limit(limit) => format!("limit {limit}"),
            TurnVerdict::Failed(error) => {
                assert!(!error.message.is_empty());
                failed(&error.code)
            }
        };
        assert_eq!(told, expected, "{fields}");
    }
}

/// The notice in place of a message tells the kind of error that the result leaves out.
#[test]
fn an_error_notice_is_no_message_and_gives_the_result_its_code() {
    let notice = |parent: Value| {
        json!({"type": "assistant", "is_api_error_message": true, "error": "rate_limit", "parent_tool_use_id": parent,
            "message": {"id": "x", "model": "<synthetic>", "content": [{"type": "text", "text": "API Error: slow down"}]}})
    };
    let mut fed = Fed::ready();
    assert!(fed.frame(notice(Value::Null)).is_empty());
    let end = end_of(&fed.frame(result(json!({"is_error": true, "result": "API Error: slow down"}))));
    assert!(matches!(end.verdict, TurnVerdict::Failed(error) if error.code == "rate_limited"));
    let end = end_of(&fed.frame(result(json!({"is_error": true}))));
    assert!(
        matches!(end.verdict, TurnVerdict::Failed(error) if error.code == "agent_error"),
        "it is not kept"
    );
    let told = fed.frame(notice(json!("toolu_agent")));
    assert!(matches!(&told[..], [Signal::Warning { code, .. }] if code == "rate_limited"), "{told:?}");
}

#[test]
fn usage_and_cost_of_a_turn() {
    let used = |n: u64, cost: f64| {
        json!({"m": {"inputTokens": n, "outputTokens": 1, "thinkingTokens": 1,
        "cacheReadInputTokens": 2, "cacheCreationInputTokens": 3, "costUSD": cost}})
    };
    let mut fed = Fed::ready();
    let end = end_of(
        &fed.frame(result(json!({"total_cost_usd": 9.0, "model_usage_since_last_result": used(5, 0.25)}))),
    );
    let usage = end.usage.unwrap();
    let counts = (
        usage.input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    );
    assert_eq!(counts, (5, 1, 1, 2, 3));
    assert_eq!(end.cost_usd, Some(0.25), "not the total");
    // Older versions tell the total alone.
    let cost = |fed: &mut Fed, total: f64| {
        end_of(&fed.frame(result(json!({"total_cost_usd": total, "usage": {"input_tokens": 4}})))).cost_usd
    };
    assert_eq!(cost(&mut fed, 9.5), Some(0.5));
    assert_eq!(cost(&mut fed, 9.5), Some(0.0));
    assert_eq!(cost(&mut fed, 0.125), Some(0.125), "the total began anew");
    let mut resumed =
        Fed::after_hello(StartRecord { resume: ResumeHow::Resume("x".to_owned()), ..start_record() });
    assert_eq!(cost(&mut resumed, 3.0), None, "what was spent before is in it");
    assert_eq!(cost(&mut resumed, 3.25), Some(0.25));
    // An unknown price is unknown, not zero.
    let unknown = json!({"a": {"inputTokens": 1, "costUSD": 0, "costBasis": "unknown"}});
    let end = end_of(&fed.frame(result(json!({"model_usage_since_last_result": unknown}))));
    assert_eq!(end.cost_usd, None);
}

#[test]
fn which_inputs_a_turn_took_in() {
    let taken = |signals: &[Signal]| -> Vec<String> {
        let inputs = signals.iter().filter_map(|signal| match signal {
            Signal::InputTaken { native_input } => Some(native_input.clone()),
            Signal::TurnBegan => Some("BEGAN".to_owned()),
            _ => None,
        });
        inputs.collect()
    };
    let mut fed = Fed::ready();
    let first = fed.frames([lifecycle("a", "queued"), lifecycle("a", "started"), init(Some(&["a"]))]);
    assert_eq!(taken(&first), ["BEGAN", "a"], "between turns it waits for the next turn");
    let folded = fed.frames([lifecycle("b", "queued"), lifecycle("b", "started")]);
    assert_eq!(taken(&folded), ["b"], "within a turn it was folded in");
    let again = json!({"type": "system", "subtype": "status", "status": "requesting", "user_message_uuids": ["a", "b", "c"]});
    assert_eq!(taken(&fed.frame(again)), ["c"], "each once, wherever it is named");
    // Steered and not taken: it starts the next turn.
    let next = fed.frames([
        lifecycle("d", "queued"),
        result(json!({"user_message_uuids": ["a", "b", "c"]})),
        lifecycle("d", "started"),
        init(None),
    ]);
    assert_eq!(taken(&next), ["BEGAN", "d"]);
    // A version that tells no lifecycle names them at the message.
    let old = fed.frames([
        result(json!({})),
        init(None),
        json!({"type": "stream_event", "user_message_uuids": ["e"], "event": {"type": "message_start", "message": {"id": "m"}}}),
    ]);
    assert_eq!(taken(&old), ["BEGAN", "e"]);
}

#[test]
fn whose_result_it_is() {
    let cases = [
        (json!({"user_message_uuids": ["a", "b"]}), Some(vec!["a".to_owned(), "b".to_owned()])),
        (json!({"user_message_uuid": "a"}), Some(vec!["a".to_owned()])),
        (json!({"origin": {"kind": "task-notification"}}), Some(Vec::new())),
        (json!({"origin": null}), None),
        (json!({}), None),
    ];
    for (fields, expected) in cases {
        let end = end_of(&Fed::ready().frame(result(fields.clone())));
        assert_eq!(end.native_inputs, expected, "{fields}");
        assert_eq!(end.prompt_n, None);
    }
}

#[test]
fn an_input_that_was_cancelled_before_its_turn_began_ends() {
    let mut fed = Fed::ready();
    let end = end_of(&fed.frames([lifecycle("a", "queued"), lifecycle("a", "cancelled")]));
    assert_eq!(end.native_inputs, Some(vec!["a".to_owned()]));
    assert!(matches!(end.verdict, TurnVerdict::Cancelled));
    // The turn that was cut had its result; its lifecycle is told afterwards.
    fed.frames([lifecycle("b", "started"), init(Some(&["b"])), result(json!({"user_message_uuids": ["b"]}))]);
    assert!(fed.frame(lifecycle("b", "cancelled")).is_empty());
    // One that was queued behind the running turn is no turn of its own.
    fed.frame(init(Some(&["c"])));
    assert!(fed.frames([lifecycle("d", "queued"), lifecycle("d", "cancelled")]).is_empty());
}

#[test]
fn idle_follows_only_where_the_program_tells_its_state() {
    let state = |state: &str| json!({"type": "system", "subtype": "session_state_changed", "state": state});
    let mut fed = Fed::ready();
    assert!(!end_of(&fed.frame(result(json!({})))).idle_follows);
    assert!(fed.frame(state("running")).is_empty());
    assert!(end_of(&fed.frame(result(json!({})))).idle_follows);
    assert!(fed.frame(state("requires_action")).is_empty());
    assert_eq!(fed.frame(state("idle")), [Signal::Idle]);
}

#[test]
fn what_the_agent_waits_for() {
    let retry = |status: Value, error: &str| json!({"type": "system", "subtype": "api_retry", "error_status": status, "error": error, "retry_delay_ms": 500});
    let cases = [
        (retry(json!(401), "x"), WaitReason::Auth),
        (retry(Value::Null, "authentication_failed"), WaitReason::Auth),
        (retry(json!(429), "x"), WaitReason::RateLimit),
        (retry(json!(529), "overloaded"), WaitReason::Retry),
        (retry(Value::Null, "unknown"), WaitReason::Retry),
    ];
    let progress = [
        json!({"type": "stream_event", "event": {"type": "message_start", "message": {"id": "m"}}}),
        call("m", "t", "Bash", &json!({})),
        result(json!({})),
        json!({"type": "system", "subtype": "session_state_changed", "state": "idle"}),
    ];
    for (frame, reason) in cases {
        for progress in &progress {
            let mut fed = Fed::ready();
            let told = fed.frame(frame.clone());
            assert!(
                matches!(&told[..], [Signal::Waiting(Some(wait))] if wait.reason == reason && wait.for_ms == Some(500)),
                "{told:?}"
            );
            assert_eq!(fed.frame(progress.clone())[0], Signal::Waiting(None));
        }
    }
    let limit = |status: &str| json!({"type": "rate_limit_event", "rate_limit_info": {"status": status, "resetsAt": 1_795_139_670}});
    let mut fed = Fed::ready();
    let told = fed.frame(limit("rejected"));
    assert!(matches!(&told[..], [Signal::Waiting(Some(wait))]
        if wait.reason == WaitReason::RateLimit && wait.until.unwrap().as_millis() == 1_795_139_670_000));
    assert_eq!(fed.frame(limit("allowed")), [Signal::Waiting(None)]);
    assert!(fed.frame(limit("allowed")).is_empty());
    assert!(matches!(&fed.frame(limit("allowed_warning"))[..], [Signal::Warning { .. }]));
}

#[test]
fn how_a_call_ended() {
    let cases = [
        (json!({}), json!({}), false, ToolState::Completed),
        (json!({}), json!({}), true, ToolState::Failed),
        (json!({"permission_decision": {"decision": "reject"}}), json!({}), true, ToolState::Denied),
        (json!({"permission_decision": {"decision": "accept"}}), json!({}), false, ToolState::Completed),
        (json!({"non_execution_kind": "permission-rule"}), json!({}), true, ToolState::Denied),
        (json!({"non_execution_kind": "user-rejected"}), json!({}), true, ToolState::Cancelled),
        (json!({}), json!({"interrupted": true, "stdout": ""}), false, ToolState::Cancelled),
        (json!({}), json!("Error: x"), true, ToolState::Failed),
    ];
    for (meta, structure, is_error, expected) in cases {
        let mut fed = Fed::ready();
        fed.frame(call("m", "t", "Bash", &json!({"command": "x"})));
        let mut frame = returned("t", &json!("out"), is_error);
        let mut meta = meta.clone();
        meta["id"] = json!("t");
        frame["tool_result_meta"] = json!([meta]);
        frame["tool_use_result"] = structure;
        let told = fed.frame(frame.clone());
        let ended =
            told.iter().find_map(|signal| if let Signal::ToolEnded(end) = signal { Some(end) } else { None });
        assert_eq!(ended.unwrap().state, expected, "{frame}");
    }
}

#[test]
fn what_a_call_gave() {
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}});
    let cases = [
        (json!("plain"), Some(json!("plain"))),
        (json!("<tool_use_error>No such file</tool_use_error>"), Some(json!("No such file"))),
        (json!([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]), Some(json!("a\nb"))),
        (
            json!([{"type": "text", "text": "a"}, image]),
            Some(
                json!([{"type": "text", "text": "a"}, {"type": "image", "data": "AA", "mime_type": "image/png"}]),
            ),
        ),
        (json!(null), None),
        (json!([]), Some(json!(""))),
    ];
    for (content, expected) in cases {
        let block = json!({"content": content});
        assert_eq!(tools::output(&block), expected, "{content}");
    }
}

#[test]
fn a_result_of_an_unknown_call_is_late() {
    let told = Fed::ready().frame(returned("nobody", &json!("x"), false));
    assert!(matches!(&told[..], [Signal::Native { kind, .. }] if kind == "late"));
}

#[test]
fn lines_for_people() {
    let record = start_record();
    let cases = [
        ("Bash", json!({"command": "cargo test\n--all"}), "cargo test …", ToolKind::Execute),
        ("Read", json!({"file_path": "/home/dev/project/src/a.rs"}), "Read src/a.rs", ToolKind::Read),
        ("Edit", json!({"file_path": "/etc/hosts"}), "Edit /etc/hosts", ToolKind::Edit),
        ("Write", json!({"file_path": "/home/dev/projects/x"}), "Write /home/dev/projects/x", ToolKind::Edit),
        (
            "Grep",
            json!({"pattern": "fn main", "path": "/home/dev/project/src"}),
            "Grep fn main in src",
            ToolKind::Search,
        ),
        ("Glob", json!({"pattern": "**/*.rs"}), "Glob **/*.rs", ToolKind::Search),
        ("WebFetch", json!({"url": "https://x"}), "Fetch https://x", ToolKind::Fetch),
        ("Agent", json!({"description": "look around"}), "Task look around", ToolKind::Think),
        ("mcp__git__log", json!({}), "git: log", ToolKind::Other),
        ("ExitPlanMode", json!({}), "Plan ready", ToolKind::SwitchMode),
        ("Read", json!({"file_path": 5}), "Read", ToolKind::Read),
        ("Something", json!(null), "Something", ToolKind::Other),
    ];
    for (tool, input, title, kind) in cases {
        assert_eq!(tools::title(&record, tool, &input), title);
        assert_eq!(tools::kind(tool), kind, "{tool}");
    }
}

fn diffs_of(structure: &Value, tool: &str, input: &Value) -> Vec<(Option<String>, String)> {
    let diffs = super::super::diffs::diffs(tool, input, Some(structure));
    diffs.into_iter().map(|diff| (diff.old_text, diff.new_text)).collect()
}

#[test]
fn diffs_are_whole_where_small_and_places_where_large() {
    let some = |text: &str| Some(text.to_owned());
    let edit = |original: &str, all: bool| {
        json!({"filePath": "/f", "oldString": "a", "newString": "b", "originalFile": original,
        "replaceAll": all, "structuredPatch": [{"lines": [" x", "-a", "+b", "\\ No newline at end of file"]}]})
    };
    assert_eq!(diffs_of(&edit("a a", false), "Edit", &json!({})), [(some("a a"), "b a".to_owned())]);
    assert_eq!(diffs_of(&edit("a a", true), "Edit", &json!({})), [(some("a a"), "b b".to_owned())]);
    let place = [(some("x\na\n"), "x\nb\n".to_owned())];
    assert_eq!(diffs_of(&edit("nothing of it", false), "Edit", &json!({})), place);
    assert_eq!(diffs_of(&edit(&"a".repeat(40_000), false), "Edit", &json!({})), place);
    let write = json!({"filePath": "/f", "type": "update", "content": "new", "originalFile": "old", "structuredPatch": []});
    assert_eq!(diffs_of(&write, "Write", &json!({})), [(some("old"), "new".to_owned())]);
    assert!(diffs_of(&write, "Bash", &json!({})).is_empty());
    let input = json!({"file_path": "/f", "old_string": "a", "new_string": "b"});
    assert_eq!(diffs_of(&json!("text"), "Edit", &input), [(some("a"), "b".to_owned())], "a subagent's");
}

#[test]
fn todos_are_told_whole() {
    let mut fed = Fed::ready();
    let mut step =
        |id: &str, tool: &str, input: Value, structure: Value| -> Option<Vec<(String, String, TodoStatus)>> {
            fed.frame(call(&format!("m-{id}"), id, tool, &input));
            let mut frame = returned(id, &json!("ok"), false);
            frame["tool_use_result"] = structure;
            fed.frame(frame).into_iter().find_map(|signal| match signal {
                Signal::Todos(todos) => {
                    Some(todos.into_iter().map(|todo| (todo.id, todo.content, todo.status)).collect())
                }
                _ => None,
            })
        };
    let todo = |id: &str, content: &str, status| (id.to_owned(), content.to_owned(), status);
    let told = step("1", "TaskCreate", json!({}), json!({"task": {"id": "1", "subject": "one"}}));
    assert_eq!(told, Some(vec![todo("1", "one", TodoStatus::Pending)]));
    let told = step(
        "2",
        "TaskUpdate",
        json!({"taskId": "7", "status": "completed"}),
        json!({"success": true, "taskId": "7"}),
    );
    assert_eq!(told.unwrap()[1], todo("7", "Task 7", TodoStatus::Completed), "made before this process");
    assert_eq!(
        step("3", "TaskUpdate", json!({"taskId": "7", "status": "completed"}), json!({})),
        None,
        "no change"
    );
    assert_eq!(step("4", "TaskUpdate", json!({"taskId": "1"}), json!({"success": false})), None);
    let told = step("5", "TaskUpdate", json!({"taskId": "1", "status": "deleted"}), json!({"taskId": "1"}));
    assert_eq!(told.unwrap().len(), 1);
    let list = json!({"tasks": [{"id": "9", "subject": "nine", "status": "in_progress"}]});
    assert_eq!(step("6", "TaskList", json!({}), list), Some(vec![todo("9", "nine", TodoStatus::InProgress)]));
    let written =
        json!({"todos": [{"content": "x", "status": "pending"}, {"content": "y", "status": "completed"}]});
    let told = step("7", "TodoWrite", written, json!(null)).unwrap();
    assert_eq!(told, [todo("1", "x", TodoStatus::Pending), todo("2", "y", TodoStatus::Completed)]);
}

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
fn ready_waits_for_the_tool_servers() {
    let http = McpTransport::Http { url: "https://h".to_owned(), headers: Default::default() };
    let record = StartRecord {
        mcp_servers: vec![McpServerSpec { name: "web".to_owned(), transport: http }],
        resume: ResumeHow::NewAs("id-1".to_owned()),
        ..start_record()
    };
    let answer = |id: &str, body: Value| json!({"type": "control_response", "response": {"subtype": "success", "request_id": id, "response": body}});
    let mut fed = Fed::new(record.clone());
    assert!(fed.frame(answer("tenure-1-initialize", json!({}))).is_empty());
    let told = fed.frame(answer("tenure-2-servers", json!({"added": ["web"], "errors": {"web": "ENOENT"}})));
    let words: Vec<&str> = told
        .iter()
        .map(|signal| match signal {
            Signal::Warning { .. } => "warning",
            Signal::NativeId(id) if id == "id-1" => "id",
            Signal::Ready { .. } => "ready",
            Signal::Send(_) => "send",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, ["warning", "id", "ready", "send"]);
    // The other order, and a refusal: a server out of reach never fails the session.
    let mut fed = Fed::new(record);
    let refused = json!({"type": "control_response", "response": {"subtype": "error", "request_id": "tenure-2-servers", "error": "no"}});
    assert_eq!(fed.frame(refused).len(), 2);
    let told = fed.frame(answer("tenure-1-initialize", json!({})));
    assert!(matches!(&told[..], [Signal::NativeId(_), Signal::Ready { .. }]), "{told:?}");
    let failed = json!({"type": "control_response", "response": {"subtype": "error", "request_id": "tenure-1-initialize", "error": "no"}});
    assert!(matches!(&Fed::new(start_record()).frame(failed)[..], [Signal::HandshakeFailed(_)]));
}

/// So does the real program when it is to resume what it does not know.
#[test]
fn a_result_before_the_handshake_means_that_nothing_was_resumed() {
    let record = StartRecord { resume: ResumeHow::Resume("gone".to_owned()), ..start_record() };
    let frame = json!({"type": "result", "subtype": "error_during_execution", "is_error": true, "session_id": "gone",
        "errors": ["No conversation found with session ID: gone"]});
    let told = Fed::new(record).frame(frame.clone());
    assert!(
        matches!(&told[..], [Signal::HandshakeFailed(error)]
            if error.code == "resume_failed" && error.message.starts_with("No conversation found")),
        "{told:?}"
    );
    let told = Fed::new(start_record()).frame(frame);
    assert!(matches!(&told[..], [Signal::HandshakeFailed(error)] if error.code == "agent_error"));
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
fn the_native_id_is_the_one_that_the_process_shows() {
    let mut fed = Fed::new(StartRecord { resume: ResumeHow::Resume("a title".to_owned()), ..start_record() });
    let frame = |id: &str| json!({"type": "keep_alive", "session_id": id});
    assert_eq!(fed.frame(frame("one")), [Signal::NativeId("one".to_owned())]);
    assert!(fed.frame(frame("one")).is_empty());
    assert_eq!(fed.frame(json!({"type": "conversation_reset", "session_id": "one"})), [Signal::Cleared]);
    assert!(fed.frame(frame("one")).is_empty(), "frames of the old one may still come");
    assert_eq!(fed.frame(frame("two")), [Signal::NativeId("two".to_owned())]);
}

#[test]
fn tasks_in_the_foreground_are_not_ended_by_the_list_of_the_others() {
    let mut fed = Fed::ready();
    let started = |id: &str, background: bool| json!({"type": "system", "subtype": "task_started", "task_id": id, "is_backgrounded": background});
    let list = |ids: &[&str]| {
        json!({"type": "system", "subtype": "background_tasks_changed",
        "tasks": ids.iter().map(|id| json!({"task_id": id})).collect::<Vec<_>>()})
    };
    let running = |signals: Vec<Signal>| match &signals[..] {
        [Signal::Task(tenure_core::agent::TaskSignal::Running(ids))] => ids.clone(),
        other => panic!("{other:?}"),
    };
    fed.frames([started("fore", false), started("back", true)]);
    assert_eq!(running(fed.frame(list(&["back"]))), ["back", "fore"]);
    assert_eq!(running(fed.frame(list(&[]))), ["fore"]);
    assert_eq!(running(fed.frame(list(&["fore"]))), ["fore"], "it was sent to the background");
    assert!(running(fed.frame(list(&[]))).is_empty());
}

#[test]
fn a_compaction_that_fails_or_says_nothing_more_ends_too() {
    let status = |fields: Value| {
        let mut frame = json!({"type": "system", "subtype": "status", "status": null});
        for (key, value) in fields.as_object().unwrap() {
            frame[key] = value.clone();
        }
        frame
    };
    let ends = |signals: &[Signal]| -> Vec<(bool, bool)> {
        signals
            .iter()
            .filter_map(|signal| match signal {
                Signal::Compaction { began, info } => Some((*began, info.error.is_some())),
                _ => None,
            })
            .collect()
    };
    let mut fed = Fed::ready();
    let told = fed.frames([
        status(json!({"status": "compacting"})),
        status(json!({"status": "compacting"})),
        status(json!({"compact_error": "x"})),
    ]);
    assert_eq!(ends(&told), [(true, false), (false, true)]);
    let told = fed.frames([status(json!({"status": "compacting"})), result(json!({}))]);
    assert_eq!(ends(&told), [(true, false), (false, false)]);
    let boundary =
        json!({"type": "system", "subtype": "compact_boundary", "compact_metadata": {"trigger": "auto"}});
    assert_eq!(ends(&fed.frame(boundary)), [(true, false), (false, false)]);
}

#[test]
fn a_broken_stream_is_dropped_when_another_message_follows_and_kept_when_the_process_dies() {
    let stream = |message: &str, event: Value| json!({"type": "stream_event", "api_message_id": message, "event": event});
    let begin = |message: &str| stream(message, json!({"type": "message_start", "message": {"id": message}}));
    let piece = |message: &str, text: &str| {
        stream(
            message,
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}),
        )
    };
    let messages = |signals: &[Signal]| -> Vec<(String, bool)> {
        signals
            .iter()
            .filter_map(|signal| match signal {
                Signal::Message(message) => match &message.parts[0].body {
                    PartBody::Text { text } => Some((text.clone(), message.partial)),
                    other => panic!("{other:?}"),
                },
                _ => None,
            })
            .collect()
    };
    let mut fed = Fed::ready();
    let told = fed.frames([begin("a"), piece("a", "lost"), begin("b"), piece("b", "sééñ"), piece("b", "!")]);
    assert!(messages(&told).is_empty());
    assert_eq!(fed.codec.open_text().deltas.len(), 1);
    assert_eq!(fed.codec.open_text().deltas[0].text, "sééñ!");
    let offsets: Vec<u64> = told
        .iter()
        .filter_map(|signal| if let Signal::Delta(d) = signal { Some(d.offset) } else { None })
        .collect();
    assert_eq!(offsets, [0, 0, 4], "characters, not bytes");
    assert_eq!(messages(&fed.codec.cut()), [("sééñ!".to_owned(), true)]);
    assert_eq!(fed.codec.open_offset(), None);
}

/// Two subagents at once, each in the middle of its own message.
#[test]
fn messages_of_parallel_subagents_do_not_mix() {
    let said = |parent: &str, message: &str, text: &str| {
        json!({"type": "assistant", "parent_tool_use_id": parent,
        "message": {"id": message, "content": [{"type": "text", "text": text}]}})
    };
    let mut fed = Fed::ready();
    let told = fed.frames([
        said("p1", "a", "one"),
        said("p2", "b", "two"),
        said("p1", "a", "more"),
        said("p1", "c", "next"),
    ]);
    let done: Vec<_> = told
        .iter()
        .filter_map(|signal| if let Signal::Message(m) = signal { Some(m) } else { None })
        .collect();
    assert_eq!(done.len(), 1, "what p1 said first ends when p1 says something else");
    assert_eq!(done[0].parts.len(), 2);
    assert_eq!(done[0].parent_tool_id.as_deref(), Some("p1"));
    let ended = fed.frame(json!({"type": "system", "subtype": "task_notification", "task_id": "t", "tool_use_id": "p2", "status": "completed"}));
    assert!(matches!(&ended[0], Signal::Message(m) if m.parent_tool_id.as_deref() == Some("p2")));
    assert_eq!(fed.codec.cut().len(), 1);
}
