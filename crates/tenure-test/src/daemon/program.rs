//! The daemon as a process: found, started with a cleared environment, waited for, ended.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Http;

/// Names a program to be run in place of the one beside the tests.
const OTHER_PROGRAM: &str = "TENURE_TEST_BIN";
/// How often a file or a process is looked at that nothing announces.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running daemon. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Program(Child);

impl Program {
    /// Starts `tenure up` on a home.
    pub(super) fn start(home: &Path, args: &[String], env: &[(String, String)], log: &Path) -> Self {
        let log = OpenOptions::new().create(true).append(true).open(log).expect("the log can be written");
        let child = up(home, args, env).stdout(Stdio::null()).stderr(log).spawn();
        Self(child.expect("the daemon can be started"))
    }

    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).expect("a process id")
    }

    /// Waits until this very process has written where it listens.
    pub(super) async fn ready(&self, home: &Path, patience: Duration) -> Result<Http, String> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(http) = self.announced(home) {
                return Ok(http);
            }
            if !is_alive(self.pid()) {
                return Err("the daemon ended before it was ready".to_owned());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Err(format!("the daemon was not ready within {patience:?}"))
    }

    fn announced(&self, home: &Path) -> Option<Http> {
        let file: Value = serde_json::from_slice(&std::fs::read(home.join("daemon.json")).ok()?).ok()?;
        if file["pid"].as_u64() != Some(u64::from(self.0.id())) {
            return None;
        }
        let token = std::fs::read_to_string(home.join("token")).ok()?;
        Some(Http::new(file["url"].as_str()?, token.trim()))
    }

    /// SIGKILL; returns when it is gone.
    pub(super) fn kill(mut self) {
        // Both fail only if it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// SIGTERM; returns how it ended.
    pub(super) async fn terminate(mut self, patience: Duration) -> ExitStatus {
        if let Some(process) = tenure_host::PidRef::of(self.pid()) {
            process.signal(rustix::process::Signal::TERM).expect("it can be told to end");
        }
        ended(&mut self.0, patience).await.expect("the daemon ends when it is told to")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `tenure up` where it is not to start; gives how it ended and what it said on stderr.
pub(super) async fn refused(
    home: &Path,
    args: &[String],
    env: &[(String, String)],
    patience: Duration,
) -> (ExitStatus, String) {
    let said = tempfile::NamedTempFile::new().expect("a file can be made");
    let stderr = File::create(said.path()).expect("a file can be written");
    let child = up(home, args, env).stdout(Stdio::null()).stderr(stderr).spawn();
    let mut program = Program(child.expect("the daemon can be started"));
    let status = ended(&mut program.0, patience).await;
    let said = std::fs::read_to_string(said.path()).unwrap_or_default();
    (status.unwrap_or_else(|| panic!("the daemon was not refused; it said:\n{said}")), said)
}

async fn ended(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    None
}

fn is_alive(pid: i32) -> bool {
    // A child that has ended and was not waited for is a zombie: dead for this purpose.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z') && !rest.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "this driver runs the daemon as a user does")]
fn up(home: &Path, args: &[String], env: &[(String, String)]) -> Command {
    let mut command = Command::new(binary());
    command.arg("up").arg("--home").arg(home).args(args);
    command.env_clear().envs(env.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    command.current_dir("/");
    command
}

/// The `tenure` program of the same build as the test.
fn binary() -> PathBuf {
    if let Some(other) = std::env::var_os(OTHER_PROGRAM) {
        return other.into();
    }
    let test = std::env::current_exe().expect("a program knows itself");
    // target/debug/deps/it-… → target/debug/tenure
    let found = test.ancestors().nth(2).map(|dir| dir.join("tenure")).filter(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("there is no `tenure` beside {}; build it first: cargo build -p tenure", test.display())
    })
}

/// The end of a file, as text.
pub(super) fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
