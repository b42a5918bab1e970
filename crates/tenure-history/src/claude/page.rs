//! A page of whole messages: the tree is read first, without what is said; then only the lines that the page needs.

use std::collections::{HashMap, HashSet};
use std::fs::File;

use tenure_event::{Message, Timestamp};

use super::links::{Link, Links, Name};
use super::record::{Kind, Record};
use super::say::{self, Scene};
use super::{branch, links, stream};
use crate::fields::{self, flag, line_text};
use crate::{Branch, Fold, Found, Messages, ReadError, Want, files};

pub(super) fn messages(found: &Found, want: &Want) -> Result<Messages, ReadError> {
    let path = match &want.subagent {
        None => found.path.as_path(),
        Some(id) => stream::subagent_path(found, id).ok_or_else(|| ReadError::gone(found, Some(id)))?,
    };
    let mut warnings = Vec::new();
    let tree = links::read(path, &mut warnings)?;
    let (records, shown) = select(&tree, want);
    let of = |at: &usize| message_of(&tree.all[*at]);
    // Messages by their first record; what only brings results makes none.
    let mut keys: Vec<Name> = Vec::new();
    let mut known = HashSet::new();
    for at in records.iter().filter(|at| shown.contains(at)) {
        if let Some(key) = of(at).filter(|key| known.insert(*key)) {
            keys.push(key);
        }
    }
    let total = keys.len();
    let page: HashSet<Name> = keys.into_iter().skip(want.skip).take(want.limit).collect();
    let calls: HashSet<Name> = records
        .iter()
        .filter(|at| of(at).is_some_and(|key| page.contains(&key)))
        .flat_map(|at| tree.all[*at].calls.iter().copied())
        .collect();
    let wanted = records.into_iter().filter(|at| {
        let link = &tree.all[*at];
        (shown.contains(at) && of(at).is_some_and(|key| page.contains(&key)))
            || link.results.iter().any(|call| calls.contains(call))
    });
    let reading = Reading {
        path,
        found,
        cwd: &tree.cwd,
        parent_tool: stream::parent_tool(path),
        subagent: want.subagent.as_deref(),
    };
    let items = reading.fold(&tree, wanted)?;
    Ok(Messages {
        items: items.into_iter().filter(|(key, _)| page.contains(key)).map(|(_, m)| m).collect(),
        total,
        warnings,
    })
}

/// Records of the branch, and which of them are messages that are shown.
fn select(tree: &Links, want: &Want) -> (Vec<usize>, HashSet<usize>) {
    let main = want.subagent.is_none();
    let records = match (want.branch, main) {
        (Branch::Current, true) => branch::current(tree),
        (Branch::Current, false) => branch::subagent(tree),
        (Branch::All, _) => (0..tree.all.len()).collect(),
    };
    let taken = branch::taken_in(&tree.all, &records);
    let names: HashSet<Name> = records
        .iter()
        .map(|at| &tree.all[*at])
        .filter(|link| link.queued.is_none())
        .map(|link| link.uuid)
        .collect();
    let is_shown = |at: &usize| {
        let link = &tree.all[*at];
        let said = match link.kind {
            Kind::User | Kind::Assistant => true,
            // One that was put into the conversation as well is not told twice.
            Kind::Attachment => {
                link.queued.is_some_and(|name| !names.contains(&name))
                    && (taken.contains(at) || is_last(tree, &records, *at))
            }
            Kind::System => want.hidden,
            Kind::Progress => false,
        };
        said && (want.hidden || !main || (!link.meta && !link.aside))
    };
    let shown = records.iter().copied().filter(is_shown).collect();
    (records, shown)
}

/// Whether nothing was said after it: it waits, and is part of the conversation all the same.
fn is_last(tree: &Links, records: &[usize], at: usize) -> bool {
    let after = records.iter().rev().take_while(|other| **other != at);
    after.into_iter().all(|other| !matches!(tree.all[*other].kind, Kind::User | Kind::Assistant))
}

/// The message that a record is, or is a piece of.
fn message_of(link: &Link) -> Option<Name> {
    match link.kind {
        Kind::Assistant => Some(link.message.unwrap_or(link.uuid)),
        Kind::User if link.only_results => None,
        Kind::Attachment => link.queued,
        _ => Some(link.uuid),
    }
}

struct Reading<'a> {
    path: &'a std::path::Path,
    found: &'a Found,
    cwd: &'a str,
    parent_tool: Option<String>,
    subagent: Option<&'a str>,
}

impl Reading<'_> {
    /// Reads these records and folds them; each message with the name under which it was chosen.
    fn fold(
        &self,
        tree: &Links,
        records: impl Iterator<Item = usize>,
    ) -> Result<Vec<(Name, Message)>, ReadError> {
        let (file, _) = files::open(self.path)?;
        let mut fold = Fold::default();
        let mut names: HashMap<String, Name> = HashMap::new();
        let mut ts = None;
        for at in records {
            let link = &tree.all[at];
            ts = link.ts.or(ts);
            let mut out = Vec::new();
            self.line(&file, link, ts.unwrap_or(self.found.modified), &mut out)?;
            for item in out {
                if let (crate::Item::Message(said), Some(name)) = (&item, message_of(link)) {
                    names.entry(said.message.id.as_str().to_owned()).or_insert(name);
                }
                fold.item(item);
            }
        }
        let (said, _) = fold.finish();
        let named = |said: crate::Said| Some((*names.get(said.message.id.as_str())?, said.message));
        Ok(said.into_iter().filter_map(named).collect())
    }

    fn line(
        &self,
        file: &File,
        link: &Link,
        ts: Timestamp,
        out: &mut Vec<crate::Item>,
    ) -> Result<(), ReadError> {
        let mut bytes = vec![0; link.len];
        let read =
            files::fill(file, &mut bytes, link.offset).map_err(|source| ReadError::io(self.path, source))?;
        let said = line_text(&bytes[..read]);
        // It was whole a moment ago; whoever cuts files is not waited for.
        let Some(record) = fields::parse::<Record<'_>>(&said) else { return Ok(()) };
        let aside = flag(record.is_sidechain).then(|| record.side()).flatten();
        let scene = Scene {
            path: self.path,
            offset: link.offset,
            subagent: self.subagent.map(str::to_owned).or(aside),
            parent_tool: self.parent_tool.clone(),
            ts,
            cwd: self.cwd,
        };
        say::items(&record, &scene, out);
        Ok(())
    }
}
