//! The Python client: its types checked strictly, and tested against the daemon that was built. What its tests are is
//! the business of `sdk/python`.

use anyhow::ensure;

use crate::install::pip::Environment;
use crate::process::{program, root, run};

const ENVIRONMENT: Environment =
    Environment { folder: "python", list: "sdk/python/requirements.txt", what: "the Python client" };

/// Installs what it needs, and the checker of types, as its list pins them.
pub(super) fn install() -> anyhow::Result<()> {
    ENVIRONMENT.install()
}

/// Checks and tests it.
pub(super) fn check() -> anyhow::Result<()> {
    ensure!(
        ENVIRONMENT.is_installed(),
        "what sdk/python needs is not installed: run cargo xtask test without --fast"
    );
    let folder = root().join("sdk/python");
    run(program(ENVIRONMENT.program("mypy")).current_dir(&folder))?;
    let mut tests = program(ENVIRONMENT.program("python"));
    // Of a socket or a process that is left open nobody is told unless it is made an error.
    tests.args(["-W", "error::ResourceWarning", "-m", "unittest", "discover", "tests"]);
    run(tests.current_dir(folder).env("PYTHONPATH", "src").env("PYTHONDONTWRITEBYTECODE", "1"))
}
