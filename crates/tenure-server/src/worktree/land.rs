//! A branch goes to another commit where it is checked out, with its index and, for a merge, its files; or
//! nothing does. Git alone would leave its index locked and the files halfway if it were killed.
//!
//! The index is locked as git locks it, with a lock that tells whose it is. Git works on a copy of the index, then the
//! branch moves, then the copy takes the index's place. Up to the branch's move everything can be taken back, after
//! it everything is finished: what the branch says decides.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tenure_api::{ErrorCode, Problem};
use tenure_crash_point::crash_point;
use tenure_event::WorkspaceId;

use super::desk::Open;
use super::git::{Git, refused};
use super::record::{Landing, UnderWay};
use super::{restore, unsaved};
use crate::owner::off_thread;

/// How one works on the copy of the index; gives the commit to go to.
pub(super) trait Prepare {
    /// Works in the place where the branch is checked out, with its index locked.
    async fn prepare(&self, git: &Git, copy: &Git) -> Result<String, Problem>;
}

/// Does all of it. What fails leaves nothing behind.
pub(super) async fn land(open: &mut Open, landing: Landing, how: &impl Prepare) -> Result<String, Problem> {
    let git = Git::at(&open.shared, &landing.tree).await?;
    open.under_way(Some(UnderWay::Landing(landing.clone()))).await?;
    let done = attempt(open, &git, landing, how).await;
    // Also finishes what went well.
    let Some(UnderWay::Landing(landing)) = open.record.under_way.clone() else { return done };
    settle(open, &landing).await?;
    crash_point!("merge.settled");
    open.under_way(None).await?;
    done
}

async fn attempt(
    open: &mut Open,
    git: &Git,
    landing: Landing,
    how: &impl Prepare,
) -> Result<String, Problem> {
    let (admin, id, own) = (landing.admin.clone(), open.id.clone(), open.paths.index.clone());
    off_thread(move || claim(&admin, &own, &id)).await.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => refused(git.dir(), "another git command is at work; try again"),
        _ => Problem::new(ErrorCode::Storage, format!("the index cannot be taken in hand: {e}")),
    })?;
    crash_point!("merge.locked");
    let after = how.prepare(git, &git.with_index(&open.paths.index)).await?;
    let landing = Landing { after: Some(after.clone()), ..landing };
    open.under_way(Some(UnderWay::Landing(landing.clone()))).await?;
    crash_point!("merge.written_down");
    if landing.files {
        let copy = git.with_index(&open.paths.index);
        // A file that was written anew with the same bytes, by us when a merge was taken back or by anybody, is no
        // change; without this git would take it for one.
        copy.run(&["update-index", "-q", "--refresh"]).await?;
        copy.well(&["read-tree", "-m", "-u", &landing.before, &after], Vec::new()).await?;
    }
    crash_point!("merge.files");
    let words = ["update-ref", "-m", "tenure", &landing.reference, &after, &landing.before];
    git.text(&words).await?;
    crash_point!("merge.moved");
    Ok(after)
}

/// Finishes or takes back what was begun, by where the branch is.
pub(super) async fn settle(open: &Open, landing: &Landing) -> Result<(), Problem> {
    if !landing.tree.is_dir() {
        return forget(open).await;
    }
    let git = Git::at(&open.shared, &landing.tree).await?;
    let (admin, id) = (landing.admin.clone(), open.id.clone());
    let ours = off_thread(move || Ok(is_ours(&admin, &id))).await.unwrap_or(false);
    if ours && let Some(after) = &landing.after {
        let arrived = git.holds(&["merge-base", "--is-ancestor", after, &landing.reference]).await?;
        if arrived {
            let (admin, own) = (landing.admin.clone(), open.paths.index.clone());
            let put = off_thread(move || publish(&admin, &own)).await;
            put.map_err(|e| Problem::new(ErrorCode::Storage, format!("the index cannot be written: {e}")))?;
        } else if landing.files {
            restore::restore(open, &git, &landing.before, after).await?;
        }
    }
    let (admin, id) = (landing.admin.clone(), open.id.clone());
    let released = off_thread(move || release(&admin, &id)).await;
    released.map_err(|e| Problem::new(ErrorCode::Storage, format!("the index cannot be let go: {e}")))?;
    forget(open).await
}

