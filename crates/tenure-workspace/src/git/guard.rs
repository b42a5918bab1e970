//! A repository's own configuration can name programs, which git then runs as whoever runs git. An agent that may
//! write into `.git/config` must not get a program run by the daemon that way, and neither may a directory that came
//! out of an archive.

use super::pieces;

/// Settings that are overruled whatever they say, also those of the person: nothing here may wait for a network, an
/// editor or a key, start a daemon of git's, or run a hook.
const ALWAYS: &[(&str, &str)] = &[
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.splitIndex", "false"),
    ("core.editor", ":"),
    ("core.pager", "cat"),
    ("core.askPass", ""),
    ("core.sshCommand", "false"),
    ("core.alternateRefsCommand", ""),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("commit.gpgSign", "false"),
    ("log.showSignature", "false"),
    ("merge.verifySignatures", "false"),
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("advice.detachedHead", "false"),
];

/// What git does by itself where no driver is named for a merge.
const PLAIN_MERGE: &str = "git merge-file -q %A %O %B";

/// The settings that are to overrule a repository's: those above, and every driver for files that the repository itself
/// names (`filter`, `merge`, `diff`), given what `git config --list --show-scope -z` says there. A driver from the
/// person's own configuration stays, for example that of Git LFS.
#[must_use]
pub fn guards(listing: &[u8]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        ALWAYS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut listing = pieces(listing);
    while let (Some(scope), Some(entry)) = (listing.next(), listing.next()) {
        if matches!(scope, b"system" | b"global") {
            continue;
        }
        let name = entry.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name) else { continue };
        for guard in driver(name) {
            if !all.contains(&guard) {
                all.push(guard);
            }
        }
    }
    all
}

/// Whether a repository's own configuration says that its files are elsewhere, given the same listing.
#[must_use]
pub fn files_are_elsewhere(listing: &[u8]) -> bool {
    let mut listing = pieces(listing);
    while let (Some(scope), Some(entry)) = (listing.next(), listing.next()) {
        if !matches!(scope, b"system" | b"global") && entry.starts_with(b"core.worktree\n") {
            return true;
        }
    }
    false
}

/// What stands against a driver, given one of its settings.
fn driver(name: &str) -> Vec<(String, String)> {
    let Some((section, rest)) = name.split_once('.') else { return Vec::new() };
    let Some((which, _)) = rest.rsplit_once('.') else { return Vec::new() };
    let set = |setting: &str, value: &str| (format!("{section}.{which}.{setting}"), value.to_owned());
    match section {
        "filter" => {
            vec![set("clean", ""), set("smudge", ""), set("process", ""), set("required", "false")]
        }
        "merge" => vec![set("driver", PLAIN_MERGE)],
        "diff" => vec![set("command", ""), set("textconv", "")],
        _ => Vec::new(),
    }
}
