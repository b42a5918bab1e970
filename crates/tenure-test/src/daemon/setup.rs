//! How a daemon is to be: its configuration, arguments and environment.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::{Inner, PATIENCE, TestDaemon, program};
use crate::agents::AgentSetup;

/// A daemon that has not been started.
#[derive(Debug)]
pub struct Setup {
    scratch: TempDir,
    home: PathBuf,
    config: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

impl Setup {
    pub(super) fn new() -> Self {
        let scratch = TempDir::with_prefix("tenure-").expect("a directory can be made");
        let below = |name: &str| {
            let dir = scratch.path().join(name);
            std::fs::create_dir_all(&dir).expect("a directory can be made");
            dir
        };
        let (home, user, tmp) = (scratch.path().join("home"), below("user"), below("tmp"));
        let path = "/usr/local/bin:/usr/bin:/bin".to_owned();
        let mut env = vec![("PATH".to_owned(), path), ("LANG".to_owned(), "C.UTF-8".to_owned())];
        env.push(("HOME".to_owned(), user.display().to_string()));
        env.push(("TMPDIR".to_owned(), tmp.display().to_string()));
        env.push(("TENURE_LOG".to_owned(), "info".to_owned()));
        let args = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
        Self { scratch, home, config: String::new(), args, env }
    }

    /// A directory for what belongs to this test, below which the home is too.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Where its home will be.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// With an agent of this name.
    #[must_use]
    pub fn agent(self, name: &str, setup: &AgentSetup) -> Self {
        let toml = setup.to_toml(name);
        self.config(&toml)
    }

    /// With more lines of `config.toml`.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// With a variable in the daemon's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a home in a directory of the test's choice.
    #[must_use]
    pub fn in_home(mut self, home: &Path) -> Self {
        home.clone_into(&mut self.home);
        self
    }

    /// With other arguments after `up --home HOME`.
    #[must_use]
    pub fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not get ready.
    pub async fn start(self) -> TestDaemon {
        self.write_config();
        let Self { scratch, home, config: _, args, env } = self;
        let running = Mutex::new(None);
        let daemon = TestDaemon { inner: Arc::new(Inner { scratch, home, args, env, running }) };
        daemon.launch().await;
        daemon
    }

    /// Starts it where it is not to start; gives how it ended and what it said.
    ///
    /// # Panics
    /// If it does not end.
    pub async fn refused(&self) -> (ExitStatus, String) {
        self.write_config();
        program::refused(&self.home, &self.args, &self.env, PATIENCE).await
    }

    fn write_config(&self) {
        if self.config.is_empty() {
            return;
        }
        std::fs::create_dir_all(&self.home).expect("the home can be made");
        std::fs::write(self.home.join("config.toml"), &self.config)
            .expect("the configuration can be written");
    }
}
