//! Rules one by one: the handshake, turns and their names, what outlives a turn, errors.

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Command, ResumeHow, Signal, StartRecord, TaskSignal, TurnVerdict};
use tenure_event::{Role, TaskOutput, TaskStatus, ToolState, WaitReason};

use super::{CodexCodec, Fed, THREAD, input, record, text};

fn ends(signals: &[Signal]) -> Vec<&tenure_core::agent::TurnEnd> {
    signals.iter().filter_map(|s| if let Signal::TurnEnded(end) = s { Some(end) } else { None }).collect()
}

fn failed(signals: &[Signal]) -> Option<(&str, &str)> {
    signals.iter().find_map(|signal| match signal {
        Signal::HandshakeFailed(error) => Some((error.code.as_str(), error.message.as_str())),
        _ => None,
    })
}

#[test]
fn it_is_ready_when_thread_models_and_account_are_known() {
    let mut fed = Fed::new(record());
    assert_eq!(fed.codec.hello(), [Command::Hello]);
    let told = fed.greeted();
    let opens = told.iter().any(|s| matches!(s, Signal::Send(Command::Open { how: ResumeHow::New })));
    assert!(opens && told.len() == 4, "{told:?}");
    assert!(matches!(&fed.opened()[..], [Signal::NativeId(id)] if id == THREAD));
    assert_eq!(
        fed.frame(
            json!({"id": "0.account", "result": {"account": {"type": "apiKey"}, "requiresOpenaiAuth": true}})
        ),
        []
    );
    let model =
        json!({"model": "m", "displayName": "M", "supportedReasoningEfforts": [{"reasoningEffort": "low"}]});
    let told = fed.frame(json!({"id": "0.models", "result": {"data": [model]}}));
    let [Signal::Ready { agent_info, capabilities, model, mode, effort, .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(agent_info.version.as_deref(), Some("0.169.0"));
    assert_eq!((model.as_deref(), effort.as_deref()), (Some("gpt-5.5"), Some("low")));
    assert_eq!(mode.as_deref(), Some("workspace-write"));
    assert_eq!(capabilities.models[0].efforts, ["low"]);
    assert_eq!(capabilities.account.as_ref().unwrap().key_source.as_deref(), Some("apiKey"));
}

#[test]
fn without_a_login_it_is_of_no_use() {
    let mut fed = Fed::new(record());
    fed.greeted();
    let told = fed.frame(json!({"id": "0.account", "result": {"account": null, "requiresOpenaiAuth": true}}));
    let (code, message) = failed(&told).unwrap();
    assert_eq!(code, "auth_required");
    assert!(message.contains("codex login"), "{message}");
    assert_eq!(failed(&fed.opened()), None, "it fails once");
}

#[test]
fn a_list_of_models_that_fails_is_warned_of() {
    let mut fed = Fed::new(record());
    fed.greeted();
    fed.frame(json!({"id": "0.account", "result": {}}));
    fed.opened();
    let told = fed.frame(json!({"id": "0.models", "error": {"code": -32603, "message": "no net"}}));
    assert!(
        matches!(&told[..], [Signal::Warning { code, .. }, Signal::Ready { .. }] if code == "models_unknown")
    );
}

#[test]
fn modes_that_ask_nobody_need_to_be_allowed() {
    for (mode, allow_bypass, code) in [
        ("full-access", false, Some("forbidden")),
        ("never/read-only", false, Some("forbidden")),
        ("full-access", true, None),
        ("read-only", false, None),
        ("yolo", true, Some("invalid")),
    ] {
        let record = StartRecord { mode: Some(mode.to_owned()), allow_bypass, ..record() };
        let mut fed = Fed::new(record);
        assert_eq!(failed(&fed.greeted()).map(|(code, _)| code), code, "{mode}");
    }
}

#[test]
fn settings_of_the_user_that_ask_nobody_are_warned_of() {
    let mut fed = Fed::new(StartRecord { allow_bypass: false, ..record() });
    fed.greeted();
    fed.frame(json!({"id": "0.models", "result": {"data": []}}));
    fed.frame(json!({"id": "0.account", "result": {}}));
    let told = fed.frame(json!({"id": "2.start", "result": {"thread": {"id": THREAD},
        "approvalPolicy": "never", "sandbox": {"type": "dangerFullAccess"}}}));
    assert!(told.iter().any(|s| matches!(s, Signal::Warning { code, .. } if code == "mode_asks_nobody")));
}

#[test]
fn another_thread_than_the_wanted_one_is_no_resume() {
    let resume = ResumeHow::Resume("wanted".to_owned());
    for (answer, code) in [
        (json!({"id": "2.resume", "result": {"thread": {"id": "other"}}}), "resume_failed"),
        (
            json!({"id": "2.resume", "error": {"code": -32600, "message": "no rollout found for thread id"}}),
            "resume_failed",
        ),
        (json!({"id": "2.resume", "result": {}}), "agent_error"),
    ] {
        let mut fed = Fed::new(StartRecord { resume: resume.clone(), ..record() });
        fed.greeted();
        assert_eq!(failed(&fed.frame(answer)).unwrap().0, code);
    }
}

#[test]
fn what_was_said_before_is_told_once_and_first() {
    let mut fed = Fed::new(StartRecord { resume: ResumeHow::Resume(THREAD.to_owned()), ..record() });
    fed.greeted();
    fed.frame(json!({"id": "0.models", "result": {"data": []}}));
    fed.frame(json!({"id": "0.account", "result": {}}));
    let told = fed.frame(json!({"id": "2.resume", "result": {"thread": {"id": THREAD}}}));
    assert!(!told.iter().any(|s| matches!(s, Signal::Ready { .. })), "{told:?}");
    let turn = |n: u32| {
        json!({"id": format!("t{n}"), "items": [
            {"type": "userMessage", "id": "u", "clientId": format!("c{n}"), "content": [{"type": "text", "text": "Hi"}]},
            {"type": "reasoning", "id": "r", "summary": ["thinking"], "content": []},
            {"type": "commandExecution", "id": "x", "command": "/bin/bash -lc ls", "status": "completed", "aggregatedOutput": "a"},
            {"type": "agentMessage", "id": "m", "text": "Hello"},
        ]})
    };
    let first =
        fed.frame(json!({"id": "0.history", "result": {"data": [turn(1), turn(2)], "nextCursor": "more"}}));
    let last = fed.frame(json!({"id": "0.history", "result": {"data": [turn(3)], "nextCursor": null}}));
    assert!(matches!(first.last(), Some(Signal::Send(Command::Raw(line))) if line.contains("\"more\"")));
    assert!(matches!(last.last(), Some(Signal::Ready { .. })));
    let said: Vec<_> = first
        .iter()
        .chain(&last)
        .filter_map(|s| if let Signal::Message(m) = s { Some(m) } else { None })
        .collect();
    assert_eq!(said.iter().map(|m| m.role).collect::<Vec<_>>(), [Role::User, Role::Assistant].repeat(3));
    assert!(said.iter().all(|m| m.replayed) && said[1].parts.len() == 3);
    let ids: std::collections::BTreeSet<_> = said.iter().map(|m| m.message_id.clone()).collect();
    assert_eq!(ids.len(), 6, "each has an id of its own");
    assert_eq!(fed.codec.memory.turn_of("c2"), "t2");
}

/// The program answers and tells in either order.
#[test]
fn a_turn_is_known_by_its_answer_or_by_its_input() {
    let mut fed = Fed::ready();
    // Told before it was answered.
    assert_eq!(fed.tell("turn/started", json!({"turn": {"id": "t1"}})), [Signal::TurnBegan]);
    fed.frame(json!({"id": "5.turn", "result": {"turn": {"id": "t1"}}}));
    let told = fed.end("t1", "completed");
    assert_eq!(ends(&told)[0].prompt_n, Some(5));
    // Ended before it was answered: the input that it took in tells whose it is.
    fed.tell("turn/started", json!({"turn": {"id": "t2"}}));
    fed.item("started", "t2", json!({"type": "userMessage", "id": "u", "clientId": "mine"}));
    let told = fed.end("t2", "completed");
    assert_eq!(
        (ends(&told)[0].prompt_n, ends(&told)[0].native_inputs.clone()),
        (None, Some(vec!["mine".to_owned()]))
    );
    fed.frame(json!({"id": "6.turn", "result": {"turn": {"id": "t2"}}}));
    assert_eq!(fed.codec.memory.running(), "", "a late answer names no running turn");
}

#[test]
fn a_late_end_is_nobodys() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    assert_eq!(ends(&fed.end("t1", "completed")).len(), 1);
    fed.begin(4, "t2");
    let told = fed.end("t1", "interrupted");
    assert!(matches!(&told[..], [Signal::Native { kind, .. }] if kind == "late"));
    assert_eq!(ends(&fed.end("t2", "completed"))[0].prompt_n, Some(4));
}

#[test]
fn a_refused_prompt_is_a_failed_turn() {
    let mut fed = Fed::ready();
    let told = fed.frame(json!({"id": "3.turn", "error": {"code": -32600, "message": "input too long"}}));
    assert!(
        matches!(&ends(&told)[0].verdict, TurnVerdict::Failed(error) if error.message == "input too long")
    );
    assert_eq!(ends(&told)[0].prompt_n, Some(3));
}

#[test]
fn an_interrupt_names_the_turn_if_it_can() {
    let mut fed = Fed::ready();
    let turn = |fed: &Fed| fed.says(9, &Command::Interrupt)["params"]["turnId"].clone();
    // Between a prompt and its answer an empty name means whatever is about to begin.
    assert_eq!(turn(&fed), "");
    fed.frame(json!({"id": "3.turn", "result": {"turn": {"id": "t1"}}}));
    assert_eq!(turn(&fed), "t1");
    fed.tell("turn/started", json!({"turn": {"id": "t1"}}));
    assert_eq!(turn(&fed), "t1");
    fed.end("t1", "interrupted");
    assert_eq!(turn(&fed), "");
    let told = fed.frame(
        json!({"id": "9.interrupt", "error": {"code": -32600, "message": "no active turn to interrupt"}}),
    );
    assert!(matches!(&told[..], [Signal::Answered { n: 9, result: Ok(_) }]), "{told:?}");
}

#[test]
fn a_steered_input_is_taken_in_by_its_message() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    let steer = Command::Steer { input_id: input(), attempt: 0, parts: vec![text("x")] };
    let line = fed.says(4, &steer);
    assert_eq!(line["params"]["expectedTurnId"], "t1");
    let native = line["params"]["clientUserMessageId"].as_str().unwrap().to_owned();
    assert_eq!(fed.frame(json!({"id": line["id"], "result": {"turnId": "t1"}})), []);
    let message = json!({"type": "userMessage", "id": "u", "clientId": native});
    let told = fed.item("started", "t1", message.clone());
    assert_eq!(told, [Signal::InputTaken { native_input: native.clone() }]);
    assert_eq!(fed.item("completed", "t1", message), [], "it is taken in once");
    let told = fed.end("t1", "completed");
    assert_eq!(ends(&told)[0].native_inputs, Some(vec![native]));
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_steered_input_that_is_not_taken_in_comes_back() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.frame(json!({"id": "4.steer.a", "result": {"turnId": "t1"}}));
    let told = fed
        .frame(json!({"id": "5.steer.b", "error": {"code": -32600, "message": "no active turn to steer"}}));
    assert!(matches!(&told[..], [Signal::SteerRefused { n: 5, .. }]));
    let told = fed.end("t1", "interrupted");
    assert!(matches!(&told[..], [Signal::SteerRefused { n: 4, .. }, Signal::TurnEnded(_)]), "{told:?}");
    // An answer that comes after the end.
    let told = fed.frame(json!({"id": "6.steer.c", "result": {"turnId": "t1"}}));
    assert!(matches!(&told[..], [Signal::SteerRefused { n: 6, .. }]));
}

