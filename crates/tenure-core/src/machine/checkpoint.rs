//! When checkpoints of the files are taken, and what becomes of them; and ways back.
//!
//! The machine asks for a checkpoint and goes on when it is told what came of it. A turn waits for the one before its
//! input and for the one after the turn before: what differs between the two is what the turn changed. It does not
//! wait for ever, and not for checkpoints in the middle of a turn. How files are recorded is none of its business.

use serde::{Deserialize, Serialize};
use tenure_api::{CheckpointMode, ErrorCode, Problem};
use tenure_event::{
    CheckpointCause, CheckpointCreated, CheckpointId, InputId, Kind, Lifecycle, RewindCompleted,
    RewindConflict, RewindFile, RewindId, Seq, Timestamp, ToolKind, ToolState, TurnId,
};

use super::state::Ending;
use super::take_back::{TakeBack, Way};
use super::{Act, Step};
use crate::{Reply, Until};

/// Milliseconds that a checkpoint may hold up a turn.
const WITHIN_MS: i64 = 30_000;

/// What a session knows of its checkpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoints {
    /// The one that is being taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<PendingCheckpoint>,
    /// What is taken after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Why>,
    /// Rises with each that is asked for: what comes late is told from what is waited for.
    pub n: u64,
    /// The last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<CheckpointId>,
    /// What the last one holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// What was there before the running turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// They are not taken by themselves any more: it is too much.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// The last one failed, and that was told.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub failing: bool,
    /// The way back that is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewind: Option<Box<PendingRewind>>,
    /// The conversation that is being taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub take_back: Option<Box<TakeBack>>,
    /// The last way back, as long as it can be undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Undo>,
}

impl Checkpoints {
    pub(super) fn is_untouched(&self) -> bool {
        self == &Self::default()
    }

    /// Something is being done for it outside of the machine.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.pending.is_some() || self.rewind.is_some() || self.take_back.is_some()
    }
}

/// A checkpoint that is being taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingCheckpoint {
    /// Its number.
    pub n: u64,
    /// Why.
    pub why: Why,
    /// For how long it is waited for.
    pub until: Timestamp,
}

/// Why a checkpoint is taken by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// An input is to be delivered.
    Input(InputId),
    /// The agent began a turn by itself.
    Began(TurnId),
    /// A turn ended.
    Ended {
        /// Which.
        turn_id: TurnId,
        /// What was there before it.
        base: Option<String>,
    },
    /// A tool ended.
    Tool {
        /// Which.
        tool_id: String,
        /// Its turn.
        turn_id: TurnId,
    },
}

/// A way back that is being made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PendingRewind {
    /// Which.
    pub id: RewindId,
    /// To where.
    pub goal: RewindGoal,
    /// What the last checkpoint before it holds.
    #[serde(default)]
    pub head: Option<String>,
}

/// To where a way leads back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RewindGoal {
    /// As it was asked.
    pub to: String,
    /// The checkpoint.
    pub checkpoint_id: CheckpointId,
    /// What it holds.
    pub tree: String,
    /// Its event: what was done after it is gone back over.
    pub seq: Seq,
    /// Take conflicts back, too.
    pub force: bool,
    /// The way back that this one undoes.
    pub undoes: Option<RewindId>,
}

/// A way back that can be undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// Which.
    pub id: RewindId,
    /// The checkpoint that was taken before it.
    pub guard: CheckpointId,
    /// What it holds.
    pub tree: String,
    /// Its event.
    pub seq: Seq,
}

/// A checkpoint to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointPlan {
    /// Its number.
    pub n: u64,
    /// The tree that changes are counted against.
    pub against: Option<String>,
}

/// A checkpoint that was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenCheckpoint {
    /// Name of what it holds.
    pub tree: String,
    /// Files and links.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that are new.
    pub added: u64,
    /// Files that are other.
    pub modified: u64,
    /// Files that are gone.
    pub deleted: u64,
    /// What could not be read, with the reason.
    pub not_covered: Vec<String>,
}

/// Why a checkpoint was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointTrouble {
    /// The directory holds more than is recorded by itself: it is not tried again.
    pub too_large: bool,
    /// For people.
    pub message: String,
}

/// What came of a way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewindOutcome {
    /// What was there before.
    pub guard: TakenCheckpoint,
    /// What is there now.
    pub result: TakenCheckpoint,
    /// What was changed; the first of it.
    pub files: Vec<RewindFile>,
    /// How many were changed.
    pub files_total: u64,
    /// Lines that came.
    pub insertions: u64,
    /// Lines that went.
    pub deletions: u64,
    /// What was not touched; the first of it.
    pub conflicts: Vec<RewindConflict>,
    /// How many were not touched.
    pub conflicts_total: u64,
}

