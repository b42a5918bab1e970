//! The store: packs, trees, and what is remembered of the last walk. One per workspace, one user at a time.
//!
//! ```text
//! packs/HASH.pack   what files hold          trees/HASH   what directories held (compressed)
//! seen              what needs no reading    journals/ID  changes under way, and done
//! ```

use std::collections::{HashMap, VecDeque};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_crash_point::crash_point;

use super::hash::{Hash, TreeId};
use super::pack::{Pack, PackWriter, Place, sync_dir};
use super::seen::{self, SeenFiles};
use super::tree::{self, Tree};

/// Trees that are held in memory.
const TREES: usize = 8;
/// How many trees may stand on each other.
const DEPTH: u32 = 32;
/// Largest stored tree that is read, in bytes.
const TREE_BYTES: u64 = 1 << 30;

/// The store cannot do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("the checkpoint store {} cannot be used: {source}; free space or make it writable", dir.display())]
    Io {
        /// The store.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A tree is not there.
    #[error("the checkpoint's record {0} is gone: it was removed by retention")]
    NoTree(TreeId),
    /// A tree cannot be understood.
    #[error("the checkpoint's record {0} is damaged; take another checkpoint")]
    Damaged(TreeId),
    /// What a file held is not there.
    #[error("the stored bytes of a file are gone ({0})")]
    NoBytes(Hash),
}

/// A store of checkpoints.
pub struct Store {
    dir: PathBuf,
    leave_out: Vec<PathBuf>,
    pub(super) packs: Vec<Pack>,
    /// Which pack holds what.
    pub(super) index: HashMap<Hash, (usize, Place)>,
    seen: Option<SeenFiles>,
    trees: VecDeque<(TreeId, Arc<Tree>)>,
    last: Option<(TreeId, u32)>,
}

