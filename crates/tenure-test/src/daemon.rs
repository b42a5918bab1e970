//! A whole daemon, as a user has it: the `tenure` program on a home of its own, asked over HTTP, stopped,
//! killed and started again. When it is dropped, the daemon and everything that it started are gone.
//!
//! The program is run and its answers are read; nothing of its inside is used here, so that a test sees what a
//! client sees. What fails panics, with the end of the daemon's log.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tenure_client::{Client, Home};

mod follower;
mod halt;
mod http;
mod program;
mod session;
mod setup;
mod sweep;

pub use follower::Follower;
pub use halt::Halt;
pub use http::Answer;
pub use session::TestSession;
pub use setup::Setup;

use http::Http;
use program::Program;

/// How long anything may take that a test waits for. Real agents start slowly on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(75);

/// A daemon in a scratch home. Clones are the same daemon; it ends with the last of them.
#[derive(Debug, Clone)]
pub struct TestDaemon {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Removed when this is dropped, after the processes.
    scratch: TempDir,
    home: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    program: Program,
    http: Http,
}

impl TestDaemon {
    /// A daemon with no configuration: the scripted agent is there.
    pub async fn start() -> Self {
        Self::setup().start().await
    }

    /// Says first how it is to be.
    #[must_use]
    pub fn setup() -> Setup {
        Setup::new()
    }

    /// Its home.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.inner.home
    }

    /// The home directory of the user that it runs for.
    #[must_use]
    pub fn user(&self) -> PathBuf {
        self.inner.scratch.path().join("user")
    }

    /// A new empty directory for a session to work in.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn workdir(&self) -> PathBuf {
        let dir = tempfile::Builder::new().prefix("work-").tempdir_in(self.inner.scratch.path());
        // It goes with the scratch directory.
        dir.expect("a directory can be made").keep()
    }

    /// Its process id.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.with(|running| running.program.pid())
    }

    /// Its address.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn url(&self) -> String {
        self.with(|running| running.http.base.clone())
    }

    /// The home's token, which may do all.
    ///
    /// # Panics
    /// If it does not run.
    #[must_use]
    pub fn token(&self) -> String {
        self.with(|running| running.http.token.clone())
    }

    /// A typed client that finds this home's daemon.
    ///
    /// # Panics
    /// If no daemon answers.
    pub async fn client(&self) -> Client {
        match Client::discover(&Home::at(self.home())).await {
            Ok(client) => client,
            Err(error) => self.fail(&error.to_string()),
        }
    }

    /// SIGKILL, and nothing else: what it started lives on.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill_9(&self) {
        let running = self.take().expect("the daemon runs");
        running.program.kill();
    }

    /// SIGTERM; returns when it has ended well.
    ///
    /// # Panics
    /// If it does not run, does not end, or ends in an error.
    pub async fn stop(&self) {
        let running = self.take().expect("the daemon runs");
        let status = running.program.terminate(PATIENCE).await;
        if !status.success() {
            self.fail(&format!("the daemon ended with {status}"));
        }
    }

    /// Starts it again on the same home.
    ///
    /// # Panics
    /// If it runs, or does not get ready.
    pub async fn restart(&self) {
        assert!(self.take().is_none(), "it still runs");
        self.launch().await;
    }

    /// `kill_9`, then `restart`.
    ///
    /// # Panics
    /// As these.
    pub async fn kill_and_restart(&self) {
        self.kill_9();
        self.restart().await;
    }

    /// Sends a request; `body` null sends none.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn request(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.request_with(method, path, body, &[]).await
    }

    /// The same with more headers.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn request_with(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        match self.try_request(method, path, body, headers).await {
            Ok(answer) => answer,
            Err(error) => self.fail(&format!("{method} {path}: {error:?}")),
        }
    }

    /// The same where the daemon may be killed meanwhile.
    ///
    /// # Errors
    /// When no whole answer comes.
    pub async fn try_request(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let http = self.with(|running| running.http.clone());
        http.request(method, path, body, headers).await
    }

    /// GET.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, &Value::Null).await
    }

    /// POST.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path, body).await
    }

    /// Creates a session, 201.
    ///
    /// # Panics
    /// If it is not created.
    pub async fn create(&self, request: &Value) -> TestSession {
        let created = self.post("/v1/sessions", request).await.ok(201);
        self.session(created["id"].as_str().unwrap_or_else(|| self.fail("a session without an id")))
    }

    /// A session of an agent in a directory of its own, with its handshake done.
    ///
    /// # Panics
    /// If it is not created.
    pub async fn live(&self, agent: &str) -> TestSession {
        self.create(&json!({"agent": agent, "cwd": self.workdir(), "wait": "live"})).await
    }

    /// A session that exists.
    #[must_use]
    pub fn session(&self, id: &str) -> TestSession {
        TestSession::new(self.clone(), id)
    }

    /// Shim and agent of its sessions that live, as their shims recorded them.
    #[must_use]
    pub fn shims(&self) -> Vec<tenure_host::ShimIdentity> {
        sweep::shims(self.home()).into_iter().filter(|identity| identity.shim.is_alive()).collect()
    }

    /// Follows a stream, over restarts.
    #[must_use]
    pub fn follow(&self, path: &str) -> Follower {
        Follower::start(self.clone(), path)
    }

    /// Fails the test, with the end of the daemon's log.
    ///
    /// # Panics
    /// Always.
    #[track_caller]
    pub fn fail(&self, why: &str) -> ! {
        panic!("{why}\n--- the daemon's log ends:\n{}", self.log_tail());
    }

    /// The end of what the daemon wrote to its stderr.
    #[must_use]
    pub fn log_tail(&self) -> String {
        program::tail(&self.log_path())
    }

    fn log_path(&self) -> PathBuf {
        self.inner.scratch.path().join("daemon.log")
    }

    async fn launch(&self) {
        let program = Program::start(&self.inner.home, &self.inner.args, &self.inner.env, &self.log_path());
        let http = match program.ready(&self.inner.home, PATIENCE).await {
            Ok(http) => http,
            Err(why) => self.fail(&why),
        };
        *self.inner.lock() = Some(Running { program, http });
    }

    fn take(&self) -> Option<Running> {
        self.inner.lock().take()
    }

    fn with<T>(&self, look: impl FnOnce(&Running) -> T) -> T {
        let running = self.inner.lock();
        look(running.as_ref().expect("the daemon runs"))
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(running) = self.lock().take() {
            running.program.kill();
        }
        sweep::end_all(&self.home);
    }
}