/// What an event about a checkpoint says beside what was recorded.
#[derive(Default)]
struct Told {
    parent: Option<CheckpointId>,
    input_id: Option<InputId>,
    turn_id: Option<TurnId>,
    tool_id: Option<String>,
    rewind_id: Option<RewindId>,
    label: Option<String>,
    base: Option<String>,
}

impl super::State {
    pub(super) fn checkpoint_deadline(&self) -> Option<Timestamp> {
        self.checkpoints.pending.as_ref().map(|p| p.until)
    }
}

impl Step<'_> {
    fn by_itself(&self) -> bool {
        let wanted = matches!(self.s.spec.checkpoints, CheckpointMode::Auto | CheckpointMode::Tool);
        let lives = !matches!(self.s.ending, Some(Ending::Destroy { .. }));
        wanted && lives && !self.s.checkpoints.stopped
    }

    /// One that is being taken is not dropped for the next: of what waits behind it, a turn's end counts most, then
    /// what came last.
    fn ask_in_order(&mut self, why: Why) {
        let c = &mut self.s.checkpoints;
        if c.pending.is_none() {
            self.ask_for_checkpoint(why);
        } else if matches!(why, Why::Ended { .. }) || !matches!(c.waiting, Some(Why::Ended { .. })) {
            c.waiting = Some(why);
        }
    }

    fn ask_for_checkpoint(&mut self, why: Why) {
        let c = &mut self.s.checkpoints;
        c.n += 1;
        let against = match &why {
            Why::Ended { base, .. } => base.clone().or_else(|| c.tree.clone()),
            _ => c.tree.clone(),
        };
        c.pending = Some(PendingCheckpoint { n: c.n, why, until: self.now.at.plus_millis(WITHIN_MS) });
        self.out.acts.push(Act::Checkpoint(CheckpointPlan { n: c.n, against }));
    }

    /// Whether the next input may be delivered as far as files are concerned; asks for what is missing.
    /// `fresh` says that they were recorded in this very step.
    pub(super) fn files_are_known(&mut self, fresh: bool) -> bool {
        let c = &self.s.checkpoints;
        if c.is_busy() {
            return false;
        }
        if fresh || !self.by_itself() {
            return true;
        }
        if let Some(next) = self.s.queue.first().map(|q| q.input_id.clone()) {
            self.ask_for_checkpoint(Why::Input(next));
        }
        false
    }

    /// For whoever sent an input its turn has begun when only the files are still being recorded: an interrupt means
    /// it, so it begins now.
    pub(super) fn begin_without_files(&mut self) {
        let waits = self.s.checkpoints.pending.as_ref().is_some_and(|p| matches!(p.why, Why::Input(_)));
        if waits && self.s.turn.is_none() && self.s.checkpoints.rewind.is_none() {
            self.s.checkpoints.pending = None;
            self.start_next_with(true);
        }
    }

    /// A turn begins: what is known of the files is what was there before it.
    pub(super) fn files_before_turn(&mut self) {
        self.s.checkpoints.base = self.s.checkpoints.tree.clone();
    }

    /// The agent began a turn by itself: nobody has looked before it.
    pub(super) fn files_of_own_turn(&mut self) {
        let Some(turn_id) = self.s.turn.as_ref().map(|t| t.id.clone()) else { return };
        if self.by_itself() && !self.s.checkpoints.is_busy() {
            self.ask_for_checkpoint(Why::Began(turn_id));
        }
    }

    pub(super) fn files_after_turn(&mut self, turn_id: TurnId) {
        let c = &mut self.s.checkpoints;
        // What was there before a turn of the agent's own may be what is being recorded.
        let began = c.pending.as_ref().is_some_and(|p| matches!(p.why, Why::Began(_)));
        let base = c.base.take().or_else(|| c.tree.clone().filter(|_| !began));
        if self.by_itself() && self.s.checkpoints.rewind.is_none() {
            self.ask_in_order(Why::Ended { turn_id, base });
        }
    }

    pub(super) fn files_after_tool(&mut self, tool_id: &str, kind: ToolKind, state: ToolState) {
        let writes = !matches!(kind, ToolKind::Read | ToolKind::Search | ToolKind::Think | ToolKind::Fetch);
        let ran = matches!(state, ToolState::Completed | ToolState::Failed);
        let asked = self.s.spec.checkpoints == CheckpointMode::Tool && writes && ran;
        let Some(turn_id) = self.s.turn.as_ref().map(|t| t.id.clone()).filter(|_| asked) else { return };
        let c = &self.s.checkpoints;
        if self.by_itself() && c.rewind.is_none() && c.take_back.is_none() {
            self.ask_in_order(Why::Tool { tool_id: tool_id.to_owned(), turn_id });
        }
    }

    /// What came of a checkpoint that was asked for.
    pub(super) fn checkpointed(&mut self, n: u64, result: Result<TakenCheckpoint, CheckpointTrouble>) {
        let Some(pending) = self.s.checkpoints.pending.take_if(|p| p.n == n) else { return };
        match result {
            Ok(taken) => {
                self.s.checkpoints.failing = false;
                self.record(pending.why, taken);
            }
            Err(trouble) if trouble.too_large => {
                self.s.checkpoints.stopped = true;
                let what = format!(
                    "no checkpoints are taken by themselves in this session: {}. `tenure checkpoint` takes one whatever its \
                     size; what need not be kept can stand in .gitignore",
                    trouble.message
                );
                self.warn("checkpoints_stopped", &what);
            }
            Err(trouble) if !self.s.checkpoints.failing => {
                self.s.checkpoints.failing = true;
                let what = format!(
                    "the files could not be recorded, so this turn cannot be taken back: {}",
                    trouble.message
                );
                self.warn("checkpoint_failed", &what);
            }
            Err(_) => {}
        }
        match self.s.checkpoints.waiting.take().filter(|_| self.by_itself()) {
            Some(why) => self.ask_for_checkpoint(why),
            None => self.start_next_with(true),
        }
    }

    fn record(&mut self, why: Why, taken: TakenCheckpoint) {
        let c = &self.s.checkpoints;
        let same = c.tree.as_ref() == Some(&taken.tree);
        let (cause, told) = match why {
            Why::Input(id) => (CheckpointCause::Before, Told { input_id: Some(id), ..Told::default() }),
            Why::Began(id) => (CheckpointCause::Before, Told { turn_id: Some(id), ..Told::default() }),
            Why::Tool { tool_id, turn_id } => {
                let (turn_id, tool_id) = (Some(turn_id), Some(tool_id));
                (CheckpointCause::Tool, Told { turn_id, tool_id, ..Told::default() })
            }
            Why::Ended { turn_id, base } => {
                let base = base.or_else(|| c.tree.clone());
                (CheckpointCause::After, Told { turn_id: Some(turn_id), base, ..Told::default() })
            }
        };
        // Another turn may run by now: of one that began by itself, or with what was steered.
        let begins = cause != CheckpointCause::Tool && self.s.turn.is_some();
        if begins {
            self.s.checkpoints.base = Some(taken.tree.clone());
        }
        if cause == CheckpointCause::After || !same {
            let parent = self.s.checkpoints.head.clone();
            self.checkpoint_created(cause, &taken, Told { parent, ..told });
        }
    }

    fn checkpoint_created(
        &mut self,
        cause: CheckpointCause,
        taken: &TakenCheckpoint,
        told: Told,
    ) -> CheckpointId {
        let id = CheckpointId::from_uuid(self.mint());
        self.s.checkpoints.head = Some(id.clone());
        self.s.checkpoints.tree = Some(taken.tree.clone());
        let event = CheckpointCreated {
            checkpoint_id: id.clone(),
            parent: told.parent,
            cause,
            input_id: told.input_id,
            turn_id: told.turn_id.clone(),
            tool_id: told.tool_id,
            rewind_id: told.rewind_id,
            label: told.label,
            tree: taken.tree.clone(),
            base: told.base,
            files: taken.files,
            bytes: taken.bytes,
            added: taken.added,
            modified: taken.modified,
            deleted: taken.deleted,
            not_covered: taken.not_covered.clone(),
        };
        self.emit_in(told.turn_id, Kind::CheckpointCreated(event));
        id
    }

    /// The time for a checkpoint is over: what waited for it goes on without.
    pub(super) fn checkpoint_late(&mut self) {
        self.s.checkpoints.pending = None;
        self.s.checkpoints.waiting = None;
        self.s.checkpoints.stopped = true;
        let what = format!(
            "recording the files took longer than {} s: no checkpoints are taken by themselves in this session any more; \
             `tenure checkpoint` takes one",
            WITHIN_MS / 1000
        );
        self.warn("checkpoints_stopped", &what);
        self.start_next_with(true);
    }

    /// The daemon was away: what it was about to do is done again.
    pub(super) fn checkpoints_again(&mut self) {
        if let Some(pending) = self.s.checkpoints.pending.take() {
            self.ask_for_checkpoint(pending.why);
        }
        if let Some(rewind) = self.s.checkpoints.rewind.clone() {
            self.out.acts.push(Act::Rewind(rewind));
        }
    }

    /// Somebody had the files recorded.
    pub(super) fn manual_checkpoint(
        &mut self,
        label: Option<String>,
        taken: &TakenCheckpoint,
    ) -> Result<Reply, Problem> {
        if self.s.spec.checkpoints == CheckpointMode::Off {
            let what = "checkpoints are off in this session: it was created with `checkpoints.mode: off`";
            return Err(Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id));
        }
        let parent = self.s.checkpoints.head.clone();
        let turn_id = self.s.turn.as_ref().map(|t| t.id.clone());
        let told = Told { parent, label, turn_id, ..Told::default() };
        let id = self.checkpoint_created(CheckpointCause::Manual, taken, told);
        self.out.full = true;
        Ok(self.done(vec![format!("checkpoint:{id}")], Until::Now))
    }

    /// Why no way back can be made at the moment.
    pub(super) fn no_rewind_now(&self) -> Option<Problem> {
        let id = &self.s.spec.id;
        let why = if self.s.turn.is_some() {
            "a turn runs, and may be changing files; `interrupt` it, or wait for its end"
        } else if self.s.checkpoints.is_busy() {
            "its files are being recorded or taken back; try again when that is done"
        } else if self.s.lifecycle == Lifecycle::Destroyed
            || matches!(self.s.ending, Some(Ending::Destroy { .. }))
        {
            "it is being destroyed"
        } else {
            return None;
        };
        Some(Problem::new(ErrorCode::Busy, why).about(id))
    }

    pub(super) fn rewind(&mut self, way: Way) -> Result<Reply, Problem> {
        if let Some(problem) = self.no_rewind_now() {
            return Err(problem);
        }
        let goal = match way {
            Way { conversation: Some(cut), files } => {
                let id = RewindId::from_uuid(self.mint());
                self.take_back(&id, cut, files)?;
                self.out.full = true;
                return Ok(self.done(vec![format!("rewind:{id}")], Until::Now));
            }
            Way { conversation: None, files: Some(goal) } => goal,
            Way { conversation: None, files: None } => return Ok(self.done(Vec::new(), Until::Now)),
        };
        if let Some(undoes) = &goal.undoes
            && self.s.checkpoints.undo.as_ref().is_none_or(|undo| undo.id != *undoes)
        {
            let what = "that way back was undone already";
            return Err(Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id));
        }
        let id = RewindId::from_uuid(self.mint());
        let head = self.s.checkpoints.tree.clone();
        let rewind = Box::new(PendingRewind { id: id.clone(), goal, head });
        self.s.checkpoints.rewind = Some(rewind.clone());
        self.out.acts.push(Act::Rewind(rewind));
        self.out.full = true;
        Ok(self.done(vec![format!("rewind:{id}")], Until::Now))
    }

    /// A way back was made, or could not be.
    pub(super) fn rewound(&mut self, id: &RewindId, result: Result<Box<RewindOutcome>, String>) {
        let Some(pending) = self.s.checkpoints.rewind.take_if(|r| r.id == *id) else { return };
        match result {
            Ok(outcome) => self.record_rewind(*pending, *outcome),
            Err(why) if self.s.checkpoints.take_back.is_some() => {
                let what = format!("what was said was taken back, and the files were not: {why}");
                self.warn("files_not_taken_back", &what);
                self.tell_taken_back(None);
            }
            Err(why) => self.warn("rewind_failed", &format!("nothing was taken back: {why}")),
        }
        self.out.full = true;
        self.start_next();
    }

    fn record_rewind(&mut self, pending: PendingRewind, outcome: RewindOutcome) {
        let PendingRewind { id, goal, .. } = pending;
        let parent = self.s.checkpoints.head.clone();
        let rewind_id = Some(id.clone());
        let told = Told { parent, rewind_id: rewind_id.clone(), ..Told::default() };
        let guard = self.checkpoint_created(CheckpointCause::Guard, &outcome.guard, told);
        let seq = self.last_emitted();
        let base = Some(outcome.guard.tree.clone());
        let told = Told { parent: Some(goal.checkpoint_id), rewind_id, base, ..Told::default() };
        let checkpoint_id = self.checkpoint_created(CheckpointCause::Rewind, &outcome.result, told);
        let undone = goal.undoes.is_some();
        let tree = outcome.guard.tree;
        // Files alone would not be what was there before.
        let undoable = !undone && self.s.checkpoints.take_back.is_none();
        self.s.checkpoints.undo = undoable.then(|| Undo { id: id.clone(), guard: guard.clone(), tree, seq });
        let event = RewindCompleted {
            rewind_id: id,
            scope: "files".to_owned(),
            to: goal.to,
            undoes: goal.undoes,
            guard: Some(guard),
            checkpoint_id: Some(checkpoint_id),
            kept_seq: None,
            messages_removed: Vec::new(),
            messages_removed_total: 0,
            force: goal.force,
            files: outcome.files,
            files_total: outcome.files_total,
            insertions: outcome.insertions,
            deletions: outcome.deletions,
            conflicts: outcome.conflicts,
            conflicts_total: outcome.conflicts_total,
        };
        if self.s.checkpoints.take_back.is_some() {
            return self.tell_taken_back(Some(event));
        }
        self.emit_bare(if undone { Kind::RewindUndone(event) } else { Kind::RewindCompleted(event) });
    }
}
