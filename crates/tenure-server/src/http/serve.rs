//! Connections: accepted, capped while nobody knows whose they are, served one request after the
//! other, and ended within bounds when the daemon stops.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::gate::Gate;
use super::home_socket::HomeSocket;
use super::strangers::{Place, Strangers};

/// How long connections may finish what they do when the daemon stops.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How much a connection may hold in the kernel that was not sent yet. Who does not read costs this, and not the
/// megabytes that the system would give; what is beyond waits in the log.
const UNSENT: u32 = 256 << 10;
/// How long nothing is accepted after the system refused, for example because of too many open files.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// Where connections come from.
#[derive(Debug)]
pub enum Listener {
    /// The network: every request shows a token.
    Tcp(TcpListener),
    /// The home's socket: whoever is this user is the owner.
    Home(HomeSocket),
}

/// Who is at the other end of a connection.
#[derive(Debug, Default)]
pub struct Peer {
    local_owner: bool,
    unknown: Mutex<Option<Place>>,
}

impl Peer {
    /// Somebody on the network.
    #[must_use]
    pub fn remote() -> Self {
        Self::default()
    }

    /// The user that the daemon runs as, on the home's socket.
    #[must_use]
    pub fn local_owner() -> Self {
        Self { local_owner: true, ..Self::default() }
    }

    pub(super) fn is_local_owner(&self) -> bool {
        self.local_owner
    }

    /// They have shown who they are: the connection no longer counts among the unknown ones.
    pub(super) fn is_known(&self) {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Accepts until the app's `stopping` is set, then lets connections end; returns when they have.
pub async fn serve(gate: Gate, listeners: Vec<Listener>) {
    let connections = TaskTracker::new();
    let limits = &gate.app().limits;
    let all = Arc::new(Semaphore::new(limits.connections));
    let strangers = Strangers::new(limits.unknown_connections);
    let acceptors = TaskTracker::new();
    for listener in listeners {
        let acceptor = Acceptor {
            gate: gate.clone(),
            connections: connections.clone(),
            all: Arc::clone(&all),
            strangers: Arc::clone(&strangers),
        };
        acceptors.spawn(acceptor.run(listener));
    }
    acceptors.close();
    acceptors.wait().await;
    connections.close();
    if tokio::time::timeout(LAST_WORDS, connections.wait()).await.is_err() {
        tracing::warn!("{} connections did not end in time and were cut", connections.len());
    }
}

struct Acceptor {
    gate: Gate,
    connections: TaskTracker,
    all: Arc<Semaphore>,
    strangers: Arc<Strangers>,
}

impl Acceptor {
    async fn run(self, mut listener: Listener) {
        let stopping = self.gate.app().stopping.clone();
        loop {
            let accepted = tokio::select! {
                () = stopping.cancelled() => return,
                accepted = self.accept(&mut listener) => accepted,
            };
            if let Err(error) = accepted {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(AFTER_REFUSAL).await;
            }
        }
    }

    // A connection over the cap is closed at once: there is no answer to wait for.
    async fn accept(&self, listener: &mut Listener) -> io::Result<()> {
        match listener {
            Listener::Tcp(tcp) => {
                let (stream, _) = tcp.accept().await?;
                // One that is gone already is found out below.
                let _ =
                    stream.set_nodelay(true).and_then(|()| tenure_host::hold_little_unsent(&stream, UNSENT));
                let Ok(place) = Arc::clone(&self.all).try_acquire_owned() else { return Ok(()) };
                let (unknown, sent_away) = self.strangers.enter();
                let peer = Peer { local_owner: false, unknown: Mutex::new(Some(unknown)) };
                self.start(stream, peer, place, sent_away);
            }
            Listener::Home(socket) => {
                let Some(stream) = socket.accept().await? else { return Ok(()) };
                let Ok(place) = Arc::clone(&self.all).try_acquire_owned() else { return Ok(()) };
                self.start(stream, Peer::local_owner(), place, CancellationToken::new());
            }
        }
        Ok(())
    }

    fn start<S>(&self, stream: S, peer: Peer, place: OwnedSemaphorePermit, sent_away: CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let gate = self.gate.clone();
        self.connections.spawn(async move {
            gate.app().connections.fetch_add(1, Ordering::Relaxed);
            tokio::select! {
                () = converse(gate, stream, peer) => {}
                () = sent_away.cancelled() => {}
            }
            drop(place);
        });
    }
}

async fn converse<S>(gate: Gate, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = gate.app().limits.clone();
    let stopping = gate.app().stopping.clone();
    let peer = Arc::new(peer);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (gate, peer) = (gate.clone(), Arc::clone(&peer));
        async move { Ok::<_, Infallible>(gate.answer(&peer, request.map(Body::new)).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_headers(limits.headers)
        .max_buf_size(limits.header_bytes);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!("a connection ended: {error}");
    }
}
