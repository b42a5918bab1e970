//! What every handler may reach.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tenure_event::Timestamp;
use tenure_log::SqliteLog;
use tokio_util::sync::CancellationToken;

use super::idempotency::InFlight;
use crate::auth::Tokens;
use crate::config::load::LiveConfig;
use crate::history::History;
use crate::node::Node;

/// Sizes and times that requests must keep.
#[derive(Debug, Clone)]
pub struct HttpLimits {
    /// Largest input, in bytes.
    pub input_bytes: u64,
    /// Largest other body, in bytes.
    pub body_bytes: u64,
    /// Largest file that is written, in bytes.
    pub file_bytes: u64,
    /// Largest head of a request, in bytes.
    pub header_bytes: usize,
    /// Most header fields of a request.
    pub headers: usize,
    /// How long a head may take to arrive, and a connection may wait for its next request.
    pub header_time: Duration,
    /// How long a body may stand still.
    pub body_idle: Duration,
    /// How long a body may take as a whole.
    pub body_time: Duration,
    /// Connections that have not shown a token yet; when there are more, the oldest of them is ended.
    pub unknown_connections: usize,
    /// All connections.
    pub connections: usize,
    /// How long an interrupt waits for the turn's end.
    pub interrupt_time: Duration,
    /// How long other verbs wait.
    pub verb_time: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            input_bytes: 64 << 20,
            body_bytes: 1 << 20,
            file_bytes: 1 << 30,
            header_bytes: 16 << 10,
            headers: 64,
            header_time: Duration::from_secs(30),
            body_idle: Duration::from_secs(15),
            body_time: Duration::from_secs(300),
            unknown_connections: 1024,
            connections: 8192,
            interrupt_time: Duration::from_secs(10),
            verb_time: Duration::from_secs(90),
        }
    }
}

impl HttpLimits {
    /// These, for a process that may open so many descriptors: half of them are left for sessions and files.
    #[must_use]
    pub fn within(mut self, descriptors: u64) -> Self {
        let most = usize::try_from(descriptors / 2).unwrap_or(usize::MAX).max(16);
        self.connections = self.connections.min(most);
        self.unknown_connections = self.unknown_connections.min(self.connections / 2);
        self
    }
}

/// What an [`App`] is made of.
pub struct AppParts {
    /// The daemon's heart.
    pub node: Arc<Node>,
    /// The configuration in force.
    pub config: Arc<LiveConfig>,
    /// Who may ask.
    pub tokens: Tokens,
    /// Where TCP requests come to, for the check of `Host`.
    pub listen: Option<SocketAddr>,
    /// Sizes and times.
    pub limits: HttpLimits,
    /// The machine's name.
    pub node_name: String,
    /// When the daemon was started.
    pub started_at: Timestamp,
    /// Set when the daemon is to end.
    pub stopping: CancellationToken,
}

/// What every handler may reach.
pub struct App {
    pub(crate) node: Arc<Node>,
    pub(crate) config: Arc<LiveConfig>,
    pub(crate) tokens: Tokens,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) limits: HttpLimits,
    pub(crate) node_name: String,
    pub(crate) started_at: Timestamp,
    pub(crate) started: Instant,
    pub(crate) stopping: CancellationToken,
    pub(crate) in_flight: Arc<InFlight>,
    pub(crate) followers: Arc<AtomicU64>,
    pub(crate) requests: AtomicU64,
    pub(crate) connections: AtomicU64,
    /// Searches through files that may run at once.
    pub(crate) searches: tokio::sync::Semaphore,
    /// The past.
    pub(crate) history: Arc<History>,
}

/// How handlers hold it.
pub(crate) type Shared = Arc<App>;

impl App {
    /// Ready for requests.
    #[must_use]
    pub fn new(parts: AppParts) -> Arc<Self> {
        Arc::new(Self {
            history: History::open(Arc::clone(&parts.node)),
            node: parts.node,
            config: parts.config,
            tokens: parts.tokens,
            listen: parts.listen,
            limits: parts.limits,
            node_name: parts.node_name,
            started_at: parts.started_at,
            started: Instant::now(),
            stopping: parts.stopping,
            in_flight: Arc::default(),
            followers: Arc::default(),
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            searches: tokio::sync::Semaphore::new(4),
        })
    }

    pub(crate) fn log(&self) -> &SqliteLog {
        self.node.log()
    }

    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts something as long as it lives.
pub(crate) struct Counted(Arc<AtomicU64>);

impl Counted {
    pub(crate) fn new(counter: &Arc<AtomicU64>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
