//! Directories in scratch places, changed at random and brought back.

mod crash;
mod plans;
mod repository;
mod roundtrip;
mod stored;
mod taking;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Journal, Limits, Plan, Span, Store, TakeError, Taken, TreeId, plan};

/// A directory and a store for it.
pub(super) struct Place {
    _scratch: tempfile::TempDir,
    pub(super) root: PathBuf,
    pub(super) store: Store,
    at: PathBuf,
    journals: u32,
}

/// Far ahead of any file: all that is read is settled.
const LATER: i64 = i64::MAX / 2;

impl Place {
    pub(super) fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        let (root, at) = (scratch.path().join("work"), scratch.path().join("store"));
        fs::create_dir(&root).expect("made");
        let store = Store::open(&at, Vec::new()).expect("a store");
        Self { _scratch: scratch, root, store, at, journals: 0 }
    }

    /// The store as a new daemon finds it.
    pub(super) fn reopen(&mut self) {
        self.store = Store::open(&self.at, Vec::new()).expect("a store");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    pub(super) fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).expect("set");
    }

    pub(super) fn try_take(&mut self, limits: Option<Limits>) -> Result<Taken, TakeError> {
        self.store.take(&self.root, limits, LATER, &|| false)
    }

    pub(super) fn taken(&mut self) -> Taken {
        self.try_take(None).expect("taken")
    }

    pub(super) fn take(&mut self) -> TreeId {
        self.taken().tree
    }

    pub(super) fn plan(&mut self, to: TreeId, ours: &[(TreeId, TreeId)]) -> Plan {
        self.plan_beside(to, ours, &[])
    }

    pub(super) fn plan_beside(
        &mut self,
        to: TreeId,
        ours: &[(TreeId, TreeId)],
        others: &[(TreeId, TreeId)],
    ) -> Plan {
        let spans = |of: &[(TreeId, TreeId)]| {
            of.iter().map(|(base, tree)| Span { base: *base, tree: *tree }).collect::<Vec<_>>()
        };
        let now = self.take();
        plan(&mut self.store, to, now, &spans(ours), &spans(others)).expect("a plan")
    }

    /// A journal of a plan from here to a tree, not yet begun.
    pub(super) fn journal(&mut self, to: TreeId, plan: &Plan) -> Journal {
        self.journals += 1;
        let guard = self.take();
        let journal = Journal::new(format!("rwd_{}", self.journals), guard, to, plan);
        self.store.write_journal(&journal).expect("written");
        journal
    }

    /// Goes back to a tree whatever was changed since, and returns what could not be.
    pub(super) fn force(&mut self, to: TreeId) -> Vec<String> {
        let plan = self.plan(to, &[]).forced();
        let mut journal = self.journal(to, &plan);
        let done = self.store.carry_out(&self.root, &mut journal, false).expect("carried out");
        done.missed.iter().map(|m| format!("{}: {}", m.path, m.why)).collect()
    }

    /// Everything that is there, as it would be compared by a person with patience.
    pub(super) fn picture(&self) -> Picture {
        let mut picture = Picture::new();
        paint(&self.root, &self.root, &mut picture);
        picture
    }
}

/// Path → what stands there: kind, mode, bytes.
pub(super) type Picture = BTreeMap<Vec<u8>, (char, u32, Vec<u8>)>;

fn paint(root: &Path, dir: &Path, picture: &mut Picture) {
    for entry in fs::read_dir(dir).expect("readable") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("beneath").as_os_str().as_bytes().to_vec();
        let meta = fs::symlink_metadata(&path).expect("there");
        if meta.is_symlink() {
            picture.insert(
                name,
                ('l', 0, fs::read_link(&path).expect("a link").as_os_str().as_bytes().to_vec()),
            );
        } else if meta.is_dir() {
            picture.insert(name, ('d', meta.mode() & 0o7777, Vec::new()));
            paint(root, &path, picture);
        } else {
            picture.insert(name, ('f', meta.mode() & 0o7777, fs::read(&path).expect("readable")));
        }
    }
}