fn tokens(total: u64, cached: u64) -> Value {
    let count = |n: u64, cached: u64| {
        json!({"totalTokens": n, "inputTokens": n, "cachedInputTokens": cached,
        "outputTokens": n / 10, "reasoningOutputTokens": 1})
    };
    json!({"total": count(total, cached), "last": count(100, 40), "modelContextWindow": 1000})
}

/// Totals are of the thread; a turn's use is what they grew by.
#[test]
fn each_turn_has_its_own_usage() {
    let mut fed = Fed::ready();
    // At the opening the last turn of the past is told again.
    fed.tell("thread/tokenUsage/updated", json!({"turnId": "old", "tokenUsage": tokens(500, 100)}));
    fed.begin(3, "t1");
    fed.tell("thread/tokenUsage/updated", json!({"turnId": "t1", "tokenUsage": tokens(600, 140)}));
    let told = fed.tell("thread/tokenUsage/updated", json!({"turnId": "t1", "tokenUsage": tokens(700, 180)}));
    let [Signal::Usage { usage: Some(total), context: Some(context), .. }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((total.input_tokens, total.cache_read_tokens), (520, 180));
    assert_eq!((context.used, context.max), (100, Some(1000)));
    let told = fed.end("t1", "completed");
    let usage = ends(&told)[0].usage.unwrap();
    assert_eq!((usage.input_tokens, usage.cache_read_tokens, usage.output_tokens), (120, 80, 20));
    fed.begin(4, "t2");
    assert_eq!(ends(&fed.end("t2", "completed"))[0].usage, None, "what was not told is not known");
}

#[test]
fn retries_are_waited_for_and_failures_keep_their_kind() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    let limits = json!({"primary": {"usedPercent": 100, "resetsAt": 1_800_000_000}, "secondary": {"usedPercent": 3, "resetsAt": 1_900_000_000}});
    assert_eq!(
        fed.frame(json!({"method": "account/rateLimits/updated", "params": {"rateLimits": limits}})),
        []
    );
    let error = |info: Value, retry: bool| json!({"error": {"message": "m", "codexErrorInfo": info}, "willRetry": retry, "turnId": "t1"});
    for (info, reason, until) in [
        (json!({"responseStreamDisconnected": {"httpStatusCode": null}}), WaitReason::Retry, None),
        (json!({"responseStreamDisconnected": {"httpStatusCode": 401}}), WaitReason::Auth, None),
        (json!("usageLimitExceeded"), WaitReason::RateLimit, Some(1_800_000_000_000)),
    ] {
        let told = fed.tell("error", error(info, true));
        let [Signal::Waiting(Some(wait))] = &told[..] else { panic!("{told:?}") };
        assert_eq!((wait.reason, wait.until.map(|at| at.as_millis())), (reason, until));
    }
    assert_eq!(fed.tell("error", error(json!("other"), false)), [], "its turn's end tells it");
    let told = fed.item("started", "t1", json!({"type": "agentMessage", "id": "m", "text": ""}));
    assert_eq!(told, [Signal::Waiting(None)], "it works again");
    let failed = json!({"turn": {"id": "t1", "status": "failed", "error": {"message": "m", "codexErrorInfo": "usageLimitExceeded"}}});
    let told = fed.tell("turn/completed", failed);
    let TurnVerdict::Failed(error) = &ends(&told)[0].verdict else { panic!("{told:?}") };
    assert_eq!(
        (error.code.as_str(), &error.data.as_ref().unwrap()["resets_at_seconds"]),
        ("rate_limited", &json!(1_800_000_000))
    );
}

