//! What the daemon can do, without HTTP: create sessions, ask things of them, list and
//! follow them. One [`Node`] per home.
//!
//! What it is not: it decides nothing about a session. Each session has one task that does
//! (`owner`), and a pure machine below that (`tenure_core::machine`).

mod adopt;
pub(crate) mod agents;
pub(crate) mod artifacts;
mod birth;
mod call;
mod checkpoints;
mod create;
mod damaged;
mod directories;
mod erase;
mod exec_call;
mod fork;
mod leftovers;
mod live;
pub(crate) mod main_tree;
mod place;
mod processes;
mod projects;
mod raw;
mod records;
mod recover;
mod registry;
mod resumed;
mod servers;
mod take_back;
mod workspaces;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tenure_agents::catalog::{asks_nobody, tells_no_cost};
use tenure_api::{AgentEntry, CreateSession, Problem, Process, Receipt, Session};
use tenure_core::Request;
use tenure_crash_point::crash_point;
use tenure_event::{Capabilities, Ephemeral, Handshake, SessionId};
use tenure_host::{PidRef, process};
use tenure_log::{Durability, EventLog, LogOptions, SessionFilter, SessionRow, SqliteLog};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use adopt::Adoptee;
pub use checkpoints::{Against, rewound};
pub(crate) use directories::Directories;
pub(crate) use exec_call::Ordered;
pub use live::LiveText;
pub(crate) use place::make_private_dir;
pub(crate) use processes::megabytes;
pub(crate) use projects::Projects;
pub(crate) use records::RecordRoot;
pub(crate) use servers::ServerSet;

use crate::clock;
use crate::config::Config;
use crate::exec;
use crate::problem;
use crate::worktree;
use agents::AgentDef;
use processes::Processes;
use registry::Registry;
use tenure_agents::catalog::Protocol;

/// Ephemeral events of all sessions that a slow follower may lag behind.
const LIVE_BUFFER: usize = 1024;
/// Sessions of an agent among which one is looked for that tells what the agent can do.
const LOOKED_AT: usize = 20;
/// How long a stop may wait for owners to finish what they do.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A request that may be repeated: its key (with method, path and token) and its body's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, made unique by method, path and token.
    pub key: String,
    /// Hash of the body.
    pub body_hash: String,
}

/// A session was created, or was there already.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateOutcome {
    /// Its id.
    pub session_id: SessionId,
    /// False when the same id and body had been given before.
    pub created: bool,
    /// Of the first input.
    pub receipt: Option<Receipt>,
}

/// How a node is opened.
pub struct NodeOptions {
    /// Its home.
    pub home: PathBuf,
    /// The configuration in force.
    pub config: watch::Receiver<Arc<Config>>,
    /// The program that becomes a shim; this very program if none.
    pub program: Option<PathBuf>,
    /// The machine's name.
    pub name: String,
}

/// What owners and the node share.
pub(crate) struct Shared {
    pub home: PathBuf,
    pub log: SqliteLog,
    config: watch::Receiver<Arc<Config>>,
    pub program: Option<PathBuf>,
    pub name: String,
    /// Tells this home's processes from another's.
    pub home_mark: String,
    pub registry: Registry,
    pub stores: crate::checkpoints::Stores,
    pub processes: Processes,
    /// Processes of tool servers.
    pub servers_seen: servers::Seen,
    pub execs: exec::Table,
    pub worktrees: worktree::Desk,
    /// Where projects are and were.
    pub directories: Directories,
    /// Held while a session, a project or a workspace is looked up and recorded, or a workspace goes.
    pub creating: Arc<tokio::sync::Mutex<()>>,
    /// Commands that may run at once.
    pub exec_places: Arc<tokio::sync::Semaphore>,
    pub tasks: TaskTracker,
    pub stopping: CancellationToken,
    pub live: broadcast::Sender<Arc<Ephemeral>>,
}

/// The daemon's heart.
pub struct Node {
    shared: Arc<Shared>,
    versions: Mutex<HashMap<String, String>>,
}

impl Shared {
    pub(crate) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.borrow())
    }

    pub(crate) fn agent(&self, name: &str) -> Option<AgentDef> {
        agents::find(&self.config(), name)
    }

    /// The agent of this name, or one that adds nothing if it is configured no more.
    pub(crate) fn agent_or_none(&self, name: &str) -> AgentDef {
        self.agent(name).unwrap_or_else(|| agents::nothing(name))
    }

    /// Ends what a session's lost process may have left behind: the old process is proven dead before a new one.
    pub(crate) async fn sweep_session(&self, id: &SessionId) {
        let (home, id) = (self.home_mark.clone(), id.to_string());
        // Commands of clients are no part of the agent.
        let spared = self.execs.shims();
        let swept = tokio::task::spawn_blocking(move || {
            let ours = process::find_marked(crate::owner::HOME_MARK, &home);
            let of_session = process::orphans(process::find_marked(crate::owner::SESSION_MARK, &id), &spared);
            let both =
                of_session.into_iter().map(|m| m.process).filter(|p| ours.iter().any(|m| m.process == *p));
            process::sweep(&both.collect::<Vec<_>>())
        });
        match swept.await {
            Ok(report) if report.remained.is_empty() => {}
            Ok(report) => {
                tracing::error!(pids = ?report.remained, "processes of a lost agent could not be ended")
            }
            Err(e) => tracing::error!(error = %e, "the sweep of a lost agent failed"),
        }
    }
}

