//! To where a way leads back: finding the checkpoint that a message, a turn or an input means.

use tenure_api::{ErrorCode, Problem, RewindTo};
use tenure_core::machine::RewindGoal;
use tenure_event::{CheckpointCause, InputHow, Role, Seq, SessionId};
use tenure_log::{EventLog, SqliteLog};

use super::marks::Mark;
use crate::story::{self, Named, Said, Story};

impl Story {
    /// The checkpoint after a turn.
    fn after(&self, turn: &str) -> Option<&Mark> {
        let of_turn = |m: &&Mark| m.data.turn_id.as_ref().is_some_and(|id| id.as_str() == turn);
        self.marks.iter().filter(of_turn).find(|m| m.data.cause == CheckpointCause::After)
    }

    /// The checkpoint that holds what was there before a turn.
    fn before_turn(&self, turn: &str) -> Option<&Mark> {
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
        match self.named(to) {
            None => Found::Unknown,
            Some(Named::Checkpoint(mark)) => Found::At(mark),
            Some(Named::Turn(turn)) => {
                Found::of(self.after(&turn.id), "no checkpoint was taken after this turn")
            }
            Some(Named::Input { turn, how: InputHow::Steered }) => Found::Not(format!(
                "it was steered into turn {turn}, in the middle of which no checkpoint was taken; name the turn, or an input"
            )),
            Some(Named::Input { turn, how: InputHow::Turn }) => {
                Found::of(self.before_turn(turn), "no checkpoint was taken before and after its turn")
            }
            Some(Named::Message(said)) => self.message(said),
        }
    }

    fn message(&self, said: &Said) -> Found<'_> {
        let Some(turn) = &said.turn else {
            return Found::Not("it was said in no turn, so no checkpoint belongs to it".to_owned());
        };
        let first = self.said.iter().find(|other| other.turn == said.turn);
        let begins = said.role == Role::User && first.is_some_and(|first| first.seq == said.seq);
        let mark = if begins { self.before_turn(turn) } else { self.at(turn, said.seq) };
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
    match Story::read(log, id).await?.find(to) {
        Found::At(mark) => Ok(Ok(goal(mark, story::id_of(to).to_owned(), force))),
        Found::Not(why) => Ok(Err(why)),
        Found::Unknown => Err(story::unknown(id, "to", to)),
    }
}

/// The goal of undoing the last way back.
pub(crate) async fn undo(log: &SqliteLog, id: &SessionId, force: bool) -> Result<RewindGoal, Problem> {
    let story = Story::read(log, id).await?;
    let found = story.undo.as_ref().and_then(|(rewind, guard)| {
        Some((rewind, story.marks.iter().find(|m| m.data.checkpoint_id == *guard)?))
    });
    if story.no_undo {
        let agent = log.session(id).await.map_err(|e| crate::problem::from_log(&e))?.map(|row| row.agent);
        let why = "what was said cannot be brought back; `restore` of the guard checkpoint brings back the files alone";
        return Err(Problem::unsupported(agent.unwrap_or_default(), "rewind_undo", why).about(id));
    }
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
