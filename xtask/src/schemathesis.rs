//! `cargo xtask schemathesis`: requests made up from the OpenAPI document, right and wrong ones, against a running
//! daemon in a scratch home. No answer may be a 500, and each must be one that the document tells of.
//!
//! It asks with a token of scope `sessions`, which reaches neither exec nor files nor anything of an administrator, and
//! leaves out what ends things or has no end: exec, kill, reap, DELETE and the streams. Whether an answer is right for
//! its request is for the tests to say.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::install::pip::Environment;
use crate::process::{self, program, root, say};

const ENVIRONMENT: Environment = Environment {
    folder: "schemathesis",
    list: "xtask/src/schemathesis/requirements.txt",
    what: "schemathesis",
};
/// Paths that are left out.
const LEFT_OUT: &str = "/stream$|/exec(/|$)|/kill$|/reap$";
/// A create that the document allows may still name a directory that is not there.
const UNCHECKED: &str = "positive_data_acceptance";

/// Arguments of `schemathesis`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long requests are made up, in seconds.
    #[arg(long, default_value_t = 40)]
    seconds: u32,
    /// Makes up the same requests again; a run prints its own at the end.
    #[arg(long)]
    seed: Option<u64>,
}

impl Args {
    /// So long, and other requests each time.
    pub(crate) fn for_seconds(seconds: u32) -> Self {
        Self { seconds, seed: None }
    }
}

/// Installs what is missing, builds, and runs it.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    install()?;
    process::run(process::cargo().args(["build", "-p", "tenure"]))?;
    check(args)
}

/// Runs it against the binary that was built.
pub(crate) fn check(args: &Args) -> anyhow::Result<()> {
    let begun = Instant::now();
    let tool = ENVIRONMENT.program("schemathesis");
    ensure!(
        ENVIRONMENT.is_installed(),
        "schemathesis is not installed; cargo xtask schemathesis installs it, and needs the network once"
    );
    let scratch = Scratch::new()?;
    let url = scratch.start()?;
    let ready = begun.elapsed();
    let mut command = program(tool);
    command.current_dir(&scratch.0).arg("run").arg(format!("{url}/openapi.json")).args([
        "--phases=coverage,fuzzing",
        "--continue-on-failure",
        "--no-color",
        "--max-examples=20",
        "--exclude-method=DELETE",
    ]);
    command.arg(format!("--max-time={}", args.seconds)).arg(format!("--exclude-path-regex={LEFT_OUT}"));
    command.arg(format!("--exclude-checks={UNCHECKED}"));
    command.args(args.seed.map(|seed| format!("--seed={seed}")));
    process::run(&mut command)?;
    let all = begun.elapsed();
    say(&format!(
        "schemathesis: {:.0} s, and {:.0} s to prepare",
        (all - ready).as_secs_f64(),
        ready.as_secs_f64()
    ))
}

/// Installs it, unless it is there.
pub(crate) fn install() -> anyhow::Result<()> {
    ENVIRONMENT.install()
}

/// A directory for one run, with the home of its daemon. Both are gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("tenure-schemathesis-{}", std::process::id()));
        fs::create_dir_all(dir.join("work"))?;
        Ok(Self(dir))
    }

    /// A daemon with a session to ask about; gives its address.
    fn start(&self) -> anyhow::Result<String> {
        self.tenure(&["up", "--detach", "--listen", "127.0.0.1:0"])?;
        let work = self.0.join("work").display().to_string();
        let session = self.tenure(&["run", "--agent", "scripted", "--dir", &work, "--detach", "hello"])?;
        let token = self.tenure(&["token", "add", "schemathesis", "--scope", "sessions"])?;
        let running: Value = serde_json::from_slice(&fs::read(self.0.join("home/daemon.json"))?)?;
        // In a file, and not among the arguments, where everybody sees it.
        let settings = format!(
            "request-timeout = 30.0\nheaders = {{ Authorization = \"Bearer {}\" }}\n\n[parameters]\n\
             \"path.id\" = {}\n\"query.wait_ms\" = 0\n",
            token["token"].as_str().context("no token")?,
            session["id"],
        );
        fs::write(self.0.join("schemathesis.toml"), settings)?;
        Ok(running["url"].as_str().context("daemon.json has no url")?.to_owned())
    }

    fn tenure(&self, args: &[&str]) -> anyhow::Result<Value> {
        let mut command = program(binary(&root()));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", &self.0).current_dir(&self.0);
        command.args(["--json", "--home"]).arg(self.0.join("home")).args(args);
        let output = process::output(&mut command)?.context("there is no target/debug/tenure")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "tenure {}: {said}", args.join(" "));
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left over is in a scratch directory; the outcome of the run matters more.
        let _ = self.tenure(&["down", "--all"]);
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn binary(root: &Path) -> PathBuf {
    root.join("target/debug/tenure")
}
