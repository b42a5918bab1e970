//! Choosing the branch: the records, in order, that a resume would take up.
//!
//! The leaf is where the program itself points: the last `last-prompt`, and what was said behind it since. Without a
//! pointer it is the last thing said. From there parent by parent to the root, which a compaction cuts; and what
//! was called in parallel and hangs beside the branch is put back in.

use std::collections::{HashMap, HashSet};

use super::links::{Kept, Link, Links, Name};
use super::record::Kind;

/// The tree with its edges put right.
struct Tree<'a> {
    links: &'a [Link],
    /// Of two records with one name the last counts, in the place of the first.
    order: Vec<usize>,
    at: HashMap<Name, usize>,
    parent: HashMap<Name, Option<Name>>,
}

/// Indices of the records of the current branch, in the order of the conversation.
pub(super) fn current(links: &Links) -> Vec<usize> {
    let tree = Tree::new(links);
    let Some((leaf, terminal)) = tree.leaf(links) else { return Vec::new() };
    let path: Vec<usize> = tree.path(leaf);
    let mut on: HashSet<Name> = path.iter().map(|at| links.all[*at].uuid).collect();
    let mut all = tree.with_parallel(path, &mut on);
    all.extend(tree.trailing(terminal, &mut on));
    all
}

/// Indices of a subagent's records, in the order of its conversation.
pub(super) fn subagent(links: &Links) -> Vec<usize> {
    let tree = Tree::new(links);
    let last = links.all.iter().rposition(|link| matches!(link.kind, Kind::User | Kind::Assistant));
    last.map(|last| tree.path(last)).unwrap_or_default()
}

/// Which of the records are prompts that were taken in while a turn ran: those that something answered.
pub(super) fn taken_in(links: &[Link], branch: &[usize]) -> HashSet<usize> {
    let mut taken = HashSet::new();
    let mut answered = None;
    for at in branch.iter().rev() {
        let link = &links[*at];
        if link.queued.is_some() && answered == Some(true) {
            taken.insert(*at);
        }
        if link.answers {
            answered = Some(true);
        } else if link.prompt {
            answered = Some(false);
        }
    }
    taken
}

impl<'a> Tree<'a> {
    fn new(links: &'a Links) -> Self {
        let (mut order, mut at) = (Vec::new(), HashMap::new());
        for (index, link) in links.all.iter().enumerate() {
            if at.insert(link.uuid, index).is_none() {
                order.push(index);
            }
        }
        let parent = at.iter().map(|(uuid, index)| (*uuid, links.all[*index].parent)).collect();
        let mut tree = Self { links: &links.all, order, at, parent };
        for kept in &links.kept {
            tree.keep(kept);
        }
        tree
    }

    /// Hangs what a compaction kept behind its summary, and what followed the summary behind that.
    fn keep(&mut self, kept: &Kept) {
        let (anchor, head, tail) = match kept {
            Kept::Uuids { anchor, uuids } => {
                let (Some(head), Some(tail)) = (uuids.first(), uuids.last()) else { return };
                if uuids.iter().any(|uuid| !self.at.contains_key(uuid)) {
                    return;
                }
                let mut before = *anchor;
                for uuid in uuids {
                    self.parent.insert(*uuid, Some(before));
                    before = *uuid;
                }
                (*anchor, *head, *tail)
            }
            Kept::Segment { anchor, head, tail } => {
                if self.at.contains_key(head) {
                    self.parent.insert(*head, Some(*anchor));
                }
                (*anchor, *head, *tail)
            }
        };
        for (uuid, parent) in &mut self.parent {
            if *parent == Some(anchor) && *uuid != head {
                *parent = Some(tail);
            }
        }
    }

    fn parent_of(&self, at: usize) -> Option<usize> {
        self.parent.get(&self.links[at].uuid).copied().flatten().and_then(|name| self.at.get(&name).copied())
    }

    /// From a record up to the root.
    fn up(&self, from: usize) -> impl Iterator<Item = usize> {
        let mut seen = HashSet::new();
        std::iter::successors(Some(from), |at| self.parent_of(*at)).take_while(move |at| seen.insert(*at))
    }

    fn path(&self, leaf: usize) -> Vec<usize> {
        let mut path: Vec<usize> = self.up(leaf).collect();
        path.reverse();
        path
    }

    fn said(&self, at: usize) -> bool {
        matches!(self.links[at].kind, Kind::User | Kind::Assistant)
    }

    /// The last thing said on the branch that a resume takes, and the record that nothing follows there.
    fn leaf(&self, links: &Links) -> Option<(usize, usize)> {
        let pointed = links.pointer.and_then(|pointer| {
            let leaf = *self.at.get(&pointer.leaf)?;
            let behind = |at: &usize| {
                self.said(*at) && !self.links[*at].aside && self.leads_to(*at, leaf, pointer.cut)
            };
            let since = (pointer.at..self.links.len()).rev().find(behind);
            let end = since.unwrap_or(leaf);
            Some((self.up(end).find(|at| self.said(*at))?, self.end_of(end, pointer.cut)))
        });
        pointed.or_else(|| self.last_said())
    }