fn command(status: &str) -> Value {
    json!({"type": "commandExecution", "id": "x", "command": "/bin/bash -lc 'sleep 9'", "cwd": "/w", "status": status,
        "commandActions": [{"type": "unknown", "command": "sleep 9"}], "aggregatedOutput": "out", "exitCode": 0})
}

#[test]
fn a_command_that_outlives_its_turn_becomes_a_task() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.item("started", "t1", command("inProgress"));
    fed.tell("item/commandExecution/outputDelta", json!({"itemId": "x", "delta": "early"}));
    let told = fed.end("t1", "completed");
    let [Signal::ToolEnded(tool), Signal::Send(Command::Raw(line)), Signal::TurnEnded(_)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(tool.state, ToolState::Completed);
    assert!(line.contains("backgroundTerminals/list"), "{line}");
    let stop = Command::StopTask { task_id: "x".to_owned() };
    assert!(fed.codec.encode(9, &stop, &Default::default()).is_err(), "it is not known yet");
    let terminal = json!({"itemId": "x", "processId": "77", "command": "sleep 9"});
    let told = fed.frame(json!({"id": "0.terminals", "result": {"data": [terminal]}}));
    assert!(
        matches!(&told[..], [Signal::Task(TaskSignal::Started(task))] if task.task_id == "x" && task.background)
    );
    assert_eq!(fed.says(9, &stop)["params"]["processId"], "77");
    assert_eq!(fed.tell("item/commandExecution/outputDelta", json!({"itemId": "x", "delta": "late"})), []);
    let text = |text: &str| Some(TaskOutput::Text { text: text.to_owned(), truncated: false });
    assert_eq!(fed.codec.task_output("x"), text("earlylate"));
    assert_eq!(fed.codec.task_output("y"), None);
    let told = fed.item("completed", "t1", command("completed"));
    let [Signal::Task(TaskSignal::Ended { status, summary, output, .. })] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (*status, summary.as_deref(), output.clone()),
        (TaskStatus::Completed, Some("out"), text("out"))
    );
    assert_eq!(fed.codec.task_output("x"), None);
}

