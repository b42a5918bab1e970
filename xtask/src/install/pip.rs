//! Python packages, as a list with the hashes of all files pins them, in an environment of their own below `target`.
//! pip is run only if the list is another one than what was installed last.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process::{self, program, root};

/// An environment and what belongs into it.
pub(crate) struct Environment {
    /// Its folder, below `target`.
    pub(crate) folder: &'static str,
    /// The list, from the project's directory.
    pub(crate) list: &'static str,
    /// What it is for, as the beginning of a sentence.
    pub(crate) what: &'static str,
}

impl Environment {
    fn place(&self) -> PathBuf {
        root().join("target").join(self.folder)
    }

    /// A program of it.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.place().join("bin").join(name)
    }

    /// Whether everything is there as it is listed.
    pub(crate) fn is_installed(&self) -> bool {
        let read = |path: &Path| fs::read_to_string(path).ok();
        let done = read(&self.place().join("requirements.txt"));
        done.is_some() && done == read(&root().join(self.list)) && self.program("python").exists()
    }

    /// Installs it, unless it is there.
    pub(crate) fn install(&self) -> anyhow::Result<()> {
        if self.is_installed() {
            return Ok(());
        }
        let Self { list, what, .. } = self;
        let place = self.place();
        fs::create_dir_all(&place)?;
        process::run(program("python3").args(["-m", "venv", "--clear"]).arg(&place)).with_context(|| {
            format!(
                "{what} needs Python 3.11 or later with venv and pip (Debian: apt-get install python3-venv)"
            )
        })?;
        let wanted = place.join("wanted.txt");
        fs::copy(root().join(list), &wanted).with_context(|| format!("cannot read {list}"))?;
        let mut pip = program(self.program("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"]);
        process::run(pip.arg(&wanted)).with_context(|| {
            format!(
                "pip could not install what {list} lists; check that its index can be reached (pip download anyio), \
                 then try again"
            )
        })?;
        fs::rename(wanted, place.join("requirements.txt"))?;
        Ok(())
    }
}
