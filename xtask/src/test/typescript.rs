//! The TypeScript client: compiled strictly, and tested against the daemon that was built. What its tests are is
//! the business of `sdk/typescript`.

use std::path::PathBuf;

use anyhow::ensure;

use crate::install;
use crate::process::{program, root, run};

fn folder() -> PathBuf {
    root().join("sdk/typescript")
}

/// Installs the compiler and the generator as its lockfile pins them.
pub(super) fn install() -> anyhow::Result<()> {
    install::ensure(&folder(), false)
}

/// Compiles and tests it.
pub(super) fn check() -> anyhow::Result<()> {
    let folder = folder();
    ensure!(
        folder.join("node_modules/.package-lock.json").is_file(),
        "the compiler of sdk/typescript is not installed: run npm ci there, or cargo xtask test without --fast"
    );
    run(program("npm").args(["test", "--silent"]).current_dir(folder))
}
