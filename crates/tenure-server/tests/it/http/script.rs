//! Sessions written into the log as an owner would write them.

use tenure_event::{
    Axes, InputAdmitted, InputHow, InputId, InputStarted, Kind, MessageCompleted, MessageId, NewEvent,
    Outcome, Part, PartBody, Role, Seq, SessionId, Timestamp, ToolCompleted, ToolKind, ToolStarted,
    ToolState, TurnCompleted, TurnId, TurnOrigin, TurnStarted,
};
use tenure_log::{Append, Class, EventLog, Write};

use super::app::TestApp;

/// Appends to a session that no owner holds; returns its last position.
pub(crate) async fn append(app: &TestApp, session: &str, kinds: Vec<(Option<&str>, Kind)>) -> u64 {
    write(app, session, kinds, Vec::new()).await
}

pub(crate) async fn write(
    app: &TestApp,
    session: &str,
    kinds: Vec<(Option<&str>, Kind)>,
    writes: Vec<Write>,
) -> u64 {
    let session_id = SessionId::parse(session).expect("an id");
    let log = app.node.log();
    let events = kinds.into_iter().map(|(turn, kind)| NewEvent {
        ts: Timestamp::from_millis(1_795_139_670_306),
        turn_id: turn.map(|id| TurnId::parse(id).expect("an id")),
        kind,
    });
    let events: Vec<NewEvent> = events.collect();
    let page = tenure_log::PageRequest { after: 0, limit: 1, max_bytes: 1, types: Vec::new() };
    let expected = Seq(log.read(&session_id, page).await.expect("read").last);
    let append = Append { session_id, expected, events, class: Class::Normal, writes };
    log.append(append).await.expect("appended").last_seq.0
}

fn message_id(text: &str) -> MessageId {
    MessageId::parse(text).expect("an id")
}

pub(crate) fn text(id: &str, text: &str) -> Part {
    let body = PartBody::Text { text: text.to_owned() };
    Part { id: id.to_owned(), body, bytes: None, blob: None }
}

pub(crate) fn message(id: &str, role: Role, parts: Vec<Part>) -> Kind {
    Kind::MessageCompleted(MessageCompleted {
        message_id: message_id(id),
        native_ids: Vec::new(),
        role,
        parts,
        model: None,
        usage: None,
        partial: false,
        origin: None,
        said_at: None,
        parent_tool_id: None,
        epoch: 0,
        whole: None,
    })
}

pub(crate) fn said(id: &str, words: &str) -> Kind {
    message(id, Role::Assistant, vec![text(&format!("{id}.0"), words)])
}

/// A whole turn: an input, what was said, and a tool call, with ids that end in `n`.
pub(crate) fn turn(n: usize) -> Vec<(Option<String>, Kind)> {
    let turn_id = TurnId::parse(&format!("t{n}")).expect("an id");
    let input_id = InputId::parse(&format!("i{n}")).expect("an id");
    let words = vec![text(&format!("i{n}.0"), "do it")];
    let within = |kind| (Some(format!("t{n}")), kind);
    let (tool_id, caller) = (format!("call{n}"), message_id(&format!("a{n}")));
    vec![
        (
            None,
            Kind::InputAdmitted(InputAdmitted {
                input_id: input_id.clone(),
                delivery: tenure_event::Delivery::Queue,
                position: 0,
                parts: words.clone(),
                model: None,
                effort: None,
            }),
        ),
        within(Kind::TurnStarted(TurnStarted {
            turn_id: turn_id.clone(),
            origin: TurnOrigin::Input,
            input_ids: vec![input_id.clone()],
        })),
        within(Kind::InputStarted(InputStarted {
            input_id: input_id.clone(),
            turn_id: turn_id.clone(),
            how: InputHow::Turn,
        })),
        within(message(&format!("u{n}"), Role::User, words)),
        within(said(&format!("a{n}"), "let me see")),
        within(Kind::ToolStarted(ToolStarted {
            tool_id: tool_id.clone(),
            message_id: caller.clone(),
            tool: "Bash".into(),
            kind: ToolKind::Execute,
            title: "ls".into(),
            state: ToolState::Running,
            input: serde_json::json!({"command": "ls"}),
            locations: Vec::new(),
            parent_tool_id: None,
            whole: None,
        })),
        within(Kind::ToolCompleted(ToolCompleted {
            tool_id,
            message_id: caller,
            tool: "Bash".into(),
            kind: ToolKind::Execute,
            title: "ls".into(),
            state: ToolState::Completed,
            input: None,
            output: Some("a.txt".into()),
            diffs: Vec::new(),
            error: None,
            blob: None,
            bytes: None,
            whole: None,
        })),
        within(said(&format!("b{n}"), &format!("done {n}"))),
        within(Kind::TurnCompleted(TurnCompleted {
            turn_id,
            input_ids: vec![input_id],
            message_id: Some(message_id(&format!("b{n}"))),
            outcome: Outcome::Completed,
            stop_reason: Some("end_turn".into()),
            limit: None,
            usage: None,
            cost_usd: None,
            error: None,
        })),
    ]
}

/// Appends whole turns.
pub(crate) async fn turns(app: &TestApp, session: &str, numbers: std::ops::Range<usize>) {
    for n in numbers {
        let events = turn(n);
        let events = events.iter().map(|(turn, kind)| (turn.as_deref(), kind.clone())).collect();
        append(app, session, events).await;
    }
}

pub(crate) fn changed() -> Kind {
    Kind::SessionActivityChanged(tenure_event::SessionChanged { axes: Axes::default() })
}
