//! Where a conversation is cut: what is kept, by the names that its agent gave, and what goes. A cut is made between two
//! turns: in the middle of one, calls of tools would be left without what they gave.

use tenure_api::{RewindTo, RewindToKind};
use tenure_event::{CheckpointCause, InputHow, MessageId, Role, Seq};

use super::{Named, Said, Story, Turn};

/// Native ids that are told of what is kept.
const TOLD: usize = 64;

/// A cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// The last event that is kept.
    pub seq: Seq,
    /// Native ids of what was said last before it, oldest first.
    pub kept: Vec<String>,
    /// Something is kept.
    pub keeps: bool,
    /// Messages that go.
    pub removed: Vec<MessageId>,
    /// Nothing goes, and no turn runs.
    pub is_head: bool,
}

/// Why there is no cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoCut {
    /// No such thing is known.
    Unknown,
    /// It cannot be.
    Not(String),
    /// It would be in the middle of a turn.
    Within(String),
}

impl Story {
    /// The end of the last turn that has ended; of what was said before, if there was none.
    pub(crate) fn head(&self) -> Result<Cut, NoCut> {
        let ended = self.turns.iter().rev().filter_map(|turn| turn.ended).find(|seq| self.stands(*seq));
        let before = || self.visible().filter(|said| said.before).last().map(|said| said.seq);
        match ended.or_else(before) {
            Some(seq) => Ok(self.cut_at(seq)),
            None => Err(NoCut::Not("nothing was said yet, or no turn has ended".to_owned())),
        }
    }

    /// Where an id means to cut: behind it, and for an input before it.
    pub(crate) fn cut(&self, to: &RewindTo) -> Result<Cut, NoCut> {
        let seq = self.place(to)?;
        if seq < self.cleared {
            let what =
                "it belongs to a conversation that was cleared since, which the agent does not hold any more";
            return Err(NoCut::Not(what.to_owned()));
        }
        if !self.stands(seq) {
            return Err(NoCut::Not("it was taken back since".to_owned()));
        }
        Ok(self.cut_at(seq))
    }

    fn place(&self, to: &RewindTo) -> Result<Seq, NoCut> {
        let mark = match self.named(to).ok_or(NoCut::Unknown)? {
            Named::Turn(turn) => return end(turn),
            Named::Input { turn, how } => return self.before(turn, how),
            Named::Message(said) => return self.behind(said),
            Named::Checkpoint(mark) => mark,
        };
        match (mark.data.cause, &mark.data.input_id, &mark.data.turn_id) {
            // Its turn had not begun when it was taken.
            (CheckpointCause::Before, Some(input), _) => {
                self.place(&RewindTo::Kind(RewindToKind::Input(input.to_string())))
            }
            (CheckpointCause::After, _, Some(turn)) => self.turn(turn.as_str()).map_or(Ok(mark.seq), end),
            _ => self.between(mark.seq),
        }
    }

    fn cut_at(&self, seq: Seq) -> Cut {
        let kept = || self.visible().filter(|said| said.seq <= seq);
        let mut ids: Vec<String> =
            kept().filter(|said| !said.sub).flat_map(|said| said.native_ids.iter().cloned()).collect();
        ids.drain(..ids.len().saturating_sub(TOLD));
        let removed: Vec<MessageId> =
            self.visible().filter(|said| said.seq > seq).map(|said| said.id.clone()).collect();
        let rests = self.turns.iter().all(|turn| turn.ended.is_some());
        Cut { seq, kept: ids, keeps: kept().next().is_some(), is_head: removed.is_empty() && rests, removed }
    }

    /// Of the conversation that goes on, and not taken back.
    fn visible(&self) -> impl Iterator<Item = &Said> {
        self.said.iter().filter(|said| self.stands(said.seq))
    }

    fn stands(&self, seq: Seq) -> bool {
        seq >= self.cleared && !self.taken_back.iter().any(|span| span.holds(seq))
    }

    /// Before the turn that an input began.
    fn before(&self, turn: &str, how: InputHow) -> Result<Seq, NoCut> {
        if how == InputHow::Steered {
            let what = format!("it was steered into turn {turn}, in the middle of it; name the turn");
            return Err(NoCut::Within(what));
        }
        let began = self.turn(turn).map(|turn| turn.began).ok_or(NoCut::Unknown)?;
        Ok(Seq(began.0.saturating_sub(1)))
    }

    fn behind(&self, said: &Said) -> Result<Seq, NoCut> {
        let Some(id) = &said.turn else {
            let next = self.visible().find(|other| other.seq > said.seq && !other.sub);
            let answered = next.is_some_and(|next| next.role != Role::User && next.turn.is_none());
            if answered || said.sub {
                let what = "it stands in the middle of a turn; name the last message of it";
                return Err(NoCut::Within(what.to_owned()));
            }
            return Ok(said.seq);
        };
        let last = self.said.iter().rfind(|other| other.turn.as_ref() == Some(id) && !other.sub);
        match self.turn(id) {
            Some(turn) if last.is_some_and(|last| last.seq == said.seq) => end(turn),
            _ => Err(NoCut::Within(format!(
                "it stands in the middle of turn {id}; name the turn to keep all of it, or its input to keep what was before it"
            ))),
        }
    }

    /// A moment in which no turn ran.
    fn between(&self, seq: Seq) -> Result<Seq, NoCut> {
        let ran = |turn: &&Turn| turn.began < seq && turn.ended.is_none_or(|ended| ended > seq);
        match self.turns.iter().find(ran) {
            Some(turn) => Err(NoCut::Within(format!("it was taken in the middle of turn {}", turn.id))),
            None => Ok(seq),
        }
    }
}

fn end(turn: &Turn) -> Result<Seq, NoCut> {
    turn.ended.ok_or_else(|| NoCut::Not(format!("turn {} runs still; wait for its end", turn.id)))
}
