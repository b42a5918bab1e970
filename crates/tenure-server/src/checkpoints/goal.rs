//! To where a way leads back: finding the checkpoint that a message, a turn or an input means.

use tenure_api::{ErrorCode, Problem, RewindTo, RewindToKind};
use tenure_core::machine::RewindGoal;
use tenure_event::{CheckpointCause, Event, InputHow, Kind, RewindId, Role, Seq, SessionId};
use tenure_log::SqliteLog;

use super::marks::{self, Mark};
use crate::past;
use crate::problem;

/// What is read of the log to find a goal.
const KINDS: [&str; 6] = [
    "checkpoint.created",
    "input.started",
    "message.completed",
    "rewind.completed",
    "rewind.undone",
    "turn.started",
];

/// The log of a session, as far as it matters here.
#[derive(Default)]
struct Story {
    marks: Vec<Mark>,
    /// Turns that were begun.
    turns: Vec<String>,
    /// Input, turn, how.
    inputs: Vec<(String, String, InputHow)>,
    said: Vec<Said>,
    /// The last way back that was not undone, and its guard.
    undo: Option<(RewindId, tenure_event::CheckpointId)>,
}

/// A message.
struct Said {
    seq: Seq,
    ids: Vec<String>,
    role: Role,
    turn: Option<String>,
}

impl Story {
    async fn read(log: &SqliteLog, id: &SessionId) -> Result<Self, Problem> {
        let mut story = Self::default();
        let read = past::events(log, id, &KINDS, |event| story.take(event)).await;
        read.map_err(|e| problem::from_log(&e))?;
        Ok(story)
    }

    fn take(&mut self, event: Event) {
        match &event.kind {
            Kind::TurnStarted(data) => self.turns.push(data.turn_id.to_string()),
            Kind::InputStarted(data) => {
                self.inputs.push((data.input_id.to_string(), data.turn_id.to_string(), data.how));
            }
            Kind::MessageCompleted(data) => {
                let own = std::iter::once(data.message_id.to_string());
                self.said.push(Said {
                    seq: event.seq,
                    ids: own.chain(data.native_ids.iter().cloned()).collect(),
                    role: data.role,
                    turn: event.turn_id.as_ref().map(ToString::to_string),
                });
            }
            Kind::RewindCompleted(data) => self.undo = Some((data.rewind_id.clone(), data.guard.clone())),
            Kind::RewindUndone(_) => self.undo = None,
            _ => self.marks.extend(marks::mark(event)),
        }
    }

    /// The checkpoint after a turn.
    fn after(&self, turn: &str) -> Option<&Mark> {
        let of_turn = |m: &&Mark| m.data.turn_id.as_ref().is_some_and(|id| id.as_str() == turn);
        self.marks.iter().filter(of_turn).find(|m| m.data.cause == CheckpointCause::After)
    }

    /// The checkpoint that holds what was there before a turn.
    fn before(&self, turn: &str) -> Option<&Mark> {
        let after = self.after(turn)?;
        let base = after.data.base.as_ref()?;
        self.marks.iter().rev().find(|m| m.seq < after.seq && m.data.tree == *base)
    }

    /// The first checkpoint of a turn after a point in it.
    fn at(&self, turn: &str, seq: Seq) -> Option<&Mark> {
        let of_turn = |m: &&Mark| m.data.turn_id.as_ref().is_some_and(|id| id.as_str() == turn);
        let taken = |m: &&Mark| matches!(m.data.cause, CheckpointCause::Tool | CheckpointCause::After);
        self.marks.iter().filter(of_turn).find(|m| m.seq > seq && taken(m))
    }

