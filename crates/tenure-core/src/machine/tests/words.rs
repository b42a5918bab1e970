//! Short words for long structures: requests and signals to feed in, lines to compare.

use tenure_event::{
    AgentInfo, AskKind, AskOption, Axes, Capabilities, Decision, Delivery, InputId, Kind, MessageId,
    NewEvent, OptionKind, Part, PartBody, Role, Scope, Support, ToolKind, ToolState, WaitReason,
};

use super::monitor::axes_of;
use crate::agent::{
    AgentError, AskSignal, Command, MessageDone, Signal, ToolStart, TurnEnd, TurnVerdict, Wait, input_uuid,
};
use crate::machine::{Act, ExitNews, Spec};
use crate::{Admit, AnswerRequest, Request};

pub(super) fn spec() -> Spec {
    Spec {
        id: "s1".parse().expect("valid"),
        agent: "fake".into(),
        cwd: "/work".into(),
        cwd_canonical: "/work".into(),
        workspace_id: "w1".parse().expect("valid"),
        workspace_kind: "directory".into(),
        project_id: "p1".parse().expect("valid"),
        project_path: "/work".into(),
        parent: None,
        fork: None,
        permission_default: tenure_api::PermissionDefault::Ask,
        ask_timeout_seconds: 86_400,
        ask_timeout_by_default: false,
        permission_rules: Vec::new(),
        allow_bypass: false,
        project_trusted: false,
        ceilings: crate::machine::Ceilings::default(),
        turn_seconds: 0,
        idle_seconds: 0,
        restart: tenure_api::RestartPolicy::Never,
        native_id_chosen: None,
        resumes: None,
        always_writes_settings: false,
        start_seconds: 60,
        stall_seconds: 0,
        checkpoints: tenure_api::CheckpointMode::Manual,
        node: "here".into(),
    }
}

pub(super) fn id(text: &str) -> InputId {
    text.parse().expect("valid")
}

pub(super) fn text(words: &str) -> Vec<Part> {
    let body = PartBody::Text { text: words.to_owned() };
    vec![Part { id: "0".into(), body, bytes: None, blob: None }]
}

pub(super) fn admit(input: &str, delivery: Delivery) -> Admit {
    Admit {
        input_id: id(input),
        delivery,
        parts: text(input),
        model: None,
        effort: None,
        body_hash: format!("hash of {input}"),
        minted: false,
    }
}

pub(super) fn input(input: &str) -> Request {
    Request::Admit(admit(input, Delivery::Queue))
}

pub(super) fn delivered(input: &str, delivery: Delivery) -> Request {
    Request::Admit(admit(input, delivery))
}

/// The native id of an input at its first or a later attempt.
pub(super) fn native(input: &str, attempt: u32) -> String {
    input_uuid(&spec().id, &id(input), attempt).to_string()
}

pub(super) fn ready_with(verbs: &[&str]) -> Signal {
    let supports = verbs.iter().map(|v| ((*v).to_owned(), Support::Yes(true))).collect();
    Signal::Ready {
        agent_info: AgentInfo { name: "fake".into(), version: None, protocol: None },
        capabilities: Capabilities { supports, ..Capabilities::default() },
        model: None,
        mode: None,
        effort: None,
        fresh: false,
    }
}

pub(super) fn ready() -> Signal {
    ready_with(&["steer", "end", "set_model", "set_effort"])
}

pub(super) fn failure(code: &str) -> AgentError {
    AgentError { code: code.into(), message: format!("it is {code}"), data: None }
}

/// The answer to prompt `n`.
pub(super) fn answer_to(n: u64, verdict: TurnVerdict) -> TurnEnd {
    TurnEnd {
        prompt_n: Some(n),
        native_inputs: None,
        verdict,
        stop_reason: Some("end_turn".into()),
        usage: None,
        cost_usd: None,
        said: true,
        idle_follows: false,
    }
}

/// A result that lists its inputs, with `idle` to follow.
pub(super) fn result_of(natives: &[String], verdict: TurnVerdict) -> TurnEnd {
    let native_inputs = Some(natives.to_vec());
    TurnEnd { prompt_n: None, native_inputs, idle_follows: true, ..answer_to(0, verdict) }
}

pub(super) fn permission(token: &str) -> AskSignal {
    AskSignal {
        token: token.into(),
        kind: AskKind::Permission,
        title: "Run ls".into(),
        tool: Some("Bash".into()),
        tool_id: Some("t1".into()),
        input: Some(serde_json::json!({"command": "ls"})),
        options: vec![
            AskOption { id: "yes".into(), name: "Yes".into(), kind: OptionKind::AllowOnce },
            AskOption { id: "always".into(), name: "Always".into(), kind: OptionKind::AllowAlways },
            AskOption { id: "no".into(), name: "No".into(), kind: OptionKind::RejectOnce },
        ],
        questions: Vec::new(),
        path: Vec::new(),
        keep: serde_json::json!({"kept": token}),
        can_update_input: true,
        can_always: true,
    }
}

