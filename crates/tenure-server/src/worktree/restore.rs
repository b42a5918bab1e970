//! Files of a checkout that was cut off go back to what they were. Only what the checkout wrote goes: a file
//! that is neither as it was nor as it was to be is somebody's, unless it is the beginning of what it was to be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tenure_api::Problem;

use super::desk::Open;
use super::git::Git;
use crate::owner::off_thread;

/// Takes back the way from one commit to another as far as it went. The worktree's own index still tells the first.
pub(super) async fn restore(open: &Open, git: &Git, before: &str, after: &str) -> Result<(), Problem> {
    let listing = git.well(&names(before, after), Vec::new()).await?.out;
    let to_go: BTreeSet<Vec<u8>> = split(&listing);
    let unlike_before = unlike(open, git, before, &to_go).await?;
    let unlike_after = unlike(open, git, after, &to_go).await?;
    let mut back = Vec::new();
    for path in &to_go {
        // Nothing differs from where it was: the checkout did not come so far.
        if !unlike_before.contains(path) {
            continue;
        }
        if !unlike_after.contains(path) || is_beginning(git, after, path).await? {
            back.push(path.clone());
        } else {
            let path = String::from_utf8_lossy(path);
            tracing::warn!(%path, dir = %git.dir().display(), "a file was changed while a merge was cut off; it is left");
        }
    }
    put_back(git, before, back).await
}

fn names<'a>(before: &'a str, after: &'a str) -> [&'a str; 7] {
    ["diff-tree", "-r", "--no-renames", "--name-only", "-z", before, after]
}

fn split(listing: &[u8]) -> BTreeSet<Vec<u8>> {
    listing.split(|byte| *byte == 0).filter(|path| !path.is_empty()).map(<[u8]>::to_vec).collect()
}

/// The paths at which the files are not as a commit has them.
async fn unlike(
    open: &Open,
    git: &Git,
    commit: &str,
    paths: &BTreeSet<Vec<u8>>,
) -> Result<BTreeSet<Vec<u8>>, Problem> {
    let scratch = open.paths.compared();
    let fresh = scratch.clone();
    let _ = off_thread(move || {
        super::index::clear(&fresh);
        Ok(())
    })
    .await;
    let with = git.with_index(&scratch);
    with.text(&["read-tree", commit]).await?;
    with.run(&["update-index", "-q", "--refresh"]).await?;
    let mut differ = split(&with.well(&["diff-files", "--name-only", "-z"], Vec::new()).await?.out);
    let has = split(&with.well(&["ls-files", "-z"], Vec::new()).await?.out);
    let root = git.dir().to_owned();
    let foreign: Vec<Vec<u8>> = paths.difference(&has).cloned().collect();
    let there = off_thread(move || {
        Ok(foreign
            .into_iter()
            .filter(|path| place(&root, path).symlink_metadata().is_ok())
            .collect::<Vec<_>>())
    });
    // What the commit has not must not be there.
    differ.extend(there.await.unwrap_or_default());
    let _ = off_thread(move || {
        super::index::clear(&scratch);
        Ok(())
    })
    .await;
    Ok(differ)
}

fn place(root: &Path, path: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    root.join(std::ffi::OsStr::from_bytes(path))
}

/// A file that the kill cut off, or one that was taken away to be written anew.
async fn is_beginning(git: &Git, commit: &str, path: &[u8]) -> Result<bool, Problem> {
    let file = place(git.dir(), path);
    let read = off_thread(move || std::fs::read(file)).await;
    let there = match read {
        Ok(bytes) => bytes,
        Err(e) => return Ok(e.kind() == std::io::ErrorKind::NotFound),
    };
    let Ok(name) = std::str::from_utf8(path) else { return Ok(false) };
    let whole = git.run(&["cat-file", "blob", &format!("{commit}:{name}")]).await?;
    Ok(whole.went_well() && whole.out.starts_with(&there))
}

async fn put_back(git: &Git, before: &str, paths: Vec<Vec<u8>>) -> Result<(), Problem> {
    let tree = git.well(&["ls-tree", "-r", "--name-only", "-z", "--full-tree", before], Vec::new()).await?;
    let was = split(&tree.out);
    let (old, new): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| was.contains(path));
    let root = git.dir().to_owned();
    let removed = off_thread(move || {
        for path in new {
            let file = place(&root, &path);
            let _ = std::fs::remove_file(&file);
            let parents = file.ancestors().skip(1).take_while(|dir| *dir != root);
            for parent in parents {
                if std::fs::remove_dir(parent).is_err() {
                    break;
                }
            }
        }
        Ok(())
    });
    let _ = removed.await;
    if old.is_empty() {
        return Ok(());
    }
    git.well(&["checkout-index", "-f", "-q", "-z", "--stdin"], old.join(&0)).await.map(drop)
}
