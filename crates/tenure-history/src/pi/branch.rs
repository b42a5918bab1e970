//! The branch on which a conversation goes on: from the last entry parent by parent; what a compaction summed up is not on it.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::entry::Entry;
use crate::fields::{self, text, word};
use crate::lines::Lines;
use crate::{ReadError, files, follow};

/// An entry of the tree.
struct Node {
    offset: u64,
    id: Option<String>,
    parent: Option<String>,
    /// Of a compaction: the first entry before it that is kept.
    kept: Option<String>,
    compaction: bool,
}

/// Places of the entries that are on the branch.
pub(super) fn current(path: &Path) -> Result<HashSet<u64>, ReadError> {
    let nodes = nodes(path)?;
    let by_id: HashMap<&str, usize> =
        nodes.iter().enumerate().filter_map(|(at, node)| Some((node.id.as_deref()?, at))).collect();
    // The oldest files are no trees: everything is on the branch.
    let Some(leaf) = nodes.iter().rposition(|node| node.id.is_some()) else {
        return Ok(nodes.into_iter().map(|node| node.offset).collect());
    };
    let mut seen = HashSet::new();
    let up = |at: &usize| by_id.get(nodes[*at].parent.as_deref()?).copied();
    let mut branch: Vec<usize> =
        std::iter::successors(Some(leaf), up).take_while(|at| seen.insert(*at)).collect();
    branch.reverse();
    if let Some(at) = branch.iter().rposition(|node| nodes[*node].compaction) {
        let kept = nodes[branch[at]].kept.as_deref();
        let first = branch[..at].iter().position(|node| nodes[*node].id.as_deref() == kept).unwrap_or(at);
        branch.drain(..first);
    }
    Ok(branch.into_iter().map(|node| nodes[node].offset).collect())
}

fn nodes(path: &Path) -> Result<Vec<Node>, ReadError> {
    let (file, _) = files::open(path)?;
    let mut lines = Lines::new(file, 0);
    let mut nodes = Vec::new();
    while let Some(line) = lines.next().map_err(|source| ReadError::io(path, source))? {
        let Ok(said) = follow::whole(path, &line) else { continue };
        let Some(entry) = fields::parse::<Entry<'_>>(&said) else { continue };
        let kind = text(entry.kind).unwrap_or_default();
        if kind != "session" {
            nodes.push(Node {
                offset: line.offset,
                id: word(entry.id),
                parent: word(entry.parent),
                kept: word(entry.kept),
                compaction: kind == "compaction",
            });
        }
    }
    Ok(nodes)
}
