//! Copies of a git index, which git is let work on. Nothing is read out of one here.

use std::path::Path;
use std::{fs, io};

/// Copies an index with the time that it was written at. Git looks again at the bytes of files that changed at that
/// time or later; a copy that looks younger would have it trust what it noted of them. An earlier copy is gone in any
/// case. Blocks.
///
/// # Errors
/// What the file system says; there is no index before the first `git add`.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    clear(to);
    let written = fs::metadata(from)?.modified()?;
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.set_modified(written)
}

/// Removes a copy, and the lock on it that a git which was killed has left: with that, no other would take it. Blocks.
pub(super) fn clear(copy: &Path) {
    let mut lock = copy.as_os_str().to_owned();
    lock.push(".lock");
    // What is not there is gone; what cannot be removed, the next git tells of.
    let _ = fs::remove_file(&lock);
    let _ = fs::remove_file(copy);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_was_left_behind_holds_nobody_up() {
        let dir = tempfile::tempdir().expect("a directory");
        let [from, to, lock] = ["index", "copy", "copy.lock"].map(|name| dir.path().join(name));
        for path in [&from, &to, &lock] {
            fs::write(path, path.to_string_lossy().as_bytes()).expect("a file");
        }
        copy(&from, &to).expect("a copy");
        let times = [&from, &to].map(|path| fs::metadata(path).expect("there").modified().expect("a time"));
        assert_eq!((fs::read(&to).expect("a copy"), times[0]), (fs::read(&from).expect("there"), times[1]));
        assert!(!lock.exists());
        fs::write(&lock, "").expect("a file");
        clear(&to);
        assert!(!lock.exists() && !to.exists());
    }
}
