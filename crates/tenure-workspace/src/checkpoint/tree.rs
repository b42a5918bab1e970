//! What a directory holds, by path: what is recorded of each thing, and how a whole tree is written down.
//!
//! A tree is stored whole, or as what differs from another tree, so that a checkpoint of a large directory in which
//! little changed is small.

use std::sync::Arc;

use super::bytes::{Reader, put, put_bytes};
use super::hash::{Hash, TreeId};
use super::path::RelPath;

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A directory.
    Dir {
        /// Permission bits.
        mode: u32,
    },
    /// A regular file.
    File {
        /// Permission bits.
        mode: u32,
        /// Bytes.
        size: u64,
        /// Of its bytes.
        hash: Hash,
    },
    /// A symbolic link, never followed.
    Link {
        /// Where it leads.
        target: Box<[u8]>,
    },
    /// Something that could not be recorded.
    Unknown {
        /// Why, for people.
        why: String,
    },
}

impl What {
    /// Whether both are known and equal. The unknown equals nothing.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        !matches!(self, Self::Unknown { .. }) && self == other
    }

    /// Whether both are files, both links, or both directories.
    pub(super) fn is_kind_of(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// One thing of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where.
    pub path: RelPath,
    /// What.
    pub what: What,
}

/// Everything that was recorded of a directory, by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    entries: Vec<Entry>,
    /// Places of what is unknown.
    unknown: Vec<usize>,
}

/// The first bytes of a stored tree.
const MAGIC: &[u8] = b"tenure tree 1\n";

impl Tree {
    /// Of things in any order.
    #[must_use]
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        entries.dedup_by(|a, b| a.path == b.path);
        let unknown = entries.iter().enumerate().filter(|(_, e)| matches!(e.what, What::Unknown { .. }));
        Self { unknown: unknown.map(|(at, _)| at).collect(), entries }
    }

    /// The entries, by path.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What stands there, as far as it was recorded. Beneath what is unknown everything is.
    #[must_use]
    pub fn get(&self, path: &RelPath) -> Option<&What> {
        if let Some(found) = self.at(path.as_bytes()) {
            return Some(found);
        }
        if self.unknown.is_empty() {
            return None;
        }
        path.parents().find_map(|dir| self.at(dir).filter(|what| matches!(what, What::Unknown { .. })))
    }

    fn at(&self, path: &[u8]) -> Option<&What> {
        let at = self.entries.binary_search_by(|e| e.path.as_bytes().cmp(path)).ok()?;
        Some(&self.entries[at].what)
    }

    /// What could not be recorded, and why.
    pub fn unknown(&self) -> impl Iterator<Item = (&RelPath, &str)> {
        self.unknown.iter().filter_map(|at| match &self.entries[*at] {
            Entry { path, what: What::Unknown { why } } => Some((path, why.as_str())),
            _ => None,
        })
    }

    /// Number of files and links, and the bytes of all files.
    #[must_use]
    pub fn size(&self) -> (u64, u64) {
        self.entries.iter().fold((0, 0), |(files, bytes), entry| match &entry.what {
            What::File { size, .. } => (files + 1, bytes + size),
            What::Link { .. } => (files + 1, bytes),
            What::Dir { .. } | What::Unknown { .. } => (files, bytes),
        })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> TreeId {
        let mut out = Vec::with_capacity(self.entries.len() * 80);
        self.entries.iter().for_each(|entry| put_entry(&mut out, entry));
        TreeId(Hash::of(&out))
    }

    /// As it is stored: against `base`, if that is much smaller.
    pub(super) fn write(&self, base: Option<(TreeId, &Self)>) -> (Vec<u8>, bool) {
        let against = base.and_then(|(id, base)| {
            let (gone, new) = self.since(base);
            ((gone.len() + new.len()) * 8 < self.entries.len()).then_some((id, gone, new))
        });
        let mut out = MAGIC.to_vec();
        let Some((id, gone, new)) = against else {
            out.push(0);
            put(&mut out, self.entries.len() as u64);
            self.entries.iter().for_each(|entry| put_entry(&mut out, entry));
            return (out, false);
        };
        out.push(1);
        out.extend_from_slice(&id.0.0);
        put(&mut out, gone.len() as u64);
        gone.iter().for_each(|path| put_bytes(&mut out, path.as_bytes()));
        put(&mut out, new.len() as u64);
        new.iter().for_each(|entry| put_entry(&mut out, entry));
        (out, true)
    }

    fn since<'a>(&'a self, base: &'a Self) -> (Vec<&'a RelPath>, Vec<&'a Entry>) {
        let gone = base.entries.iter().map(|e| &e.path).filter(|p| self.at(p.as_bytes()).is_none());
        let new = self.entries.iter().filter(|e| base.at(e.path.as_bytes()) != Some(&e.what));
        (gone.collect(), new.collect())
    }
}