async fn forget(open: &Open) -> Result<(), Problem> {
    let own = open.paths.index.clone();
    let _ = off_thread(move || {
        super::index::clear(&own);
        Ok(())
    })
    .await;
    Ok(())
}

/// A place where nothing is under way and nothing is changed.
pub(super) async fn check_clean(git: &Git, admin: &Path) -> Result<(), Problem> {
    if let Some(what) = unsaved::in_progress(admin).await {
        return Err(refused(git.dir(), &format!("git is in the middle of a {what} there; finish it first")));
    }
    let changed = unsaved::files(git, "no").await?;
    if changed.is_empty() {
        return Ok(());
    }
    let what = "files are changed and not committed there; commit them or put them aside first";
    let data = serde_json::json!({"files": changed.iter().take(20).collect::<Vec<_>>(), "files_total": changed.len()});
    Err(refused(git.dir(), what).with_data(data))
}

fn lock_of(admin: &Path) -> std::path::PathBuf {
    admin.join("index.lock")
}

fn mark(id: &WorkspaceId) -> String {
    format!("tenure {id}\n")
}

/// Locks the index and copies it. Blocks.
fn claim(admin: &Path, own: &Path, id: &WorkspaceId) -> io::Result<()> {
    lock(admin, id)?;
    // An index of an earlier attempt would be taken for this one's; it is gone in any case.
    match super::index::copy(&admin.join("index"), own) {
        // Before the first `git add` there is none.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        copied => copied,
    }
}

/// The lock appears with its words in it: an empty one could be anybody's, and would be left for ever.
fn lock(admin: &Path, id: &WorkspaceId) -> io::Result<()> {
    let written = written_apart(admin, id);
    let sign = |mut file: fs::File| {
        file.write_all(mark(id).as_bytes())?;
        file.sync_all()
    };
    sign(fs::File::create(&written)?)?;
    let locked = fs::hard_link(&written, lock_of(admin));
    fs::remove_file(&written)?;
    match locked {
        // Not every file system has links.
        Err(e) if matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied) => {
            sign(fs::File::create_new(lock_of(admin))?)
        }
        locked => locked,
    }
}

/// Where the words lie before they are the lock.
fn written_apart(admin: &Path, id: &WorkspaceId) -> std::path::PathBuf {
    admin.join(format!("{id}.lock"))
}

fn is_ours(admin: &Path, id: &WorkspaceId) -> bool {
    fs::read(lock_of(admin)).is_ok_and(|bytes| bytes == mark(id).as_bytes())
}

/// Puts the copy in the index's place. Blocks.
fn publish(admin: &Path, own: &Path) -> io::Result<()> {
    let next = admin.join("index.tenure");
    match super::index::copy(own, &next) {
        // It stands there already.
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        copied => copied?,
    };
    fs::File::open(&next)?.sync_all()?;
    fs::rename(&next, admin.join("index"))?;
    crash_point!("merge.index");
    fs::remove_file(own)
}

/// A lock that was cut off while it was written is ours, too: git's own never begins like this.
fn release(admin: &Path, id: &WorkspaceId) -> io::Result<()> {
    let (lock, mark) = (lock_of(admin), mark(id));
    match fs::remove_file(written_apart(admin, id)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    match fs::read(&lock) {
        Ok(bytes) if !bytes.is_empty() && mark.as_bytes().starts_with(&bytes) => fs::remove_file(lock),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_whole_or_not_there_and_that_of_another_stays() {
        let scratch = tempfile::tempdir().expect("a directory");
        let (admin, own) = (scratch.path(), scratch.path().join("own.index"));
        let [id, other] = ["wks_1", "wks_2"].map(|id| WorkspaceId::parse(id).expect("an id"));
        // One that was killed while it wrote has left this.
        fs::write(written_apart(admin, &id), "ten").expect("written");
        claim(admin, &own, &id).expect("free");
        assert!(is_ours(admin, &id) && !is_ours(admin, &other));
        let held = claim(admin, &own, &other).expect_err("held");
        assert_eq!(held.kind(), io::ErrorKind::AlreadyExists);
        release(admin, &other).expect("nothing of its own");
        assert!(is_ours(admin, &id));
        fs::write(written_apart(admin, &id), "ten").expect("written");
        release(admin, &id).expect("released");
        assert_eq!(fs::read_dir(admin).expect("there").count(), 0);
    }
}