    fn find(&self, to: &RewindTo) -> Found<'_> {
        let (of, id) = match to {
            RewindTo::Id(id) => (None, id),
            RewindTo::Kind(RewindToKind::Checkpoint(id)) => (Some(0), id),
            RewindTo::Kind(RewindToKind::Turn(id)) => (Some(1), id),
            RewindTo::Kind(RewindToKind::Input(id)) => (Some(2), id),
            RewindTo::Kind(RewindToKind::Message(id)) => (Some(3), id),
        };
        let wanted = |kind: u8| of.is_none_or(|of| of == kind);
        if wanted(0)
            && let Some(mark) = self.marks.iter().find(|m| m.data.checkpoint_id.as_str() == id)
        {
            return Found::At(mark);
        }
        if wanted(1) && self.turns.contains(id) {
            return Found::of(self.after(id), "no checkpoint was taken after this turn");
        }
        if wanted(2)
            && let Some((_, turn, how)) = self.inputs.iter().find(|(input, _, _)| input == id)
        {
            return match how {
                InputHow::Steered => Found::Not(format!(
                    "it was steered into turn {turn}, in the middle of which no checkpoint was taken; name the turn, or an input"
                )),
                InputHow::Turn => {
                    Found::of(self.before(turn), "no checkpoint was taken before and after its turn")
                }
            };
        }
        if wanted(3)
            && let Some(said) = self.said.iter().find(|said| said.ids.contains(id))
        {
            return self.message(said);
        }
        Found::Unknown
    }

    fn message(&self, said: &Said) -> Found<'_> {
        let Some(turn) = &said.turn else {
            return Found::Not("it was said in no turn, so no checkpoint belongs to it".to_owned());
        };
        let first = self.said.iter().find(|other| other.turn == said.turn);
        let begins = said.role == Role::User && first.is_some_and(|first| first.seq == said.seq);
        let mark = if begins { self.before(turn) } else { self.at(turn, said.seq) };
        Found::of(mark, "no checkpoint was taken before and after its turn")
    }
}

/// What an id means.
enum Found<'a> {
    At(&'a Mark),
    /// It means something to which no way leads back.
    Not(String),
    Unknown,
}

impl<'a> Found<'a> {
    fn of(mark: Option<&'a Mark>, otherwise: &str) -> Self {
        mark.map_or_else(|| Self::Not(otherwise.to_owned()), Self::At)
    }
}

/// Finds the goal. `Ok(Err(…))` says why there is no way back to what is meant.
pub(crate) async fn find(
    log: &SqliteLog,
    id: &SessionId,
    to: &RewindTo,
    force: bool,
) -> Result<Result<RewindGoal, String>, Problem> {
    let named = match to {
        RewindTo::Id(named)
        | RewindTo::Kind(
            RewindToKind::Checkpoint(named)
            | RewindToKind::Turn(named)
            | RewindToKind::Input(named)
            | RewindToKind::Message(named),
        ) => named,
    };
    match Story::read(log, id).await?.find(to) {
        Found::At(mark) => Ok(Ok(goal(mark, named.clone(), force))),
        Found::Not(why) => Ok(Err(why)),
        Found::Unknown => {
            let what = format!(
                "`{named}` is no message, turn, input or checkpoint of this session; `tenure checkpoint` lists its checkpoints"
            );
            Err(Problem { field: Some("to".into()), ..Problem::new(ErrorCode::NotFound, what).about(id) })
        }
    }
}

/// The goal of undoing the last way back.
pub(crate) async fn undo(log: &SqliteLog, id: &SessionId, force: bool) -> Result<RewindGoal, Problem> {
    let story = Story::read(log, id).await?;
    let found = story.undo.as_ref().and_then(|(rewind, guard)| {
        Some((rewind, story.marks.iter().find(|m| m.data.checkpoint_id == *guard)?))
    });
    let Some((rewind, mark)) = found else {
        let what =
            "there is nothing to undo: no files were taken back in this session, or that was undone already";
        return Err(Problem::new(ErrorCode::Conflict, what).about(id));
    };
    Ok(RewindGoal { undoes: Some(rewind.clone()), ..goal(mark, rewind.to_string(), force) })
}

fn goal(mark: &Mark, to: String, force: bool) -> RewindGoal {
    RewindGoal {
        to,
        checkpoint_id: mark.data.checkpoint_id.clone(),
        tree: mark.data.tree.clone(),
        seq: mark.seq,
        force,
        undoes: None,
    }
}
