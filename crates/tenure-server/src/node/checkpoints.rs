//! What clients can ask of a session's checkpoints: taking, listing, comparing, and the ways back.

use std::path::PathBuf;
use std::time::Duration;

use tenure_api::{Checkpoint, CheckpointDiff, ErrorCode, Problem, RewindPlan, RewindScope, RewindTo};
use tenure_core::machine::{RewindGoal, Way};
use tenure_core::{Reply, Request};
use tenure_crash_point::crash_point;
use tenure_event::{CheckpointId, RewindId, Seq, SessionId, WorkspaceId};
use tenure_log::{EventLog, SessionRow};
use tokio::sync::oneshot;

use super::{IdempotencyKey, Node, Shared};
use crate::checkpoints::marks::Mark;
use crate::checkpoints::way::{Since, Told};
use crate::checkpoints::{Place, goal, marks, retention, show, take, way};
use crate::owner::Mail;
use crate::problem;

/// How long it is waited for a checkpoint that is being taken anyway.
const SETTLES_WITHIN: Duration = Duration::from_secs(35);
/// Said with every plan.
const NOT_COVERED: &str = "files that ignore rules exclude, and what version control keeps for itself, are never recorded and never touched";

/// With what a checkpoint is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Against {
    /// With what was there before it: before its turn, or at the checkpoint that it follows on.
    Previous,
    /// With what is there now.
    Workspace,
    /// With another checkpoint.
    Checkpoint(CheckpointId),
}

impl Shared {
    /// After a session was destroyed: its checkpoints go.
    pub(super) async fn erase_checkpoints(&self, workspace: &WorkspaceId, last: bool) {
        if !last {
            return retention::sweep(self, workspace).await;
        }
        if let Err(e) = self.stores.remove(workspace).await {
            tracing::warn!(%workspace, error = %e, "checkpoints of a destroyed session are left");
        }
    }
}

impl Node {
    async fn place_of(&self, id: &SessionId) -> Result<(Place, SessionRow), Problem> {
        let row = self.shared.log.session(id).await.map_err(|e| problem::from_log(&e))?;
        let row = row.ok_or_else(|| problem::no_session(id))?;
        let place = Place { workspace: row.workspace_id.clone(), root: PathBuf::from(&row.cwd) };
        Ok((place, row))
    }

    /// A session's checkpoints, oldest first.
    ///
    /// # Errors
    /// `storage` when log or store cannot be read.
    pub async fn checkpoints(&self, id: &SessionId) -> Result<Vec<Checkpoint>, Problem> {
        let (place, _) = self.place_of(id).await?;
        let marks = marks::of(&self.shared.log, id).await.map_err(|e| problem::from_log(&e))?;
        if marks.is_empty() {
            return Ok(Vec::new());
        }
        let shown = self.shared.stores.with(&place.workspace, move |used| {
            marks.into_iter().map(|mark| view(used.store.has_tree_named(&mark.data.tree), mark)).collect()
        });
        shown.await.map_err(|e| storage(id, &e))
    }

    /// Takes a checkpoint, whatever the size of the workspace.
    ///
    /// # Errors
    /// `conflict` when the session has checkpoints off; `storage` when the files cannot be recorded.
    pub async fn take_checkpoint(
        &self,
        id: &SessionId,
        label: Option<String>,
        key: Option<IdempotencyKey>,
    ) -> Result<Checkpoint, Problem> {
        let known = self.shared.remembered::<Reply>(key.as_ref()).await?;
        let reply = match known {
            Some(known) => known,
            None => {
                let (place, _) = self.place_of(id).await?;
                let own = marks::of(&self.shared.log, id).await.map_err(|e| problem::from_log(&e))?;
                let against = own.last().map(|m| m.data.tree.clone());
                let taken = take(&self.shared.stores, &place, None, against).await;
                let taken = Box::new(taken.map_err(|e| storage(id, &e.message))?);
                crash_point!("checkpoint.by_hand");
                self.call(id, Request::Checkpoint { label, taken }, key).await?
            }
        };
        let made = hit(&reply, "checkpoint:");
        let all = self.checkpoints(id).await?;
        let found = all.into_iter().find(|c| Some(c.id.as_str()) == made.as_deref());
        found.ok_or_else(|| problem::internal("a checkpoint that was recorded cannot be found"))
    }