impl Node {
    /// Opens the home: its lock is held by the caller. Returns when reads answer and inputs are admitted; sessions
    /// whose agents are still being found go on catching up in their own tasks.
    ///
    /// # Errors
    /// When the log cannot be opened.
    pub async fn open(options: NodeOptions) -> Result<Arc<Self>, tenure_log::LogError> {
        let NodeOptions { home, config, program, name } = options;
        let durability = match config.borrow().log.durability.unwrap_or_default() {
            tenure_api::Durability::Power => Durability::Power,
            tenure_api::Durability::Process => Durability::Process,
        };
        let (dir, options) = (home.clone(), LogOptions { durability, ..LogOptions::default() });
        let opened = tokio::task::spawn_blocking(move || SqliteLog::open(&dir, options)).await;
        let log = opened.map_err(|e| tenure_log::LogError::Corrupt(e.to_string()))??;
        crash_point!("up.log_open");
        let home_mark = recover::home_mark(&home);
        let stopping = CancellationToken::new();
        let shared = Arc::new(Shared {
            stores: crate::checkpoints::Stores::new(&home, stopping.clone()),
            directories: Directories::open(&home),
            home,
            log,
            config,
            program,
            name,
            home_mark,
            registry: Registry::default(),
            processes: Processes::default(),
            servers_seen: servers::Seen::default(),
            execs: exec::Table::default(),
            worktrees: worktree::Desk::default(),
            creating: Arc::default(),
            exec_places: Arc::new(tokio::sync::Semaphore::new(exec::PLACES)),
            tasks: TaskTracker::new(),
            stopping,
            live: broadcast::channel(LIVE_BUFFER).0,
        });
        let node = Arc::new(Self { shared, versions: Mutex::default() });
        node.recover().await?;
        Ok(node)
    }

    /// The event log.
    #[must_use]
    pub fn log(&self) -> &SqliteLog {
        &self.shared.log
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.shared.config()
    }

    /// Held while a session, a project or a workspace is looked up and recorded.
    pub(crate) async fn recording(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.shared.creating.lock().await
    }

    /// Under which name the records are listed that an agent keeps by itself.
    pub(crate) fn record_keeper(&self, agent: &str) -> String {
        match self.shared.agent(agent).map(|def| def.protocol) {
            Some(protocol @ (Protocol::Claude | Protocol::Codex | Protocol::Pi)) => {
                protocol.as_str().to_owned()
            }
            _ => agent.to_owned(),
        }
    }

