//! Removing what no checkpoint needs any more.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use super::hash::{Hash, TreeId};
use super::pack::Pack;
use super::store::{Store, StoreError};
use super::tree::{self, What};

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Trees that were removed.
    pub trees: u64,
    /// Bytes of packs before.
    pub bytes_before: u64,
    /// Bytes of packs after.
    pub bytes_after: u64,
}

impl Store {
    /// Bytes that packs take.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.packs.iter().map(|pack| pack.bytes).sum()
    }

    /// Removes every tree but these, and every file's bytes that no tree needs; journals but those named in
    /// `journals`. What changes under way need is kept.
    ///
    /// # Errors
    /// If the store cannot be read or written. Nothing that is needed is removed before what replaces it is there.
    pub fn sweep(&mut self, keep: &HashSet<TreeId>, journals: &HashSet<String>) -> Result<Swept, StoreError> {
        let mut wanted = keep.clone();
        for journal in self.journals()? {
            if journal.done.is_none() || journals.contains(&journal.id) {
                wanted.extend([journal.guard, journal.target]);
            } else {
                remove(self.journal_path(&journal.id)).map_err(|e| self.failed(e))?;
            }
        }
        let (live, standing) = self.needed(&wanted);
        let trees = self.remove_trees(&standing)?;
        let bytes_before = self.bytes();
        self.thin_out(&live)?;
        Ok(Swept { trees, bytes_before, bytes_after: self.bytes() })
    }

    /// The bytes that these trees need, and the trees that they stand on.
    fn needed(&mut self, wanted: &HashSet<TreeId>) -> (HashSet<Hash>, HashSet<TreeId>) {
        let (mut live, mut standing) = (HashSet::new(), HashSet::new());
        for id in wanted {
            let Ok(tree) = self.tree(id) else { continue };
            live.extend(tree.entries().iter().filter_map(|e| match &e.what {
                What::File { hash, .. } => Some(*hash),
                _ => None,
            }));
            let mut next = Some(*id);
            while let Some(id) = next.filter(|id| standing.insert(*id)) {
                next = self.tree_bytes(&id).ok().and_then(|bytes| tree::base_of(&bytes));
            }
        }
        (live, standing)
    }

    fn remove_trees(&mut self, standing: &HashSet<TreeId>) -> Result<u64, StoreError> {
        let mut removed = 0;
        for file in fs::read_dir(self.dir().join("trees")).map_err(|e| self.failed(e))?.flatten() {
            let id = file.file_name().to_str().and_then(|name| name.parse::<TreeId>().ok());
            if id.is_some_and(|id| !standing.contains(&id)) {
                remove(file.path()).map_err(|e| self.failed(e))?;
                removed += 1;
            }
        }
        // The last one may be gone.
        self.forget_last();
        Ok(removed)
    }

    /// Removes packs that nobody needs, and writes anew those of which little is needed.
    fn thin_out(&mut self, live: &HashSet<Hash>) -> Result<(), StoreError> {
        let packs = std::mem::take(&mut self.packs);
        self.forget_packs();
        let (mut kept, mut thin) = (Vec::new(), Vec::new());
        let mut held = HashSet::new();
        for pack in packs {
            let needed: u64 = pack
                .places
                .iter()
                .filter(|(hash, _)| live.contains(hash) && !held.contains(*hash))
                .map(|(_, place)| place.stored)
                .sum();
            if needed * 2 >= pack.bytes && needed > 0 {
                held.extend(pack.places.keys().copied());
                kept.push(pack);
            } else {
                thin.push(pack);
            }
        }
        let moved = self.gathered(&thin, live, &held);
        kept.into_iter().for_each(|pack| self.add_pack(pack));
        let moved = match moved {
            Ok(moved) => moved,
            Err(e) => {
                thin.into_iter().for_each(|pack| self.add_pack(pack));
                return Err(e);
            }
        };
        let moved_to = moved.as_ref().map(|pack| pack.path.clone());
        moved.into_iter().for_each(|pack| self.add_pack(pack));
        for pack in thin.iter().filter(|pack| Some(&pack.path) != moved_to.as_ref()) {
            remove(pack.path.clone()).map_err(|e| self.failed(e))?;
        }
        Ok(())
    }

    /// What is needed of some packs, as one pack.
    fn gathered(
        &self,
        thin: &[Pack],
        live: &HashSet<Hash>,
        held: &HashSet<Hash>,
    ) -> Result<Option<Pack>, StoreError> {
        let mut wanted = HashMap::new();
        for (no, pack) in thin.iter().enumerate() {
            let needed = pack.places.iter().filter(|(hash, _)| live.contains(hash) && !held.contains(*hash));
            wanted.extend(needed.map(|(hash, place)| (*hash, (no, *place))));
        }
        if wanted.is_empty() {
            return Ok(None);
        }
        let mut pack = self.new_pack()?;
        let mut bytes = Vec::new();
        for (hash, (no, place)) in wanted {
            bytes.clear();
            let copy = thin[no].packed(place).and_then(|mut from| from.read_to_end(&mut bytes));
            copy.and_then(|_| pack.put(hash, &bytes, place.raw)).map_err(|e| self.failed(e))?;
        }
        pack.finish().map_err(|e| self.failed(e))
    }
}

fn remove(path: PathBuf) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}
