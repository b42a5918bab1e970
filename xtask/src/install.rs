//! `cargo xtask install-agents`: the real agent programs, from npm, as the lockfile in `tests/agents` pins
//! them; and in the same way what any other folder's lockfile pins. npm is run only if something is missing or of
//! another version. It does not know the programs themselves: where each one's binary lies is
//! `tenure_test::agents`' business.

pub(crate) mod pip;

use std::io;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::process::{self, program, root, say};

/// The oldest npm that reads our lockfile and leaves addresses out of it.
const OLDEST_NPM: u32 = 8;

/// Arguments of `install-agents`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Runs npm even if everything is there.
    #[arg(long)]
    force: bool,
}

/// Installs what is missing and says how long it took and what it takes on disk.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure(&root().join("tests/agents"), args.force)
}

/// Installs what a folder's lockfile pins and is not there, or all of it.
pub(crate) fn ensure(project: &Path, force: bool) -> anyhow::Result<()> {
    let wanted = wanted(project)?;
    let missing = missing(project, &wanted);
    if missing.is_empty() && !force {
        return report(project, &wanted, "already there");
    }
    check_npm()?;
    say(&format!("npm ci in {}: {} package(s), this may take minutes", project.display(), wanted.len()))?;
    let start = Instant::now();
    let status =
        program("npm").arg("ci").current_dir(project).status().context("npm could be found but not run")?;
    ensure!(
        status.success(),
        "npm ci in {} failed ({status}); its own words stand above. Check that its registry can be reached \
         (npm ping) and that the disk has 2 GB free, then try again",
        project.display()
    );
    let missing = self::missing(project, &wanted);
    ensure!(
        missing.is_empty(),
        "npm ci succeeded but left out {}: npm skips an optional package that it cannot download. Look it up \
         with: npm view {} ; then try again",
        list(&missing),
        missing.first().map(Package::spec).unwrap_or_default()
    );
    report(project, &wanted, &format!("installed in {:.1} s", start.elapsed().as_secs_f64()))
}

/// A package of the lockfile.
#[derive(Debug, Clone)]
struct Package {
    /// Its folder, below the project.
    folder: String,
    version: String,
    integrity: String,
}

impl Package {
    fn spec(&self) -> String {
        format!("{}@{}", self.folder.trim_start_matches("node_modules/"), self.version)
    }
}

fn list(packages: &[Package]) -> String {
    packages.iter().map(Package::spec).collect::<Vec<_>>().join(", ")
}

/// The pinned packages for this machine.
fn wanted(project: &Path) -> anyhow::Result<Vec<Package>> {
    let path = project.join("package-lock.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lock: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let (os, cpu) = platform();
    let wanted = packages(&lock, os, cpu);
    if wanted.is_empty() {
        bail!("{} pins nothing for {os}-{cpu}; the tests need linux-x64", path.display());
    }
    Ok(wanted)
}

/// This machine in npm's words.
fn platform() -> (&'static str, &'static str) {
    let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    let cpu = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    (os, cpu)
}

fn packages(lock: &Value, os: &str, cpu: &str) -> Vec<Package> {
    // A list, a single word, or nothing for any.
    let allows = |wanted: &Value, name: &str| match wanted {
        Value::Array(all) => all.iter().any(|one| one == name),
        Value::String(one) => one == name,
        _ => true,
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    lock["packages"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(folder, entry)| {
            !folder.is_empty() && allows(&entry["os"], os) && allows(&entry["cpu"], cpu)
        })
        .map(|(folder, entry)| Package {
            folder: folder.clone(),
            version: text(&entry["version"]),
            integrity: text(&entry["integrity"]),
        })
        .collect()
}

/// Those that are not there as pinned. npm writes its own record last, so half an installation has none.
fn missing(project: &Path, wanted: &[Package]) -> Vec<Package> {
    let record = std::fs::read_to_string(project.join("node_modules/.package-lock.json")).unwrap_or_default();
    let record: Value = serde_json::from_str(&record).unwrap_or_default();
    let is_there = |package: &Package| {
        record["packages"][&package.folder]["integrity"] == package.integrity.as_str()
            && project.join(&package.folder).join("package.json").is_file()
    };
    wanted.iter().filter(|package| !is_there(package)).cloned().collect()
}

fn check_npm() -> anyhow::Result<()> {
    let Some(output) = process::output(program("npm").arg("--version"))? else {
        bail!(
            "npm is not on the PATH, and the real agents and the TypeScript tests come from it. Install Node 20 or \
             later with npm, then try again"
        );
    };
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    ensure!(
        major.is_some_and(|major| major >= OLDEST_NPM),
        "npm --version says {version:?}; npm {OLDEST_NPM} or later is needed (it comes with Node 18 and later)"
    );
    Ok(())
}

fn report(project: &Path, packages: &[Package], how: &str) -> anyhow::Result<()> {
    let bytes = size(&project.join("node_modules"))?;
    let name = project.file_name().unwrap_or_default().display();
    say(&format!("{name} {how}, {} MB on disk: {}", bytes / 1_000_000, list(packages)))
}

/// Bytes of all files below `folder`.
fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        bytes += if kind.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
