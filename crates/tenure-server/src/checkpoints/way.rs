//! Ways back: planned, and made.
//!
//! What stands there is recorded first; the plan goes from that record, so that it is exact, and can be undone. Then the
//! plan is written down, carried out, and what came of it recorded. Whoever is ended in the middle does the same
//! again and finds what was written down: the state after it is the one before or the one after.

use std::time::Duration;

use tenure_core::machine::{PendingRewind, RewindGoal, RewindOutcome};
use tenure_crash_point::crash_point;
use tenure_event::{FileAction, RewindConflict, RewindFile, SessionId};
use tenure_log::{LogError, SqliteLog};
use tenure_workspace::checkpoint::{
    Change, Done, FileDiff, Journal, Plan, Reason, Span, TextLimits, TreeId, compare, plan,
};

use super::{InUse, Place, Stores, marks};

/// Files and conflicts that are told one by one.
const TOLD: usize = 1000;
/// How lines are counted.
const COUNTED: TextLimits =
    TextLimits { file_bytes: 1 << 20, shown_bytes: 0, time: Duration::from_millis(200) };
/// Bytes whose lines are counted in one way back; after that only files are.
const COUNTED_BYTES: u64 = 32 << 20;

/// What was done since the goal, by whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Since {
    ours: Vec<Span>,
    others: Vec<Span>,
    /// What was there before turns of others that run at this moment.
    open: Vec<TreeId>,
}

impl Since {
    /// Reads it from the logs of the workspace's sessions.
    pub(crate) async fn read(
        log: &SqliteLog,
        id: &SessionId,
        place: &Place,
        goal: &RewindGoal,
    ) -> Result<Self, LogError> {
        let own = marks::of(log, id).await?;
        let at = own.iter().find(|m| m.seq == goal.seq).map(|m| m.ts);
        let ours = own.iter().filter(|m| m.seq > goal.seq).filter_map(marks::Mark::span).collect();
        let mut since = Self { ours, ..Self::default() };
        for row in marks::sessions(log, &place.workspace).await? {
            if row.id == *id {
                continue;
            }
            let marks = marks::of(log, &row.id).await?;
            let later = marks.iter().filter(|m| at.is_none_or(|at| m.ts >= at));
            since.others.extend(later.filter_map(marks::Mark::span));
            let works = row.activity.as_deref().is_some_and(|a| !matches!(a, "idle" | "queued"));
            if works {
                since.open.extend(marks.last().and_then(marks::Mark::tree));
            }
        }
        Ok(since)
    }
}

/// What a way back would do, or did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    pub files: Vec<RewindFile>,
    pub files_total: u64,
    pub insertions: u64,
    pub deletions: u64,
    pub conflicts: Vec<RewindConflict>,
    pub conflicts_total: u64,
}

/// Plans a way back without going it.
pub(crate) async fn dry_run(
    stores: &Stores,
    place: &Place,
    goal: RewindGoal,
    since: Since,
) -> Result<Told, String> {
    let root = place.root.clone();
    let planned = stores.with(&place.workspace, move |used| {
        let now = used.take(&root, None).map_err(|e| e.to_string())?;
        let target = goal.tree.parse::<TreeId>().map_err(|e| e.to_string())?;
        let plan = way(used, now, target, &goal, &since)?;
        let conflicts = plan.conflicts.iter().map(|c| (c.change.path.to_string(), c.reason));
        Ok(tell(used, &plan.changes, conflicts.collect(), &Done::default()))
    });
    planned.await.unwrap_or_else(Err)
}

fn way(
    used: &mut InUse<'_>,
    now: TreeId,
    target: TreeId,
    goal: &RewindGoal,
    since: &Since,
) -> Result<Plan, String> {
    let open = since.open.iter().map(|base| Span { base: *base, tree: now });
    let others: Vec<Span> = since.others.iter().copied().chain(open).collect();
    // An undo speaks of what it undoes and of nothing else.
    let ours = if goal.undoes.is_some() { &since.ours[..since.ours.len().min(1)] } else { &since.ours };
    let mut plan = plan(used.store, target, now, ours, &others).map_err(|e| e.to_string())?;
    if goal.undoes.is_some() {
        plan.conflicts.retain(|c| c.reason != Reason::NotOurs);
    }
    Ok(if goal.force { plan.forced() } else { plan })
}

/// Why a way back was not made.
pub(crate) enum Failed {
    /// Nothing was changed.
    Before(String),
    /// It was begun, and must be finished.
    Between(String),
}