#[test]
fn an_interrupt_cuts_what_was_said_and_called() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.item("started", "t1", json!({"type": "agentMessage", "id": "m", "text": ""}));
    fed.tell("item/agentMessage/delta", json!({"turnId": "t1", "itemId": "m", "delta": "half"}));
    fed.item("started", "t1", command("inProgress"));
    let told = fed.end("t1", "interrupted");
    assert!(told.iter().any(|s| matches!(s, Signal::Message(m) if m.partial)), "{told:?}");
    assert!(told.iter().any(|s| matches!(s, Signal::ToolEnded(t) if t.state == ToolState::Cancelled)));
    assert_eq!(ends(&told)[0].verdict, TurnVerdict::Cancelled);
}

#[test]
fn a_subagents_thread_says_nothing_in_the_sessions_name() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    let foreign = |method: &str, params: Value| {
        let mut params = params;
        params["threadId"] = json!("other");
        json!({"method": method, "params": params})
    };
    assert_eq!(
        fed.frame(foreign(
            "item/started",
            json!({"turnId": "o", "item": {"type": "agentMessage", "id": "m", "text": ""}})
        )),
        []
    );
    assert_eq!(fed.frame(foreign("item/agentMessage/delta", json!({"itemId": "m", "delta": "x"}))), []);
    let told = fed.frame(foreign("turn/completed", json!({"turn": {"id": "o", "status": "completed"}})));
    assert!(matches!(&told[..], [Signal::Native { .. }]));
    assert!(fed.codec.memory.turn.is_some() && fed.codec.open.is_empty());
}