    fn leads_to(&self, from: usize, leaf: usize, cut: Option<Name>) -> bool {
        for at in self.up(from) {
            if at == leaf {
                return true;
            }
            if Some(self.links[at].uuid) == cut {
                return false;
            }
        }
        false
    }

    /// Down from a record while only one thing follows that is not said.
    fn end_of(&self, from: usize, cut: Option<Name>) -> usize {
        let mut end = from;
        for at in from + 1..self.links.len() {
            let link = &self.links[at];
            if self.parent_of(at) == Some(end) && !self.said(at) && !link.aside && Some(link.uuid) != cut {
                end = at;
            }
        }
        end
    }

    /// The last thing said on the branch whose end stands last in the file.
    fn last_said(&self) -> Option<(usize, usize)> {
        let counts = |link: &Link| !link.aside && !link.never_leaf;
        let followed: HashSet<Name> = self
            .at
            .values()
            .filter(|at| counts(&self.links[**at]))
            .filter_map(|at| self.parent.get(&self.links[*at].uuid).copied().flatten())
            .collect();
        let mut ends: Vec<usize> = self
            .at
            .values()
            .copied()
            .filter(|at| counts(&self.links[*at]) && !followed.contains(&self.links[*at].uuid))
            .collect();
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let mut barren = HashSet::new();
        for end in ends {
            let mut passed = Vec::new();
            for at in self.up(end) {
                if barren.contains(&at) {
                    break;
                }
                if self.said(at) {
                    return Some((at, end));
                }
                passed.push(at);
            }
            barren.extend(passed);
        }
        let any = |aside: bool| {
            let mut said = self.at.values().copied().filter(|at| self.said(*at));
            said.by_ref().filter(|at| aside || !self.links[*at].aside).max()
        };
        any(false).or_else(|| any(true)).map(|at| (at, at))
    }

    /// Puts back pieces of messages and results of calls that hang beside the path.
    fn with_parallel(&self, path: Vec<usize>, on: &mut HashSet<Name>) -> Vec<usize> {
        let mut pieces: HashMap<Name, Vec<usize>> = HashMap::new();
        let mut callers: HashMap<Name, usize> = HashMap::new();
        let mut answers: HashMap<Name, Vec<usize>> = HashMap::new();
        for at in self.order.iter().map(|at| self.at[&self.links[*at].uuid]) {
            let link = &self.links[at];
            if let Some(message) = link.message {
                pieces.entry(message).or_default().push(at);
                for call in &link.calls {
                    callers.entry(*call).or_insert(at);
                }
            } else if !link.results.is_empty() {
                for call in &link.results {
                    answers.entry(*call).or_default().push(at);
                }
            }
        }
        let last_of: HashMap<Name, usize> =
            path.iter().filter_map(|at| Some((self.links[*at].message?, *at))).collect();
        let mut answered: HashSet<Name> =
            path.iter().flat_map(|at| self.links[*at].results.clone()).collect();
        let mut out = Vec::with_capacity(path.len());
        for at in path {
            out.push(at);
            let link = &self.links[at];
            let Some(message) = link.message.filter(|message| last_of.get(message) == Some(&at)) else {
                continue;
            };
            let of_message = &pieces[&message];
            let mut more: Vec<usize> =
                of_message.iter().copied().filter(|piece| on.insert(self.links[*piece].uuid)).collect();
            more.sort_by_key(|piece| self.links[*piece].ts);
            let calls = of_message.iter().flat_map(|piece| &self.links[*piece].calls);
            let mut results = Vec::new();
            for call in calls {
                for result in answers.get(call).into_iter().flatten() {
                    let result_link = &self.links[*result];
                    let fresh = result_link.results.iter().any(|call| !answered.contains(call));
                    if fresh && result_link.aside == link.aside && on.insert(result_link.uuid) {
                        answered.extend(&result_link.results);
                        results.push(*result);
                    }
                }
            }
            results.sort_by_key(|result| self.links[*result].ts);
            out.extend(more);
            out.extend(results);
        }
        out
    }

    /// Prompts that wait behind the end of the branch.
    fn trailing(&self, end: usize, on: &mut HashSet<Name>) -> Vec<usize> {
        let mut children: HashMap<usize, Vec<usize>> = HashMap::new();
        for at in self.order.iter().copied().filter(|at| !self.said(*at)) {
            if let Some(parent) = self.parent_of(at) {
                children.entry(parent).or_default().push(at);
            }
        }
        let (mut open, mut out) = (vec![end], Vec::new());
        while let Some(at) = open.pop() {
            let link = &self.links[at];
            if at != end {
                if !on.insert(link.uuid) {
                    continue;
                }
                if link.queued.is_some() {
                    out.push(at);
                }
            }
            open.extend(children.get(&at).into_iter().flatten().rev());
        }
        out
    }
}