    /// The machine's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The home.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.shared.home
    }

    /// How many sessions have a task right now.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.shared.registry.len()
    }

    /// Whether a session has a task right now.
    pub(crate) fn is_awake(&self, id: &SessionId) -> bool {
        self.shared.registry.get(id).is_some()
    }

    /// Creates a session. The same id with the same request again is the same session.
    ///
    /// # Errors
    /// `invalid`, `conflict`, `forbidden`, `not_found` and `storage`, as the contract says.
    pub async fn create(
        &self,
        request: CreateSession,
        key: Option<IdempotencyKey>,
    ) -> Result<CreateOutcome, Problem> {
        self.create_session(request, key).await
    }

    /// A session as clients see it, with capabilities and process; tombstones too.
    ///
    /// # Errors
    /// `not_found` for an unknown id.
    pub async fn view(&self, id: &SessionId) -> Result<Session, Problem> {
        let mut view = self.stored(id).await?;
        view.capabilities = self.handshake(id).map(|h| h.capabilities);
        if view.process.is_some() {
            let (shared, id) = (Arc::clone(&self.shared), id.clone());
            let measured = tokio::task::spawn_blocking(move || shared.processes.of(&id, clock::now())).await;
            // One that could not be taken up yet runs, and is not measured.
            view.process = measured.ok().flatten().or(view.process);
        }
        Ok(view)
    }

    /// The same without capabilities, and the process not measured: that reads much of `/proc`.
    ///
    /// # Errors
    /// `not_found` for an unknown id.
    pub async fn stored(&self, id: &SessionId) -> Result<Session, Problem> {
        let row = self.shared.log.session(id).await.map_err(|e| problem::from_log(&e))?;
        let row = row.ok_or_else(|| problem::no_session(id))?;
        // Looked at a second time first: what could not be read once may be well.
        let _ = self.shared.log.damage_now(id).await;
        self.view_row(&row)
    }

    /// The same for a row of a list.
    ///
    /// # Errors
    /// `internal` if the row cannot be read.
    pub fn view_row(&self, row: &SessionRow) -> Result<Session, Problem> {
        let parsed = serde_json::from_str(&row.view).ok();
        let damage = self.shared.log.damage(&row.id);
        let mut view: Session = match parsed {
            Some(view) => view,
            None => damaged::from_row(row, &self.shared.name)
                .ok_or_else(|| problem::damaged(&row.id, "its view cannot be read"))?,
        };
        if damage.is_some() {
            view.axes.health = damaged::HEALTH;
        }
        if let Some(process) = &mut view.process {
            // What was stored says when it began; what it uses is known only to who measures it now.
            process.runtime_seconds = clock::now().millis_since(process.started_at) / 1000;
            process.memory_mb = None;
        }
        Ok(view)
    }

    /// What the agent of a session told of itself at its last handshake.
    #[must_use]
    pub fn handshake(&self, id: &SessionId) -> Option<Handshake> {
        let path = crate::owner::session_dir(&self.shared.home, id).join("handshake.json");
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    /// Whether a mode lets the session's agent act without asking.
    #[must_use]
    pub fn is_bypass(&self, agent: &str, mode: &str) -> bool {
        let config = self.shared.config();
        agents::find(&config, agent).is_some_and(|def| asks_nobody(def.protocol, def.preset, mode))
    }

    /// Whether the session's agent can be held to a sum of money.
    ///
    /// # Errors
    /// `unsupported`, if it is known that it never tells what it costs.
    pub fn may_limit_cost(&self, agent: &str) -> Result<(), Problem> {
        let config = self.shared.config();
        match agents::find(&config, agent).and_then(|def| tells_no_cost(def.protocol, def.preset)) {
            Some(why) => Err(Problem::unsupported(agent, "cost_limit", why)),
            None => Ok(()),
        }
    }

    /// Every process: running ones, ended ones that were not reaped, orphans.
    pub async fn processes(&self) -> Vec<Process> {
        self.with_processes(Processes::list, exec::Table::list).await
    }

    /// Takes ended processes off the list and ends orphans; each is returned once.
    pub async fn reap(&self) -> Vec<Process> {
        self.with_processes(Processes::reap, |commands, _| commands.reap()).await
    }

    async fn with_processes(
        &self,
        work: impl FnOnce(&Processes, &process::Table, &[PidRef], tenure_event::Timestamp) -> Vec<Process>
        + Send
        + 'static,
        commands: impl FnOnce(&exec::Table, &process::Table) -> Vec<Process> + Send + 'static,
    ) -> Vec<Process> {
        let orphans = recover::orphans(&self.shared).await;
        let shared = Arc::clone(&self.shared);
        let done = tokio::task::spawn_blocking(move || {
            let seen = process::Table::read();
            let mut all = work(&shared.processes, &seen, &orphans, clock::now());
            all.extend(commands(&shared.execs, &seen));
            all
        });
        done.await.unwrap_or_default()
    }

    /// Every agent, and whether it is installed. Programs are asked their version once per daemon.
    pub async fn agents(&self) -> Vec<AgentEntry> {
        let config = self.shared.config();
        let mut entries = Vec::new();
        for name in agents::names(&config) {
            let Some(def) = agents::find(&config, &name) else { continue };
            let known = self.versions.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
            let mut entry = agents::entry(&def, known).await;
            entry.capabilities = self.last_told(&name).await.or_else(|| agents::known(def.protocol));
            if let Some(version) = &entry.version {
                self.versions.lock().unwrap_or_else(PoisonError::into_inner).insert(name, version.clone());
            }
            entries.push(entry);
        }
        entries
    }

    /// What the newest session of an agent that got through its handshake was told there.
    async fn last_told(&self, agent: &str) -> Option<Capabilities> {
        let filter =
            SessionFilter { agent: Some(agent.to_owned()), limit: LOOKED_AT, ..SessionFilter::default() };
        let rows = self.shared.log.sessions(filter).await.ok()?;
        rows.rows.iter().find_map(|row| self.handshake(&row.id)).map(|told| told.capabilities)
    }

    /// Closes all sessions that have a process.
    pub async fn close_all(&self) {
        let Ok(ids) = self.shared.log.live_sessions().await else { return };
        for id in &ids {
            if let Err(e) = self.call(id, Request::Close, None).await {
                tracing::warn!(session = %id, error = %e, "could not be closed");
            }
        }
        let gone = async {
            while self.shared.log.live_sessions().await.is_ok_and(|ids| !ids.is_empty()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(STOP_PATIENCE, gone).await.is_err() {
            tracing::warn!("some sessions did not end in time");
        }
    }

    /// Stops owners without touching agents and closes the log.
    pub async fn shut_down(&self) {
        self.shared.stopping.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(STOP_PATIENCE, self.shared.tasks.wait()).await.is_err() {
            tracing::warn!("some sessions did not come to rest in time; the log keeps them whole");
        }
        if let Err(e) = self.shared.log.close().await {
            tracing::warn!(error = %e, "the log was not closed cleanly");
        }
    }
}
