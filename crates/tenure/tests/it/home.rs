//! A scratch home, commands in it, and lines of commands that go on. The daemon is stopped when it is dropped.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// No step takes as long; it only ends a test that would hang.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Home {
    dir: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The output, if the exit code is the one that was expected.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:?}");
        &self.out
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { dir: tempfile::Builder::new().prefix("tn-").tempdir().unwrap() };
        for name in ["work", "user"] {
            std::fs::create_dir(home.path(name)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn work(&self, name: &str) -> PathBuf {
        self.path("work").join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "tests run the program as a user does")]
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command.args(args).current_dir(self.path("work")).env_clear();
        command
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("user"))
            .env("TENURE_HOME", self.path("home"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the daemon on a port of its own.
    pub(crate) fn up(&self) {
        self.run(&["up", "--detach", "--listen", "127.0.0.1:0"]).expect(0);
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, "")
    }

    /// Waits until what agents left is read.
    pub(crate) fn settle(&self) {
        let begun = Instant::now();
        loop {
            let index = self.run(&["history", "--index", "--json"]).json();
            if index["pending"] == false && index["busy"] == false {
                return;
            }
            // Reading takes a tenth of the time at most, and less on a machine that is late.
            assert!(begun.elapsed() < 2 * PATIENCE, "the past was not read: {index}");
        }
    }

    /// Runs a command with this on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Done {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input closes it.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, args: &[&str]) -> Going {
        let mut child = self.command(args).stderr(Stdio::inherit()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = sync_channel(10_000);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Going { child, lines }
    }

    /// Starts a session with a script in the background and returns its id.
    pub(crate) fn session(&self, script: &str, more: &[&str]) -> String {
        let mut args = vec!["run", "-d", "-a", "scripted", "--wait-asks", "-"];
        args.extend(more);
        self.run_with(&args, &prompt(script)).expect(0).trim().to_owned()
    }

    /// Waits for an event of a session and returns it.
    pub(crate) fn wait_for(&self, session: &str, kind: &str) -> Value {
        let mut logs = self.start(&["logs", "-f", "--json", "--types", kind, session]);
        let event = logs.event();
        logs.end();
        event
    }

    pub(crate) fn daemon_pid(&self) -> i32 {
        let text = std::fs::read_to_string(self.path("home").join("daemon.json")).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        i32::try_from(file["pid"].as_i64().unwrap()).unwrap()
    }

    pub(crate) fn kill_daemon(&self) {
        kill_process(Pid::from_raw(self.daemon_pid()).unwrap(), Signal::KILL).unwrap();
    }

    /// Opens a gate that a script waits at.
    pub(crate) fn open_gate(&self, name: &str) {
        std::fs::write(self.work(name), "").unwrap();
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.path("home").join("daemon.json").exists() {
            let _ = self.run(&["down", "--all"]);
        }
    }
}

/// A prompt that is a script.
pub(crate) fn prompt(script: &str) -> String {
    format!("Do this. @@{script}@@")
}

/// A command that goes on, line by line.
pub(crate) struct Going {
    child: Child,
    lines: Receiver<String>,
}

impl Going {
    /// The next line; none when the output has ended.
    pub(crate) fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("no line came"),
        }
    }

    /// Lines up to and with the first that holds a text.
    pub(crate) fn until(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("ended before {text:?} came: {lines:#?}"));
            let found = line.contains(text);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    pub(crate) fn event(&mut self) -> Value {
        serde_json::from_str(&self.line().unwrap()).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// What is left of the output, and how the command ended.
    pub(crate) fn wait(mut self) -> (Vec<String>, ExitStatus) {
        let mut rest = Vec::new();
        while let Some(line) = self.line() {
            rest.push(line);
        }
        let status = self.child.wait().unwrap();
        (rest, status)
    }

    pub(crate) fn end(self) {}
}

impl Drop for Going {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
