//! What the repository must not hold: paths of the machine that something was made on, hosts of package
//! registries, large files. Whether the code is good is for other steps.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process::root;

/// Directories that are made by building and testing; they lie in `.gitignore`.
const MADE: [&str; 9] = [
    ".git",
    "target",
    "node_modules",
    ".tenure-test",
    "dist",
    ".test",
    "_build",
    ".mypy_cache",
    "__pycache__",
];

/// Directories that stand for one machine. In pieces, so that they are not found here.
const MACHINE_PATHS: [&str; 2] = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];

/// The largest file outside of a folder `fixtures`, in bytes.
const MOST_BYTES: u64 = 1_000_000;

/// Looks through every file, and lists all that is found.
pub(super) fn check() -> anyhow::Result<()> {
    let root = root();
    let mut found = Vec::new();
    for file in files(&root)? {
        let name = file.strip_prefix(&root).unwrap_or(&file).to_owned();
        let bytes = fs::symlink_metadata(&file)?.len();
        if bytes > MOST_BYTES {
            if !name.components().any(|part| part.as_os_str() == "fixtures") {
                found.push(format!("{}: {bytes} bytes; {MOST_BYTES} is the most", name.display()));
            }
            continue;
        }
        let content = fs::read(&file).with_context(|| format!("cannot read {}", name.display()))?;
        if let Ok(text) = str::from_utf8(&content) {
            found.extend(faults(&name, text));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("the repository holds what belongs to one machine:\n  {}", found.join("\n  "))
}

/// All files that could be committed. Links are not followed, and not looked at.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if MADE.iter().any(|made| entry.file_name() == *made) {
            continue;
        }
        if kind.is_dir() {
            files.extend(self::files(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// What is wrong in one file, each with its line.
fn faults(name: &Path, text: &str) -> Vec<String> {
    let file_name = name.file_name().unwrap_or_default().to_string_lossy();
    let fault = |line: &str| {
        MACHINE_PATHS
            .iter()
            .find(|path| names_path(line, path))
            .map(|path| format!("a path of one machine ({path})"))
            .or_else(|| names_host(&file_name, line).then(|| "a registry's address".to_owned()))
    };
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(n, line)| fault(line).map(|fault| format!("{}:{}: {fault}", name.display(), n + 1)))
        .collect()
}

/// Whether `path` stands in `line` as an absolute path begins, and not as the tail of another one.
fn names_path(line: &str, path: &str) -> bool {
    let goes_on = |before: char| before.is_alphanumeric() || "._-~/})$*".contains(before);
    line.match_indices(path).any(|(at, _)| !line[..at].ends_with(goes_on))
}

/// Whether a line of a package manager's file says where packages come from. crates.io is cargo's own
/// default and named in every `Cargo.lock`.
fn names_host(file_name: &str, line: &str) -> bool {
    let line = line.trim();
    match file_name {
        "package-lock.json" | "npm-shrinkwrap.json" => {
            line.starts_with("\"resolved\"") && line.contains("://")
        }
        "Cargo.lock" => {
            line.starts_with("source = ")
                && line != "source = \"registry+https://github.com/rust-lang/crates.io-index\""
        }
        ".npmrc" => line.contains("registry") && line.contains("://"),
        "config.toml" => line.starts_with("replace-with") || line.starts_with("[registries"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
