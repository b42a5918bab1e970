//! A blocking driver for programs that speak lines of JSON: every wait has a deadline, and a failure shows
//! what was said and what came out on stderr.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use tenure_test::agents::AgentSetup;

/// How long any one thing may take; a cold start on a busy machine is slow.
const DEADLINE: Duration = Duration::from_secs(90);

/// Lines that may wait for the test.
const LINES_AHEAD: usize = 1024;

/// A running program; it is killed when this is dropped.
pub(crate) struct Driver {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Vec<String>,
    stderr: PathBuf,
}

impl Driver {
    /// Starts the agent with more arguments in `work`; stderr goes to a file below `scratch`.
    pub(crate) fn start(setup: &AgentSetup, more: &[&str], work: &Path, scratch: &Path) -> Self {
        let stderr = scratch.join("stderr");
        let mut child = command(&setup.command[0])
            .args(&setup.command[1..])
            .args(more)
            .env_clear()
            .envs(setup.env.iter().cloned())
            .current_dir(work)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (out, lines) = sync_channel(LINES_AHEAD);
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| out.send(line)));
        let stdin = child.stdin.take();
        Self { child, stdin, lines, said: Vec::new(), stderr }
    }

    /// Writes a line.
    pub(crate) fn send(&mut self, message: &Value) {
        self.said.push(format!("> {message}"));
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{message}").and_then(|()| stdin.flush()).unwrap();
    }

    /// Reads a line; one that is not JSON fails the test.
    pub(crate) fn next(&mut self) -> Value {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => {
                self.said.push(format!("< {line}"));
                serde_json::from_str(&line).unwrap_or_else(|error| self.fail(&format!("no JSON: {error}")))
            }
            Err(RecvTimeoutError::Timeout) => self.fail("it says nothing more"),
            Err(RecvTimeoutError::Disconnected) => self.fail("it has closed its stdout"),
        }
    }

    /// Closes stdin and waits for the end.
    pub(crate) fn end(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.ended()
    }

    /// Waits for the end, reading on: stdout closes when the program is gone.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.said.push(format!("< {line}")),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => self.fail("it does not end"),
            }
        }
    }

    /// Fails the test, with all that is known.
    pub(crate) fn fail(&self, why: &str) -> ! {
        let said = self.said.join("\n");
        let stderr = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        panic!("{why}\n--- said:\n{said}\n--- stderr:\n{stderr}");
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this driver proves the agents without Tenure's own process code"
)]
pub(crate) fn command(program: &str) -> Command {
    Command::new(program)
}