impl Store {
    /// Opens a store, or makes it. `leave_out` are paths that are never recorded.
    ///
    /// # Errors
    /// If its directory cannot be made or read.
    pub fn open(dir: &Path, leave_out: Vec<PathBuf>) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { dir: dir.to_owned(), source };
        for name in ["packs", "trees", "journals"] {
            DirBuilder::new().recursive(true).mode(0o700).create(dir.join(name)).map_err(failed)?;
        }
        let mut store = Self {
            dir: dir.to_owned(),
            leave_out,
            packs: Vec::new(),
            index: HashMap::new(),
            seen: None,
            trees: VecDeque::new(),
            last: None,
        };
        for file in fs::read_dir(dir.join("packs")).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            if path.extension().is_some_and(|e| e == "pack") {
                match Pack::open(path) {
                    Ok(pack) => store.add_pack(pack),
                    // What it held counts as lost, and is read anew where it still is.
                    Err(e) if e.kind() == io::ErrorKind::InvalidData => {}
                    Err(e) => return Err(failed(e)),
                }
            }
        }
        Ok(store)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn left_out(&self) -> &[PathBuf] {
        &self.leave_out
    }

    pub(super) fn failed(&self, source: io::Error) -> StoreError {
        StoreError::Io { dir: self.dir.clone(), source }
    }

    pub(super) fn add_pack(&mut self, pack: Pack) {
        let no = self.packs.len();
        self.index.extend(pack.places.iter().map(|(hash, place)| (*hash, (no, *place))));
        self.packs.push(pack);
    }

    /// Whether these bytes are stored.
    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.index.contains_key(hash)
    }

    /// Stored bytes, piece by piece.
    ///
    /// # Errors
    /// If they are not there or cannot be read.
    pub fn read(&self, hash: &Hash) -> Result<Box<dyn Read>, StoreError> {
        let (no, place) = *self.index.get(hash).ok_or(StoreError::NoBytes(*hash))?;
        Ok(Box::new(self.packs[no].raw(place).map_err(|e| self.failed(e))?))
    }

    pub(super) fn new_pack(&self) -> Result<PackWriter, StoreError> {
        PackWriter::new(&self.dir.join("packs")).map_err(|e| self.failed(e))
    }

    pub(super) fn keep(&mut self, pack: Option<PackWriter>) -> Result<(), StoreError> {
        let kept = pack.map(PackWriter::finish).transpose().map_err(|e| self.failed(e))?;
        if let Some(pack) = kept.flatten() {
            self.add_pack(pack);
        }
        Ok(())
    }

    fn tree_path(&self, id: &TreeId) -> PathBuf {
        self.dir.join("trees").join(id.to_string())
    }

    /// Whether a tree is there.
    #[must_use]
    pub fn has_tree(&self, id: &TreeId) -> bool {
        self.tree_path(id).exists()
    }

    /// The same, by its name as text.
    #[must_use]
    pub fn has_tree_named(&self, name: &str) -> bool {
        name.parse().is_ok_and(|id| self.has_tree(&id))
    }

    /// A tree.
    ///
    /// # Errors
    /// If it is not there or damaged.
    pub fn tree(&mut self, id: &TreeId) -> Result<Arc<Tree>, StoreError> {
        if let Some((_, tree)) = self.trees.iter().find(|(known, _)| known == id) {
            return Ok(Arc::clone(tree));
        }
        // The trees that it stands on, from the outermost inwards.
        let mut stack = vec![(*id, self.tree_bytes(id)?)];
        let mut base = None;
        while let Some(next) = stack.last().and_then(|(_, bytes)| tree::base_of(bytes)) {
            if let Some((_, known)) = self.trees.iter().find(|(known, _)| *known == next) {
                base = Some(Arc::clone(known));
                break;
            }
            if stack.len() > DEPTH as usize {
                return Err(StoreError::Damaged(*id));
            }
            let bytes = self.tree_bytes(&next)?;
            stack.push((next, bytes));
        }
        while let Some((of, bytes)) = stack.pop() {
            let tree = tree::read(&bytes, base.as_ref()).filter(|t| t.id() == of);
            base = Some(Arc::new(tree.ok_or(StoreError::Damaged(of))?));
        }
        let tree = base.ok_or(StoreError::Damaged(*id))?;
        self.cache_shared(*id, Arc::clone(&tree));
        Ok(tree)
    }

    pub(super) fn tree_bytes(&self, id: &TreeId) -> Result<Vec<u8>, StoreError> {
        let packed = match fs::read(self.tree_path(id)) {
            Ok(packed) => packed,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(StoreError::NoTree(*id)),
            Err(e) => return Err(self.failed(e)),
        };
        let mut bytes = Vec::new();
        let read = zstd::stream::Decoder::new(&packed[..])
            .and_then(|decoder| decoder.take(TREE_BYTES).read_to_end(&mut bytes));
        read.map_err(|_| StoreError::Damaged(*id))?;
        Ok(bytes)
    }

    pub(super) fn cache(&mut self, id: TreeId, tree: Tree) {
        if !self.trees.iter().any(|(known, _)| *known == id) {
            self.cache_shared(id, Arc::new(tree));
        }
    }

    fn cache_shared(&mut self, id: TreeId, tree: Arc<Tree>) {
        self.trees.truncate(TREES - 1);
        self.trees.push_front((id, tree));
    }

    /// Stores a tree, against the last one if that makes it small.
    pub(super) fn put_tree(&mut self, tree: &Tree) -> Result<TreeId, StoreError> {
        let id = tree.id();
        if self.has_tree(&id) {
            return Ok(id);
        }
        let base = match self.last.filter(|(_, depth)| *depth < DEPTH) {
            Some((last, depth)) => self.tree(&last).ok().map(|tree| (last, tree, depth)),
            None => None,
        };
        let (bytes, leans) = tree.write(base.as_ref().map(|(id, tree, _)| (*id, &**tree)));
        let depth = if leans { base.map_or(0, |(_, _, depth)| depth + 1) } else { 0 };
        self.write_file(&self.tree_path(&id), &bytes, true)?;
        crash_point!("checkpoint.tree_kept");
        self.last = Some((id, depth));
        Ok(id)
    }

    /// Writes a compressed file so that it is there whole or not at all.
    fn write_file(&self, path: &Path, bytes: &[u8], lasting: bool) -> Result<(), StoreError> {
        let packed = zstd::bulk::compress(bytes, 1).map_err(|e| self.failed(e))?;
        self.put_file(path, &packed, lasting)
    }

    pub(super) fn put_file(&self, path: &Path, bytes: &[u8], lasting: bool) -> Result<(), StoreError> {
        let write = || {
            let temp = self.dir.join("incoming");
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
            file.write_all(bytes)?;
            if lasting {
                file.sync_all()?;
            }
            fs::rename(&temp, path)?;
            if lasting { sync_dir(path) } else { Ok(()) }
        };
        write().map_err(|e| self.failed(e))
    }

    /// Hands out what is remembered of the last walk; it is to be given back.
    pub(super) fn take_seen(&mut self) -> SeenFiles {
        self.seen.take().unwrap_or_else(|| self.read_seen().unwrap_or_default())
    }

    fn read_seen(&self) -> Option<SeenFiles> {
        let packed = fs::read(self.dir.join("seen")).ok()?;
        let mut bytes = Vec::new();
        zstd::stream::Decoder::new(&packed[..]).ok()?.take(TREE_BYTES).read_to_end(&mut bytes).ok()?;
        seen::read(&bytes)
    }

    pub(super) fn put_seen_back(&mut self, seen: SeenFiles) {
        self.seen = Some(seen);
    }

    /// Remembers a walk. A memory that is lost costs time, so nothing waits for the disk.
    pub(super) fn remember(&mut self, before: SeenFiles, seen: SeenFiles) -> Result<(), StoreError> {
        let changed = before != seen;
        self.seen = Some(seen);
        match &self.seen {
            Some(seen) if changed => self.write_file(&self.dir.join("seen"), &seen::write(seen), false),
            _ => Ok(()),
        }
    }

    pub(super) fn forget_packs(&mut self) {
        self.packs.clear();
        self.index.clear();
    }

    pub(super) fn forget_last(&mut self) {
        self.last = None;
    }
}
