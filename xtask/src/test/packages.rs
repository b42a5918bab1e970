//! Programs of the system that a fresh Debian lacks. They are installed where that needs nobody's password,
//! and only told otherwise. Not here: what comes from crates.io or npm.

use crate::process::{output, program, run, say};

/// A command that succeeds where it is there, the Debian package that brings it, and what for.
const NEEDED: [(&[&str], &str, &str); 7] = [
    (&["npm", "--version"], "npm", "the real agents are installed with it"),
    (&["chromium", "--version"], "chromium", "the TypeScript client is tried in a browser"),
    (&["git", "--version"], "git", "agents look for it, and worktrees are made with it"),
    (&["strace", "--version"], "strace", "calls to the disk are made to fail with it"),
    (&["elixir", "--version"], "elixir", "the Elixir client is compiled and tested with it"),
    (&["erl", "-noshell", "-eval", JIFFY], "erlang-jiffy", "the Elixir client reads JSON with it"),
    (
        &["python3", "-c", "import ensurepip, venv"],
        "python3-venv",
        "schemathesis and what the Python client needs are installed with it",
    ),
];

/// Succeeds where Erlang finds its JSON library.
const JIFFY: &str = "case code:which(jiffy) of non_existing -> halt(1); _ -> halt(0) end.";

/// Installs what is missing, or says what it is.
pub(crate) fn install() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for (words, package, why) in NEEDED {
        let told = output(program(words[0]).args(&words[1..]))?;
        if !told.is_some_and(|told| told.status.success()) {
            say(&format!("there is no {package} here: {why}"))?;
            missing.push(package);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() || output(program("apt-get").arg("--version"))?.is_none() {
        return say(&format!(
            "only root on Debian can install it here; install yourself: {}",
            missing.join(" ")
        ));
    }
    let apt = || {
        let mut apt = program("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run(apt().args(["--quiet", "update"]))?;
    run(apt().args(["--quiet", "install", "--yes", "--no-install-recommends"]).args(&missing))
}
