//! A worktree goes: its directory, what git keeps of it, and its branch if that may go.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tenure_api::{ErrorCode, Problem};
use tenure_crash_point::crash_point;
use tenure_workspace::git::worktrees;

use super::desk::Open;
use super::git::Git;
use crate::node::make_private_dir;
use crate::owner::off_thread;

/// Removes all of it, from wherever an earlier attempt got to. Tells the branch that went.
pub(super) async fn remove(open: &Open, branch_at: Option<String>) -> Result<Option<String>, Problem> {
    crash_point!("discard.written_down");
    let (home, tree) = (open.shared.home.clone(), open.paths.tree.clone());
    let stays =
        |e: io::Error| Problem::new(ErrorCode::Storage, format!("the worktree cannot be removed: {e}"));
    off_thread(move || take_away(&home, &tree)).await.map_err(stays)?;
    crash_point!("discard.taken_away");
    let common = PathBuf::from(&open.record.common);
    let (known, tree) = (common.join("worktrees").join(open.id.as_str()), open.paths.tree.clone());
    off_thread(move || forget(&known, &tree)).await.map_err(stays)?;
    crash_point!("discard.forgotten");
    let branch = match branch_at {
        Some(at) if common.is_dir() => branch(open, &common, &at).await?,
        _ => None,
    };
    crash_point!("discard.branch_gone");
    let paths = open.paths.clone();
    let gone = off_thread(move || {
        super::index::clear(&paths.index);
        super::index::clear(&paths.compared());
        fs::remove_file(&paths.record)
    });
    gone.await.map_err(stays)?;
    Ok(branch)
}

/// Removes a branch that is still where it was, unless it is checked out elsewhere.
async fn branch(open: &Open, common: &Path, at: &str) -> Result<Option<String>, Problem> {
    let git = Git::at(&open.shared, common).await?;
    let name = &open.record.branch;
    let now =
        git.run(&["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}^{{commit}}")]).await?;
    if !now.went_well() {
        // An earlier attempt came so far.
        return Ok(Some(name.clone()));
    }
    if now.text() != at || is_checked_out(&git, name).await? {
        return Ok(None);
    }
    git.text(&["branch", "-D", "--", name]).await?;
    Ok(Some(name.clone()))
}

async fn is_checked_out(git: &Git, branch: &str) -> Result<bool, Problem> {
    let listing = git.well(&["worktree", "list", "--porcelain", "-z"], Vec::new()).await?;
    let branch = format!("refs/heads/{branch}");
    Ok(worktrees(&listing.out).iter().any(|tree| tree.branch.as_ref() == Some(&branch)))
}

/// What git keeps of a worktree, if it is of this one. Blocks.
fn forget(known: &Path, tree: &Path) -> io::Result<()> {
    let Ok(told) = fs::read_to_string(known.join("gitdir")) else { return Ok(()) };
    if Path::new(told.trim()) == tree.join(".git") { remove_tree(known) } else { Ok(()) }
}

/// Takes a directory out of sight at once, then removes it. Blocks.
pub(crate) fn take_away(home: &Path, dir: &Path) -> io::Result<()> {
    let (Some(name), trash) = (dir.file_name(), home.join("trash")) else { return Ok(()) };
    make_private_dir(&trash)?;
    let out_of_sight = trash.join(name);
    match fs::rename(dir, &out_of_sight) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        moved => moved?,
    }
    match remove_tree(&out_of_sight) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a directory, also what its owner has locked against writing. Blocks.
fn remove_tree(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            unlock(dir)?;
            fs::remove_dir_all(dir)
        }
        done => done,
    }
}

fn unlock(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A link is not followed.
        if entry.file_type()?.is_dir() {
            unlock(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_goes_with_what_is_locked_in_it_and_nothing_behind_a_link() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (dir, other) = (scratch.path().join("workspaces/w"), scratch.path().join("other"));
        fs::create_dir_all(dir.join("locked/deep")).expect("made");
        fs::create_dir_all(&other).expect("made");
        fs::write(other.join("kept"), "x").expect("written");
        fs::write(dir.join("locked/deep/file"), "x").expect("written");
        std::os::unix::fs::symlink(&other, dir.join("locked/link")).expect("linked");
        for path in ["locked/deep", "locked"] {
            fs::set_permissions(dir.join(path), fs::Permissions::from_mode(0o500)).expect("locked");
        }
        take_away(scratch.path(), &dir).expect("gone");
        take_away(scratch.path(), &dir).expect("gone already");
        assert!(!dir.exists() && other.join("kept").exists());
        assert_eq!(fs::read_dir(scratch.path().join("trash")).expect("there").count(), 0);
    }
}
