//! A small ACP client for the tests: starts the program with a cleared environment and a scratch home, and reads its
//! lines on a thread, so that every wait has a deadline.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tenure_scripted::{Entry, read_record, script};

/// Longer than anything takes that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A scratch directory with the agent's home, its working directory and its record.
pub(crate) struct Scratch {
    dir: TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("work")).unwrap();
        Self { dir }
    }

    pub(crate) fn work(&self, path: &str) -> PathBuf {
        self.dir.path().join("work").join(path)
    }

    pub(crate) fn record_path(&self) -> PathBuf {
        self.dir.path().join("record.jsonl")
    }

    pub(crate) fn record(&self) -> Vec<Entry> {
        read_record(&self.record_path()).unwrap()
    }

    /// Waits until the record holds what is looked for.
    pub(crate) fn wait_record<T>(&self, mut look: impl FnMut(&Entry) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) =
                self.record_path().exists().then(|| self.record().iter().find_map(&mut look)).flatten()
            {
                return found;
            }
            assert!(Instant::now() < deadline, "not in the record: {:#?}", self.record());
            thread::yield_now();
        }
    }

    /// Starts an agent that keeps a record.
    pub(crate) fn start(&self, flags: &[&str]) -> Agent {
        let record = self.record_path().to_string_lossy().into_owned();
        self.start_with(&[&["--record", &record], flags].concat(), &[])
    }

    #[expect(clippy::disallowed_methods, reason = "the test drives the real program, and ends it by its pid")]
    pub(crate) fn start_with(&self, args: &[&str], env: &[(&str, &str)]) -> Agent {
        let mut child = Command::new(env!("CARGO_BIN_EXE_scripted-agent"))
            .args(args)
            .env_clear()
            .env("HOME", self.dir.path())
            .envs(env.iter().copied())
            .current_dir(self.work(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, lines) = sync_channel(1024);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            loop {
                let mut line = Vec::new();
                if stdout.read_until(b'\n', &mut line).unwrap_or(0) == 0 || to.send(line).is_err() {
                    return;
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let stdin = child.stdin.take();
        Agent { child, stdin, lines, stderr: Some(stderr), next_id: 0, cwd: self.work("") }
    }
}

pub(crate) struct Agent {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    stderr: Option<JoinHandle<String>>,
    next_id: u64,
    cwd: PathBuf,
}

/// A turn as it came over the wire: all messages before its answer, and the answer.
#[derive(Debug)]
pub(crate) struct Turned {
    pub(crate) before: Vec<Value>,
    pub(crate) answer: Value,
}

impl Agent {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line as it is; none at the end.
    pub(crate) fn line(&mut self) -> Option<Vec<u8>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the agent says nothing"),
        }
    }

    pub(crate) fn message(&mut self) -> Value {
        let line = self.line().expect("stdout has ended");
        serde_json::from_slice(&line).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&line)))
    }

    pub(crate) fn write(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line).unwrap();
        stdin.write_all(b"\n").unwrap();
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.write(message.to_string().as_bytes());
    }

    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = json!(self.next_id);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        id
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    pub(crate) fn answer(&mut self, request: &Value, result: Value) {
        self.send(&json!({"jsonrpc": "2.0", "id": request["id"], "result": result}));
    }

    pub(crate) fn choose(&mut self, ask: &Value, option: &str) {
        self.answer(ask, json!({"outcome": {"outcome": "selected", "optionId": option}}));
    }

    /// Reads until the answer to this request.
    pub(crate) fn until_answer(&mut self, id: &Value) -> Turned {
        let mut before = Vec::new();
        loop {
            let message = self.message();
            if message.get("method").is_none() && message["id"] == *id {
                return Turned { before, answer: message };
            }
            before.push(message);
        }
    }

    /// Reads until a request or notification of this method, or until an update of this kind.
    pub(crate) fn until(&mut self, what: &str) -> Value {
        loop {
            let message = self.message();
            if message["method"] == what || message["params"]["update"]["sessionUpdate"] == what {
                return message;
            }
        }
    }

    /// Asks, and gives the result without what came before it.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.request(method, params);
        let answer = self.until_answer(&id).answer;
        if answer.get("error").is_some() {
            json!({"error": answer["error"]})
        } else {
            answer["result"].clone()
        }
    }

    pub(crate) fn initialize(&mut self) -> Value {
        self.call("initialize", json!({"protocolVersion": 1, "clientCapabilities": {}}))
    }

    /// Shakes hands and opens a session.
    pub(crate) fn open(&mut self) -> String {
        self.initialize();
        let cwd = self.cwd.clone();
        let session = self.call("session/new", json!({"cwd": cwd, "mcpServers": []}));
        self.until("available_commands_update");
        session["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {session}")).to_owned()
    }

    /// Takes up a session in a new process; `method` is `session/load` or `session/resume`.
    pub(crate) fn take_up(&mut self, method: &str, session: &str) -> Turned {
        self.initialize();
        let params = json!({"sessionId": session, "cwd": self.cwd, "mcpServers": []});
        let id = self.request(method, params);
        self.until_answer(&id)
    }

    pub(crate) fn prompt_text(&mut self, session: &str, text: &str) -> Value {
        self.request(
            "session/prompt",
            json!({"sessionId": session, "prompt": [{"type": "text", "text": text}]}),
        )
    }

    pub(crate) fn prompt(&mut self, session: &str, steps: Value) -> Value {
        self.prompt_text(session, &script(&steps))
    }

    /// A whole turn in which the agent asks nothing.
    pub(crate) fn turn(&mut self, session: &str, steps: Value) -> Turned {
        let id = self.prompt(session, steps);
        self.until_answer(&id)
    }

    pub(crate) fn cancel(&mut self, session: &str) {
        self.notify("session/cancel", json!({"sessionId": session}));
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_pid(signal, self.pid());
    }

    /// Nobody reads stdout any more.
    pub(crate) fn stop_reading(&mut self) {
        self.lines = sync_channel(0).1;
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.exited();
    }

    pub(crate) fn exited(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the agent does not exit");
            thread::yield_now();
        }
    }

    /// All of stderr, once the process and whoever holds its stderr are gone.
    pub(crate) fn stderr(&mut self) -> String {
        self.exited();
        self.stderr.take().unwrap().join().unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Turned {
    pub(crate) fn updates(&self) -> Vec<&Value> {
        self.before
            .iter()
            .filter(|m| m["method"] == "session/update")
            .map(|m| &m["params"]["update"])
            .collect()
    }

    /// The kinds of the updates, in order.
    pub(crate) fn kinds(&self) -> Vec<&str> {
        self.updates().iter().map(|u| u["sessionUpdate"].as_str().unwrap_or("none")).collect()
    }

    /// The texts of all chunks of this kind.
    pub(crate) fn chunks(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.updates().into_iter().filter(|u| u["sessionUpdate"] == kind);
        of_kind.map(|u| u["content"]["text"].as_str().unwrap()).collect()
    }

    pub(crate) fn said(&self) -> String {
        self.chunks("agent_message_chunk").concat()
    }

    pub(crate) fn stop(&self) -> &str {
        self.answer["result"]["stopReason"]
            .as_str()
            .unwrap_or_else(|| panic!("no stop reason: {}", self.answer))
    }
}

/// Whether a process with this pid exists and is no zombie.
pub(crate) fn is_alive(pid: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or("Z").starts_with('Z'))
}

/// The process's session, as the kernel tells it.
pub(crate) fn session_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(3)?.parse().ok()
}

pub(crate) fn kill_pid(signal: Signal, pid: u32) {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    kill_process(pid, signal).unwrap();
}

pub(crate) fn wait_gone(pid: u32) {
    let deadline = Instant::now() + PATIENCE;
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "process {pid} does not end");
        thread::yield_now();
    }
}
