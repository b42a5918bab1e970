//! The story of a session as its log tells it: turns, inputs, messages, checkpoints and ways back. It is read to find what
//! an id of a client's means. What follows from that is not decided here: for files see `checkpoints::goal`, for the
//! conversation see `cut` below.

mod cut;

use tenure_api::{ErrorCode, Problem, RewindTo, RewindToKind};
use tenure_core::projection::Span;
use tenure_event::{
    CheckpointId, Event, InputHow, Kind, MessageId, MessageOrigin, RewindId, Role, Seq, SessionId,
};
use tenure_log::{LogError, SqliteLog};

pub(crate) use cut::{Cut, NoCut};

use crate::checkpoints::marks::{self, Mark};
use crate::{past, problem};

/// What is read of the log.
const KINDS: [&str; 8] = [
    "checkpoint.created",
    "input.started",
    "message.completed",
    "rewind.completed",
    "rewind.undone",
    "session.cleared",
    "turn.completed",
    "turn.started",
];

/// A turn.
pub(crate) struct Turn {
    pub id: String,
    pub began: Seq,
    pub ended: Option<Seq>,
}

/// A message.
pub(crate) struct Said {
    pub seq: Seq,
    pub id: MessageId,
    pub native_ids: Vec<String>,
    pub role: Role,
    pub turn: Option<String>,
    /// A subagent said it.
    pub sub: bool,
    /// It was said before this session.
    pub before: bool,
}

/// The log of a session, as far as it matters here.
#[derive(Default)]
pub(crate) struct Story {
    pub marks: Vec<Mark>,
    pub turns: Vec<Turn>,
    /// Input, turn, how.
    inputs: Vec<(String, String, InputHow)>,
    pub said: Vec<Said>,
    /// The last way back of files that was not undone, and its guard.
    pub undo: Option<(RewindId, CheckpointId)>,
    /// The last way back took back what was said.
    pub no_undo: bool,
    /// What was taken back of the conversation.
    pub taken_back: Vec<Span>,
    /// The beginning of the conversation that goes on.
    cleared: Seq,
}

/// What an id means.
pub(crate) enum Named<'a> {
    Checkpoint(&'a Mark),
    Turn(&'a Turn),
    /// The turn that it began, or that it was steered into.
    Input {
        turn: &'a str,
        how: InputHow,
    },
    Message(&'a Said),
}

impl Story {
    /// # Errors
    /// When the log cannot be read.
    pub(crate) async fn read(log: &SqliteLog, id: &SessionId) -> Result<Self, Problem> {
        let mut story = Self::default();
        let read = past::events(log, id, &KINDS, |event| story.take(event)).await;
        read.map_err(|e| problem::from_log(&e))?;
        Ok(story)
    }

    fn take(&mut self, event: Event) {
        let seq = event.seq;
        match &event.kind {
            Kind::TurnStarted(data) => {
                self.turns.push(Turn { id: data.turn_id.to_string(), began: seq, ended: None });
            }
            Kind::TurnCompleted(data) => {
                let turn = self.turns.iter_mut().rev().find(|turn| turn.id == data.turn_id.as_str());
                if let Some(turn) = turn {
                    turn.ended = Some(seq);
                }
            }
            Kind::InputStarted(data) => {
                self.inputs.push((data.input_id.to_string(), data.turn_id.to_string(), data.how));
            }
            Kind::MessageCompleted(data) => self.said.push(Said {
                seq,
                id: data.message_id.clone(),
                native_ids: data.native_ids.clone(),
                role: data.role,
                turn: event.turn_id.as_ref().map(ToString::to_string),
                sub: data.parent_tool_id.is_some(),
                before: data.origin == Some(MessageOrigin::Native),
            }),
            Kind::SessionCleared(_) => self.cleared = seq,
            Kind::RewindCompleted(data) => {
                // Files alone would not be what was there before.
                let files = data.guard.clone().filter(|_| data.kept_seq.is_none());
                self.undo = files.map(|guard| (data.rewind_id.clone(), guard));
                self.no_undo = data.kept_seq.is_some();
                self.taken_back.extend(span(&event));
            }
            Kind::RewindUndone(data) if data.guard.is_some() => self.undo = None,
            _ => self.marks.extend(marks::mark(event)),
        }
    }

    /// What an id means; nothing if it is unknown here.
    pub(crate) fn named(&self, to: &RewindTo) -> Option<Named<'_>> {
        let (of, id) = match to {
            RewindTo::Id(id) => (None, id),
            RewindTo::Kind(RewindToKind::Checkpoint(id)) => (Some(0), id),
            RewindTo::Kind(RewindToKind::Turn(id)) => (Some(1), id),
            RewindTo::Kind(RewindToKind::Input(id)) => (Some(2), id),
            RewindTo::Kind(RewindToKind::Message(id)) => (Some(3), id),
        };
        let wanted = |kind: u8| of.is_none_or(|of| of == kind);
        let mark = || self.marks.iter().find(|m| m.data.checkpoint_id.as_str() == id);
        let input = || self.inputs.iter().find(|(input, _, _)| input == id);
        let message = || self.said.iter().find(|said| said.id.as_str() == id || said.native_ids.contains(id));
        let checkpoint = wanted(0).then(mark).flatten().map(Named::Checkpoint);
        let turn = || wanted(1).then(|| self.turn(id)).flatten().map(Named::Turn);
        let input = || wanted(2).then(input).flatten().map(|(_, turn, how)| Named::Input { turn, how: *how });
        let message = || wanted(3).then(message).flatten().map(Named::Message);
        checkpoint.or_else(turn).or_else(input).or_else(message)
    }

    pub(crate) fn turn(&self, id: &str) -> Option<&Turn> {
        self.turns.iter().find(|turn| turn.id == id)
    }
}

/// The id that was given.
pub(crate) fn id_of(to: &RewindTo) -> &str {
    match to {
        RewindTo::Id(id)
        | RewindTo::Kind(
            RewindToKind::Checkpoint(id)
            | RewindToKind::Turn(id)
            | RewindToKind::Input(id)
            | RewindToKind::Message(id),
        ) => id,
    }
}

/// An id that means nothing in this session.
pub(crate) fn unknown(session: &SessionId, field: &str, to: &RewindTo) -> Problem {
    let what = format!(
        "`{}` is no message, turn, input or checkpoint of this session; `tenure checkpoint` lists its checkpoints",
        id_of(to)
    );
    Problem { field: Some(field.into()), ..Problem::new(ErrorCode::NotFound, what).about(session) }
}

/// What was taken back of the conversation of a session.
pub(crate) async fn taken_back(log: &SqliteLog, id: &SessionId) -> Result<Vec<Span>, LogError> {
    let mut spans = Vec::new();
    past::events(log, id, &["rewind.completed"], |event| spans.extend(span(&event))).await?;
    Ok(spans)
}

/// What a way back has taken back of the conversation.
fn span(event: &Event) -> Option<Span> {
    match &event.kind {
        Kind::RewindCompleted(data) => data.kept_seq.map(|after| Span { after, upto: event.seq }),
        _ => None,
    }
}