    /// What differs between a checkpoint and another state.
    ///
    /// # Errors
    /// `not_found` for an unknown checkpoint, `storage` when retention removed it or the files cannot be recorded.
    pub async fn compare_checkpoint(
        &self,
        id: &SessionId,
        checkpoint: &str,
        against: Against,
    ) -> Result<CheckpointDiff, Problem> {
        let (place, _) = self.place_of(id).await?;
        let marks = marks::of(&self.shared.log, id).await.map_err(|e| problem::from_log(&e))?;
        let mark = find(id, &marks, checkpoint)?.clone();
        let own = (mark.data.checkpoint_id.to_string(), mark.tree());
        let (from, to) = match against {
            Against::Workspace => (own, ("workspace".to_owned(), None)),
            Against::Previous => (previous(&marks, &mark), own),
            Against::Checkpoint(other) => {
                let other = find(id, &marks, other.as_str())?;
                ((other.data.checkpoint_id.to_string(), other.tree()), own)
            }
        };
        let root = place.root.clone();
        let shown = self.shared.stores.with(&place.workspace, move |used| {
            let now = match to.1 {
                Some(tree) => tree,
                None => used.take(&root, None).map_err(|e| e.to_string())?,
            };
            show::difference(used, from.1, now, (from.0, to.0))
        });
        shown.await.unwrap_or_else(Err).map_err(|e| storage(id, &e))
    }

    /// Waits until no checkpoint is being taken by itself.
    async fn files_settled(&self, id: &SessionId) {
        let (reply, answer) = oneshot::channel();
        if self.owner(id).send(Mail::FilesSettled { reply }).await.is_ok() {
            // A task that ends drops the question; what was pending is done by the next one.
            let _ = tokio::time::timeout(SETTLES_WITHIN, answer).await;
        }
    }

    /// Plans a way back.
    ///
    /// # Errors
    /// `not_found` for what is no id of this session, and what [`Node::rewind`] refuses.
    pub async fn plan_rewind(
        &self,
        id: &SessionId,
        to: &RewindTo,
        scope: RewindScope,
        force: bool,
    ) -> Result<RewindPlan, Problem> {
        self.files_settled(id).await;
        let cut = match self.cut_for(id, to, scope).await? {
            Ok(cut) => cut,
            Err(why) => return Ok(impossible(why)),
        };
        let plan = if scope == RewindScope::Conversation {
            plan_of(Told::default())
        } else {
            match goal::find(&self.shared.log, id, to, force).await? {
                Ok(goal) => self.planned(id, goal).await?,
                Err(why) => return Ok(impossible(why)),
            }
        };
        let removed = cut.map(|cut| (cut.removed, cut.removed_total)).unwrap_or_default();
        Ok(RewindPlan {
            messages_removed: removed.0.iter().map(ToString::to_string).collect(),
            messages_removed_total: removed.1,
            ..plan
        })
    }

    /// Plans to undo the last way back.
    ///
    /// # Errors
    /// `conflict` when there is nothing to undo.
    pub async fn plan_undo(&self, id: &SessionId, force: bool) -> Result<RewindPlan, Problem> {
        self.files_settled(id).await;
        let goal = goal::undo(&self.shared.log, id, force).await?;
        self.planned(id, goal).await
    }

    async fn planned(&self, id: &SessionId, goal: RewindGoal) -> Result<RewindPlan, Problem> {
        let (place, row) = self.place_of(id).await?;
        if row.activity.as_deref().is_some_and(|a| !matches!(a, "idle" | "queued")) {
            let why = "a turn runs, and may be changing files; `interrupt` it, or wait for its end";
            return Ok(impossible(why.to_owned()));
        }
        let since = Since::read(&self.shared.log, id, &place, &goal).await;
        let since = since.map_err(|e| problem::from_log(&e))?;
        let checkpoint_id = Some(goal.checkpoint_id.clone());
        match way::dry_run(&self.shared.stores, &place, goal, since).await {
            Ok(told) => Ok(RewindPlan { checkpoint_id, ..plan_of(told) }),
            Err(why) => Ok(impossible(why)),
        }
    }

    /// Begins to take files back, or what was said, or both. What it comes to is told by `rewind.completed` after the
    /// position that is returned, or by a warning `rewind_failed`.
    ///
    /// # Errors
    /// `not_found` for what is no id of this session, `conflict` when no way leads there, `busy` while a turn runs,
    /// `unsupported` where the agent cannot take back what was said.
    pub async fn rewind(
        &self,
        id: &SessionId,
        to: &RewindTo,
        scope: RewindScope,
        force: bool,
        key: Option<IdempotencyKey>,
    ) -> Result<(RewindId, Seq), Problem> {
        if let Some(known) = self.shared.remembered::<Reply>(key.as_ref()).await? {
            return begun(&known);
        }
        self.files_settled(id).await;
        let impossible = |why: String| Problem::new(ErrorCode::Conflict, why).about(id);
        let conversation = self.cut_for(id, to, scope).await?.map_err(impossible)?;
        let files = if scope == RewindScope::Conversation {
            None
        } else {
            Some(goal::find(&self.shared.log, id, to, force).await?.map_err(impossible)?)
        };
        begun(&self.call(id, Request::Rewind(Box::new(Way { files, conversation })), key).await?)
    }

