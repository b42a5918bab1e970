//! The tools that the steps run: cargo's own components, the test runner, the checker of dependencies. One
//! that is on the PATH and new enough is used; else the pinned version is built into `target/tools`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::process::{cargo, output, program, run, say};

/// A tool from crates.io.
struct Tool {
    name: &'static str,
    /// What is installed if there is none.
    pinned: Version,
    /// What does as well.
    oldest: Version,
}

const NEXTEST: Tool = Tool { name: "cargo-nextest", pinned: (0, 9, 143), oldest: (0, 9, 100) };
const DENY: Tool = Tool { name: "cargo-deny", pinned: (0, 20, 2), oldest: (0, 18, 2) };

type Version = (u32, u32, u32);

/// Where the tools are.
pub(crate) struct Tools {
    pub(crate) nextest: PathBuf,
    pub(crate) deny: PathBuf,
}

impl Tools {
    /// With `fast` a missing tool is an error.
    pub(crate) fn find_or_install(fast: bool) -> anyhow::Result<Self> {
        for component in ["fmt", "clippy"] {
            ensure_component(component, fast)?;
        }
        let folder = target()?.join("tools");
        Ok(Self {
            nextest: NEXTEST.find_or_install(&folder, fast)?,
            deny: DENY.find_or_install(&folder, fast)?,
        })
    }
}

/// `cargo fmt` and `cargo clippy` come with the toolchain, but not with its smallest profile.
fn ensure_component(component: &str, fast: bool) -> anyhow::Result<()> {
    let there = || anyhow::Ok(cargo().args([component, "--version"]).output()?.status.success());
    if there()? {
        return Ok(());
    }
    let package = if component == "fmt" { "rustfmt" } else { component };
    ensure!(!fast, "cargo {component} is missing; run without --fast, or: rustup component add {package}");
    run(program("rustup").args(["component", "add", package]))
        .with_context(|| format!("cargo {component} is missing from this toolchain; install {package}"))
}

/// Cargo's target directory.
fn target() -> anyhow::Result<PathBuf> {
    let output = cargo().args(["metadata", "--no-deps", "--format-version=1"]).output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata failed")?;
    let target = metadata["target_directory"].as_str().context("cargo metadata names no target directory")?;
    Ok(target.into())
}

impl Tool {
    fn find_or_install(&self, folder: &Path, fast: bool) -> anyhow::Result<PathBuf> {
        let ours = folder.join("bin").join(self.name);
        for path in [ours.clone(), self.name.into()] {
            if self.version(&path)?.is_some_and(|version| version >= self.oldest) {
                return Ok(path);
            }
        }
        let pinned = shown(self.pinned);
        let Self { name, .. } = self;
        if fast {
            bail!("{name} is missing or older than {}; run once without --fast", shown(self.oldest));
        }
        say(&format!("{name} is missing or too old; building {pinned}, which takes minutes"))?;
        // Unoptimized: it is built more often than its speed would matter.
        run(cargo().args(["install", "--quiet", "--locked", "--debug", "--root"]).arg(folder).args([
            "--version",
            &pinned,
            name,
        ]))
        .with_context(|| format!("{name} {pinned} is needed and cannot be had; install it yourself"))?;
        Ok(ours)
    }

    fn version(&self, path: &Path) -> anyhow::Result<Option<Version>> {
        let Some(output) = output(program(path).arg("--version"))? else { return Ok(None) };
        Ok(parse(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// The version in `NAME VERSION …`.
fn parse(text: &str) -> Option<Version> {
    let mut numbers = text.split_whitespace().nth(1)?.splitn(3, '.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn shown((major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

#[cfg(test)]
mod tests;