pub(super) fn says(words: &str) -> Signal {
    Signal::Message(MessageDone {
        message_id: format!("msg_{words}").parse::<MessageId>().expect("valid"),
        native_ids: Vec::new(),
        role: Role::Assistant,
        parts: text(words),
        model: None,
        usage: None,
        partial: false,
        replayed: false,
        parent_tool_id: None,
    })
}

pub(super) fn tool(tool_id: &str) -> ToolStart {
    ToolStart {
        tool_id: tool_id.into(),
        message_id: "msg_tool".parse().expect("valid"),
        tool: "Bash".into(),
        kind: ToolKind::Execute,
        title: "ls".into(),
        state: ToolState::Running,
        input: serde_json::Value::Null,
        locations: Vec::new(),
        parent_tool_id: None,
    }
}

pub(super) fn tool_ends(tool_id: &str) -> Signal {
    Signal::ToolEnded(tool(tool_id).ended(ToolState::Completed))
}

pub(super) fn waits(reason: WaitReason) -> Signal {
    Signal::Waiting(Some(Wait { reason, until: None, for_ms: None }))
}

pub(super) fn exit_code(code: i32) -> ExitNews {
    ExitNews { code: Some(code), stderr_tail: "last words".into(), ..ExitNews::default() }
}

pub(super) fn decide(ask: &tenure_event::AskId, decision: Decision) -> AnswerRequest {
    AnswerRequest {
        ask_id: ask.clone(),
        decision,
        scope: Scope::Once,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
    }
}

fn word<T: serde::Serialize>(value: &T) -> String {
    let value = serde_json::to_value(value).expect("a word");
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `live/running`, `live/waiting permission`, `suspended by idle`, …
pub(super) fn axes(axes: &Axes) -> String {
    let mut out = axes.lifecycle.as_str().to_owned();
    if let Some(activity) = &axes.activity {
        out += "/";
        out += activity.state.as_str();
        if let Some(reason) = activity.reason {
            out += &format!(" {}", word(&reason));
        }
    }
    if let Some(by) = axes.suspended_by {
        out += &format!(" by {}", word(&by));
    }
    out
}

/// One event in one line.
pub(super) fn line(event: &NewEvent) -> String {
    let name = event.kind.name();
    let more = match &event.kind {
        Kind::SessionHealthChanged(e) => {
            format!(
                "{} {}",
                word(&e.axes.health.state),
                e.axes.health.why.as_ref().map(word).unwrap_or_default()
            )
        }
        Kind::InputAdmitted(e) => format!("{} {}@{}", e.input_id, word(&e.delivery), e.position),
        Kind::InputStarted(e) => format!("{} {}", e.input_id, word(&e.how)),
        Kind::InputCancelled(e) => format!("{} {}", e.input_id, e.reason),
        Kind::TurnStarted(e) => word(&e.origin),
        Kind::TurnCompleted(e) => {
            let why =
                e.error.as_ref().map(|e| e.code.clone()).or_else(|| e.limit.clone()).unwrap_or_default();
            let inputs: Vec<&str> = e.input_ids.iter().map(InputId::as_str).collect();
            format!("{} {} [{}]", word(&e.outcome), why, inputs.join(" "))
        }
        Kind::AskOpened(e) => word(&e.ask.kind),
        Kind::AskResolved(e) => format!("{} {} by {}", word(&e.decision), word(&e.scope), e.by),
        Kind::AskExpired(e) | Kind::AskWithdrawn(e) => e.reason.clone(),
        Kind::WarningRaised(e) => e.code.clone(),
        Kind::NativeReceived(e) => e.kind.clone(),
        Kind::MessageCompleted(e) => word(&e.role),
        Kind::SessionFailed(e) => e.error.code.clone(),
        Kind::ConfigChanged(e) => {
            let values = [&e.model, &e.model_effective, &e.mode, &e.effort];
            let values: Vec<&str> = values.into_iter().flatten().map(String::as_str).collect();
            format!("{} by {}", values.join(" "), e.by)
        }
        Kind::RequestRefused(e) => format!("{} {}", e.verb, e.error.code),
        kind => axes_of(kind).map(axes).unwrap_or_default(),
    };
    format!("{name} {more}").split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn act(act: &Act) -> &'static str {
    match act {
        Act::Spawn(_) => "spawn",
        Act::End(_) => "end",
        Act::Kill => "kill",
        Act::Serve { .. } => "serve",
        Act::Probe => "probe",
        Act::Measure => "measure",
        Act::Handshake(_) => "handshake",
        Act::Erase { .. } => "erase",
        Act::Checkpoint(_) => "checkpoint",
        Act::Rewind(_) => "rewind",
        Act::TellParent(_) => "tell_parent",
    }
}

pub(super) fn command(command: &Command) -> String {
    let value = serde_json::to_value(command).map(|v| v["command"].as_str().map(str::to_owned));
    value
        .ok()
        .flatten()
        .unwrap_or_else(|| format!("{command:?}").chars().take_while(char::is_ascii_alphabetic).collect())
}