    /// Begins to undo the last way back; as [`Node::rewind`].
    ///
    /// # Errors
    /// `conflict` when there is nothing to undo, `busy` while a turn runs.
    pub async fn undo_rewind(
        &self,
        id: &SessionId,
        force: bool,
        key: Option<IdempotencyKey>,
    ) -> Result<(RewindId, Seq), Problem> {
        if let Some(known) = self.shared.remembered::<Reply>(key.as_ref()).await? {
            return begun(&known);
        }
        self.files_settled(id).await;
        let goal = goal::undo(&self.shared.log, id, force).await?;
        let way = Way { files: Some(goal), conversation: None };
        begun(&self.call(id, Request::Rewind(Box::new(way)), key).await?)
    }
}

fn hit(reply: &Reply, prefix: &str) -> Option<String> {
    let Reply::Done { hit, .. } = reply else { return None };
    hit.iter().find_map(|name| name.strip_prefix(prefix)).map(str::to_owned)
}

fn begun(reply: &Reply) -> Result<(RewindId, Seq), Problem> {
    let id = hit(reply, "rewind:").and_then(|id| RewindId::parse(&id).ok());
    match (id, reply) {
        (Some(id), Reply::Done { seq, .. }) => Ok((id, *seq)),
        _ => Err(problem::internal("the session answered something else than was asked")),
    }
}

fn storage(id: &SessionId, why: &str) -> Problem {
    Problem::new(ErrorCode::Storage, why).about(id)
}

fn find<'a>(id: &SessionId, marks: &'a [Mark], checkpoint: &str) -> Result<&'a Mark, Problem> {
    marks.iter().find(|m| m.data.checkpoint_id.as_str() == checkpoint).ok_or_else(|| {
        let what = format!("this session has no checkpoint `{checkpoint}`; `tenure checkpoint` lists them");
        Problem::new(ErrorCode::NotFound, what).about(id)
    })
}

/// What was there before a checkpoint: before its turn, else at the one that it follows on.
fn previous(marks: &[Mark], mark: &Mark) -> (String, Option<tenure_workspace::checkpoint::TreeId>) {
    if let Some(span) = mark.span() {
        return ("base".to_owned(), Some(span.base));
    }
    let parent = marks.iter().find(|m| Some(&m.data.checkpoint_id) == mark.data.parent.as_ref());
    parent.map_or_else(|| ("nothing".to_owned(), None), |p| (p.data.checkpoint_id.to_string(), p.tree()))
}

fn view(restorable: bool, mark: Mark) -> Checkpoint {
    let Mark { seq, ts, data } = mark;
    Checkpoint {
        id: data.checkpoint_id,
        parent: data.parent,
        cause: data.cause,
        label: data.label,
        input_id: data.input_id,
        turn_id: data.turn_id,
        tool_id: data.tool_id,
        rewind_id: data.rewind_id,
        seq,
        created_at: ts,
        tree: data.tree,
        files: data.files,
        bytes: data.bytes,
        added: data.added,
        modified: data.modified,
        deleted: data.deleted,
        not_covered: data.not_covered,
        restorable,
    }
}

fn plan_of(told: Told) -> RewindPlan {
    RewindPlan {
        possible: true,
        reason: None,
        dry_run: true,
        rewind_id: None,
        guard: None,
        checkpoint_id: None,
        files: told.files,
        files_total: told.files_total,
        insertions: told.insertions,
        deletions: told.deletions,
        conflicts: told.conflicts,
        conflicts_total: told.conflicts_total,
        messages_removed: Vec::new(),
        messages_removed_total: 0,
        not_covered: NOT_COVERED.to_owned(),
    }
}

fn impossible(why: String) -> RewindPlan {
    RewindPlan { possible: false, reason: Some(why), ..plan_of(Told::default()) }
}

/// A way back that was made, as an answer.
#[must_use]
pub fn rewound(data: tenure_event::RewindCompleted) -> RewindPlan {
    let told = Told {
        files: data.files,
        files_total: data.files_total,
        insertions: data.insertions,
        deletions: data.deletions,
        conflicts: data.conflicts,
        conflicts_total: data.conflicts_total,
    };
    RewindPlan {
        dry_run: false,
        rewind_id: Some(data.rewind_id),
        guard: data.guard,
        checkpoint_id: data.checkpoint_id,
        messages_removed: data.messages_removed.iter().map(ToString::to_string).collect(),
        messages_removed_total: data.messages_removed_total,
        ..plan_of(told)
    }
}