/// Makes a way back, or finishes one.
pub(crate) async fn make(
    stores: &Stores,
    place: &Place,
    pending: PendingRewind,
    since: Since,
) -> Result<RewindOutcome, Failed> {
    let root = place.root.clone();
    let made = stores.with(&place.workspace, move |used| {
        let target = pending.goal.tree.parse::<TreeId>().map_err(|e| Failed::Before(e.to_string()))?;
        let begun = used.store.journal(pending.id.as_str()).map_err(|e| Failed::Between(e.to_string()))?;
        let (mut journal, again) = match begun {
            Some(journal) => (journal, true),
            None => (begin(used, &root, target, &pending, &since).map_err(Failed::Before)?, false),
        };
        let mut finish = |used: &mut InUse<'_>| -> Result<RewindOutcome, String> {
            let done = used.store.carry_out(&root, &mut journal, again).map_err(|e| e.to_string())?;
            crash_point!("rewind.carried_out");
            let result = used.result_of(&journal, &done)?;
            outcome(used, &journal, &done, result, &pending)
        };
        finish(used).map_err(Failed::Between)
    });
    made.await.unwrap_or_else(|why| Err(Failed::Between(why)))
}

fn begin(
    used: &mut InUse<'_>,
    root: &std::path::Path,
    target: TreeId,
    pending: &PendingRewind,
    since: &Since,
) -> Result<Journal, String> {
    used.store.tree(&target).map_err(|e| e.to_string())?;
    let guard = used.take(root, None).map_err(|e| e.to_string())?;
    crash_point!("rewind.guarded");
    let plan = way(used, guard, target, &pending.goal, since)?;
    let journal = Journal::new(pending.id.to_string(), guard, target, &plan);
    used.store.write_journal(&journal).map_err(|e| e.to_string())?;
    crash_point!("rewind.written_down");
    Ok(journal)
}

fn outcome(
    used: &mut InUse<'_>,
    journal: &Journal,
    done: &Done,
    result: TreeId,
    pending: &PendingRewind,
) -> Result<RewindOutcome, String> {
    let (guard, target) = (used.store.tree(&journal.guard), used.store.tree(&journal.target));
    let (guard, target) = (guard.map_err(|e| e.to_string())?, target.map_err(|e| e.to_string())?);
    let change = |path: &tenure_workspace::checkpoint::RelPath| Change {
        path: path.clone(),
        before: guard.get(path).cloned(),
        after: target.get(path).cloned(),
    };
    let changes: Vec<Change> = done.paths.iter().map(change).collect();
    let conflicts = journal.conflicts.iter().map(|(path, reason)| (path.to_string(), *reason)).collect();
    let told = tell(used, &changes, conflicts, done);
    let before = journal.guard.to_string();
    Ok(RewindOutcome {
        guard: used.describe(journal.guard, pending.head.as_deref())?,
        result: used.describe(result, Some(&before))?,
        files: told.files,
        files_total: told.files_total,
        insertions: told.insertions,
        deletions: told.deletions,
        conflicts: told.conflicts,
        conflicts_total: told.conflicts_total,
    })
}

fn tell(used: &InUse<'_>, changes: &[Change], conflicts: Vec<(String, Reason)>, done: &Done) -> Told {
    let mut told = Told { files_total: changes.len() as u64, ..Told::default() };
    let mut left = COUNTED_BYTES;
    for change in changes {
        let bytes = super::show::bytes_of(change);
        let lines = if bytes <= left { compare(used.store, change, COUNTED) } else { FileDiff::default() };
        left = left.saturating_sub(bytes);
        told.insertions += lines.insertions;
        told.deletions += lines.deletions;
        if told.files.len() < TOLD {
            told.files.push(RewindFile {
                path: change.path.to_string(),
                action: action(change),
                insertions: lines.insertions,
                deletions: lines.deletions,
            });
        }
    }
    let failed = done.missed.iter().map(|missed| RewindConflict {
        path: missed.path.to_string(),
        reason: "failed".to_owned(),
        detail: missed.why.clone(),
    });
    told.conflicts_total = (conflicts.len() + done.missed.len()) as u64;
    let conflicts = conflicts.into_iter().map(|(path, reason)| {
        let (reason, detail) = words(reason);
        RewindConflict { path, reason: reason.to_owned(), detail: detail.to_owned() }
    });
    told.conflicts = failed.chain(conflicts).take(TOLD).collect();
    told
}

fn action(change: &Change) -> FileAction {
    match (&change.before, &change.after) {
        (None, _) => FileAction::Restore,
        (_, None) => FileAction::Delete,
        _ => FileAction::Change,
    }
}

fn words(reason: Reason) -> (&'static str, &'static str) {
    match reason {
        Reason::NotOurs => ("not_ours", "it differs, and no turn that was recorded changed it since"),
        Reason::Since => ("since", "it was changed after the last turn that changed it"),
        Reason::Between => ("between", "somebody else changed it between turns that changed it"),
        Reason::OtherSession => ("other_session", "another session of this workspace changed it, too"),
        Reason::WasIgnored => ("was_ignored", "ignore rules hid it then, so it may have been there"),
        Reason::Unknown => ("unknown", "it could not be read, then or now"),
    }
}