#[test]
fn reasoning_plans_and_compaction_are_told() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.item("started", "t1", json!({"type": "reasoning", "id": "r", "summary": [], "content": []}));
    for (method, params) in [
        ("item/reasoning/summaryPartAdded", json!({"itemId": "r", "summaryIndex": 0})),
        ("item/reasoning/summaryTextDelta", json!({"itemId": "r", "delta": "one", "summaryIndex": 0})),
        ("item/reasoning/summaryPartAdded", json!({"itemId": "r", "summaryIndex": 1})),
        ("item/reasoning/summaryTextDelta", json!({"itemId": "r", "delta": "two", "summaryIndex": 1})),
    ] {
        fed.tell(method, params);
    }
    let told = fed.item(
        "completed",
        "t1",
        json!({"type": "reasoning", "id": "r", "summary": ["one", "two"], "content": []}),
    );
    assert!(matches!(&told[..], [Signal::Message(_)]), "nothing is left to tell: {told:?}");
    let told = fed.tell("turn/plan/updated", json!({"plan": [{"step": "a", "status": "inProgress"}]}));
    assert!(matches!(&told[..], [Signal::Todos(todos)] if todos.len() == 1));
    let compaction = json!({"type": "contextCompaction", "id": "c"});
    assert!(matches!(
        &fed.item("started", "t1", compaction.clone())[..],
        [Signal::Compaction { began: true, .. }]
    ));
    assert!(matches!(
        &fed.item("completed", "t1", compaction)[..],
        [Signal::Compaction { began: false, .. }]
    ));
    assert!(!ends(&fed.end("t1", "completed"))[0].said, "thoughts do not count");
}

#[test]
fn a_cut_leaves_nothing_open() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    fed.item("started", "t1", json!({"type": "agentMessage", "id": "m", "text": "begun"}));
    fed.item("started", "t1", command("inProgress"));
    let told = fed.codec.cut();
    assert!(matches!(&told[..], [Signal::Message(m), Signal::ToolEnded(_)] if m.partial), "{told:?}");
    assert_eq!((fed.codec.cut(), fed.codec.open_offset()), (vec![], None));
    let _: &CodexCodec = &fed.codec;
}