/// The tree that a stored one is written against, if it is.
pub(super) fn base_of(bytes: &[u8]) -> Option<TreeId> {
    let mut reader = Reader(bytes.strip_prefix(MAGIC)?);
    (reader.byte()? == 1).then(|| reader.hash().map(TreeId))?
}

/// Reads a stored tree; `base` is the one that [`base_of`] names. None if the bytes make no sense.
pub(super) fn read(bytes: &[u8], base: Option<&Arc<Tree>>) -> Option<Tree> {
    let mut reader = Reader(bytes.strip_prefix(MAGIC)?);
    let mut entries = Vec::new();
    if reader.byte()? == 1 {
        reader.hash()?;
        let mut gone = std::collections::BTreeSet::new();
        for _ in 0..reader.number()? {
            gone.insert(RelPath::new(reader.bytes()?)?);
        }
        let new = entries_of(&mut reader)?;
        let replaced: std::collections::BTreeSet<&RelPath> = new.iter().map(|e| &e.path).collect();
        let kept = base?.entries.iter().filter(|e| !gone.contains(&e.path) && !replaced.contains(&e.path));
        entries.extend(kept.cloned());
        entries.extend(new);
    } else {
        entries = entries_of(&mut reader)?;
    }
    reader.0.is_empty().then(|| Tree::new(entries))
}

fn entries_of(reader: &mut Reader<'_>) -> Option<Vec<Entry>> {
    let n = reader.number()?;
    let mut entries = Vec::new();
    for _ in 0..n {
        entries.push(entry(reader)?);
    }
    Some(entries)
}

fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    let kind = match &entry.what {
        What::Dir { .. } => b'd',
        What::File { .. } => b'f',
        What::Link { .. } => b'l',
        What::Unknown { .. } => b'?',
    };
    out.push(kind);
    put_bytes(out, entry.path.as_bytes());
    match &entry.what {
        What::Dir { mode } => put(out, u64::from(*mode)),
        What::File { mode, size, hash } => {
            put(out, u64::from(*mode));
            put(out, *size);
            out.extend_from_slice(&hash.0);
        }
        What::Link { target } => put_bytes(out, target),
        What::Unknown { why } => put_bytes(out, why.as_bytes()),
    }
}

fn entry(reader: &mut Reader<'_>) -> Option<Entry> {
    let kind = reader.byte()?;
    let path = RelPath::new(reader.bytes()?)?;
    let what = match kind {
        b'd' => What::Dir { mode: mode(reader)? },
        b'f' => What::File { mode: mode(reader)?, size: reader.number()?, hash: reader.hash()? },
        b'l' => What::Link { target: reader.bytes()?.into() },
        b'?' => What::Unknown { why: String::from_utf8_lossy(reader.bytes()?).into_owned() },
        _ => return None,
    };
    Some(Entry { path, what })
}

fn mode(reader: &mut Reader<'_>) -> Option<u32> {
    u32::try_from(reader.number()?).ok().filter(|mode| *mode <= 0o7777)
}
