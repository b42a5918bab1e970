//! The public face of the crate, on real directories.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod confining;
mod opening;
mod racing;
mod reading;
mod writing;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tenure_workspace::Root;

const SECRET: &str = "not for agents";

/// A workspace, and a directory beside it that holds `secret.txt`.
struct Ground {
    scratch: TempDir,
    root: Root,
}

impl Ground {
    fn new() -> Self {
        let scratch = TempDir::new().unwrap();
        fs::create_dir(scratch.path().join("inside")).unwrap();
        fs::create_dir(scratch.path().join("outside")).unwrap();
        fs::write(scratch.path().join("outside/secret.txt"), SECRET).unwrap();
        let root = Root::open(scratch.path().join("inside")).unwrap();
        Self { scratch, root }
    }

    fn inside(&self, path: impl AsRef<Path>) -> PathBuf {
        self.scratch.path().join("inside").join(path)
    }

    fn outside(&self, path: impl AsRef<Path>) -> PathBuf {
        self.scratch.path().join("outside").join(path)
    }

    /// Puts a file into the workspace without the code under test.
    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.inside(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn link(&self, to: impl AsRef<Path>, path: &str) {
        std::os::unix::fs::symlink(to, self.inside(path)).unwrap();
    }

    fn fifo(&self, path: &str) {
        use rustix::fs::{CWD, FileType, Mode};
        rustix::fs::mknodat(CWD, self.inside(path), FileType::Fifo, Mode::RWXU, 0).unwrap();
    }

    fn read(&self, path: impl AsRef<Path>) -> String {
        self.root.read_text(path, None, None).unwrap()
    }

    /// What the outside holds, to see that it stays as it was.
    fn assert_outside_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.outside("")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["secret.txt"]);
        assert_eq!(fs::read_to_string(self.outside("secret.txt")).unwrap(), SECRET);
    }
}
