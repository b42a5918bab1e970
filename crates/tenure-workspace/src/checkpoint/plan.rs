//! What would have to change to go back, and what must not be touched.
//!
//! A turn is a [`Span`] from the tree before it to the tree after it: what differs between the two is what it
//! did. Going back touches only what spans did, and only where nobody else has been since: not a person between two turns,
//! not a person now, not another session. Everything else that differs from the goal is a conflict. Who forces a plan
//! takes the conflicts too; what stands there now was recorded before, so that nothing is lost for good.

use std::collections::HashMap;

use super::diff::{Change, diff};
use super::hash::TreeId;
use super::path::RelPath;
use super::rules::Rules;
use super::store::{Store, StoreError};
use super::tree::What;

/// From the tree before to the tree after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Before.
    pub base: TreeId,
    /// After.
    pub tree: TreeId,
}

/// Why something is not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It was changed, but by no turn that is gone back over.
    NotOurs,
    /// It was changed after the last turn that changed it.
    Since,
    /// It was changed by somebody else between two turns that changed it.
    Between,
    /// Another session of the workspace changed it, too.
    OtherSession,
    /// Ignore rules excluded it then, so it may have been there.
    WasIgnored,
    /// It could not be recorded, now or then.
    Unknown,
}

/// Something that differs from the goal and is not ours to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// From now to the goal.
    pub change: Change,
    /// Why.
    pub reason: Reason,
}

/// The way back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What changes: `before` is what stands there now, `after` what is to stand there.
    pub changes: Vec<Change>,
    /// What would have to change and is not touched.
    pub conflicts: Vec<Conflict>,
}

impl Plan {
    /// Takes the conflicts too, but for what nobody knows.
    #[must_use]
    pub fn forced(mut self) -> Self {
        let (left, taken): (Vec<_>, Vec<_>) =
            self.conflicts.into_iter().partition(|c| c.reason == Reason::Unknown);
        self.conflicts = left;
        self.changes.extend(taken.into_iter().map(|c| c.change));
        self.changes.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        self
    }
}

/// The last state that a span gave a path, and whether somebody else was there in between.
struct Touched {
    state: Option<What>,
    between: bool,
}

/// How to come from `current` to `target`. `ours` are the spans since the target, oldest first; `others` those of other
/// sessions in the same time. A span whose trees are gone counts as not there: what it did is nobody's then.
///
/// # Errors
/// If target or current tree cannot be read.
pub fn plan(
    store: &mut Store,
    target: TreeId,
    current: TreeId,
    ours: &[Span],
    others: &[Span],
) -> Result<Plan, StoreError> {
    let (goal, now) = (store.tree(&target)?, store.tree(&current)?);
    let mut touched: HashMap<RelPath, Touched> = HashMap::new();
    for span in ours {
        for change in changes_of(store, span)? {
            let at = touched.get(&change.path);
            let expected = at.map_or_else(|| goal.get(&change.path), |t| t.state.as_ref());
            let between = at.is_some_and(|t| t.between) || !same(expected, change.before.as_ref());
            touched.insert(change.path, Touched { state: change.after, between });
        }
    }
    let mut theirs = std::collections::HashSet::new();
    for span in others {
        theirs.extend(changes_of(store, span)?.into_iter().map(|change| change.path));
    }
    let rules = Rules::between(store, &goal, &now)?;
    let mut plan = Plan::default();
    for change in diff(&now, &goal) {
        match reason(&change, touched.get(&change.path), &theirs, &rules) {
            None => plan.changes.push(change),
            Some(reason) => plan.conflicts.push(Conflict { change, reason }),
        }
    }
    keep_directories_in_use(&mut plan);
    Ok(plan)
}

fn changes_of(store: &mut Store, span: &Span) -> Result<Vec<Change>, StoreError> {
    if span.base == span.tree {
        return Ok(Vec::new());
    }
    let (base, tree) = match (store.tree(&span.base), store.tree(&span.tree)) {
        (Ok(base), Ok(tree)) => (base, tree),
        (Err(e @ StoreError::Io { .. }), _) | (_, Err(e @ StoreError::Io { .. })) => return Err(e),
        _ => return Ok(Vec::new()),
    };
    Ok(diff(&base, &tree))
}

fn reason(
    change: &Change,
    touched: Option<&Touched>,
    theirs: &std::collections::HashSet<RelPath>,
    rules: &Rules,
) -> Option<Reason> {
    let unknown = |what: &Option<What>| matches!(what, Some(What::Unknown { .. }));
    if unknown(&change.before) || unknown(&change.after) {
        return Some(Reason::Unknown);
    }
    let Some(touched) = touched else { return Some(Reason::NotOurs) };
    if touched.between {
        return Some(Reason::Between);
    }
    if !same(touched.state.as_ref(), change.before.as_ref()) {
        return Some(Reason::Since);
    }
    if theirs.contains(&change.path) {
        return Some(Reason::OtherSession);
    }
    (change.after.is_none() && rules.ignored(&change.path)).then_some(Reason::WasIgnored)
}

/// Nothing on both sides, or the same.
pub(super) fn same(a: Option<&What>, b: Option<&What>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.is_same(b),
        _ => false,
    }
}

/// A directory that is to go stays if something in it stays.
fn keep_directories_in_use(plan: &mut Plan) {
    let stays: Vec<RelPath> =
        plan.conflicts.iter().filter(|c| c.change.before.is_some()).map(|c| c.change.path.clone()).collect();
    let in_use: std::collections::HashSet<&[u8]> = stays.iter().flat_map(RelPath::parents).collect();
    plan.changes.retain(|change| {
        let goes = matches!(change.before, Some(What::Dir { .. })) && change.after.is_none();
        !(goes && in_use.contains(change.path.as_bytes()))
    });
}
