//! The running endpoint: a thread with a runtime of its own, so that a test that blocks, or whose runtime
//! is gone, cannot stop it from answering.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::serve::ListenerExt;
use http::{HeaderMap, Method, Uri};
use serde_json::Value;
use tokio::sync::{oneshot, watch};

use crate::dialect::Dialect;
use crate::faults::Faults;
use crate::gates::Gates;
use crate::recorded::{MAX_RECORDED, RecordedRequest};
use crate::routes;

/// A scripted model endpoint on loopback. It ends when this is dropped.
#[derive(Debug)]
pub struct Model {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Something that a test waited for did not happen in time.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// No answer reached the gate.
    #[error("no answer reached the gate {gate} within {within:?}; the model was asked {requests} times")]
    Gate {
        /// The gate's name.
        gate: String,
        /// How long was waited.
        within: Duration,
        /// Requests so far.
        requests: u64,
    },
    /// No such request came.
    #[error("no such request came within {within:?}; the model was asked {requests} times")]
    Request {
        /// How long was waited.
        within: Duration,
        /// Requests so far.
        requests: u64,
    },
}

impl Model {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port or thread can be had.
    pub fn start() -> io::Result<Self> {
        Self::start_on(0)
    }

    /// Starts on this port of 127.0.0.1; 0 picks a free one.
    ///
    /// # Errors
    /// If the port is taken, or no thread can be had.
    pub fn start_on(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::new());
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = shared.clone();
        let thread = std::thread::Builder::new().name("tenure-model".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // The listener was bound above: what fails here ends the endpoint, and the test sees refused connections.
                    _ = serve(listener, serving) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { port, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The base address, without a path: Anthropic clients take it as it is, OpenAI clients want `/v1` behind it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was asked so far, oldest first; the newest [`MAX_RECORDED`].
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.recorded().iter().cloned().collect()
    }

    /// The model calls among [`Model::requests`] that a script step answered.
    pub fn scripted_calls(&self) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.step.is_some()).collect()
    }

    /// Lets everything that waits at this gate go on, now and later.
    pub fn open_gate(&self, name: &str) {
        self.shared.gates.open(name);
    }

    /// Waits until an answer stands at the gate: the first half of its text has been sent by then.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn gate_reached(&self, name: &str, within: Duration) -> Result<(), WaitError> {
        if self.shared.gates.reached(name, within).await {
            return Ok(());
        }
        Err(WaitError::Gate { gate: name.to_owned(), within, requests: *self.shared.count.borrow() })
    }

    /// Waits until a request for which `wanted` is true has come, and gives the first such.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn request_seen(
        &self,
        within: Duration,
        wanted: impl Fn(&RecordedRequest) -> bool,
    ) -> Result<RecordedRequest, WaitError> {
        let mut count = self.shared.count.subscribe();
        let search = async {
            loop {
                let found = self.shared.recorded().iter().find(|request| wanted(request)).cloned();
                match found {
                    Some(request) => return Some(request),
                    None => count.changed().await.ok()?,
                }
            }
        };
        let found = tokio::time::timeout(within, search).await.ok().flatten();
        found.ok_or_else(|| WaitError::Request { within, requests: *self.shared.count.borrow() })
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic over there has been printed already; there is nothing to add in a drop.
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|connection| {
        // Without it small frames would be held back; a connection that is gone already may refuse.
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, routes::router(shared)).await
}

/// What the handlers share with the test.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gates: Arc<Gates>,
    pub(crate) faults: Faults,
    recorded: Mutex<VecDeque<RecordedRequest>>,
    count: watch::Sender<u64>,
}

impl Shared {
    fn new() -> Self {
        Self {
            gates: Arc::new(Gates::new()),
            faults: Faults::default(),
            recorded: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }

    fn recorded(&self) -> MutexGuard<'_, VecDeque<RecordedRequest>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Value,
        call: Option<(Dialect, Option<usize>)>,
    ) {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let mut recorded = self.recorded();
        let number = *self.count.borrow() + 1;
        if recorded.len() == MAX_RECORDED {
            recorded.pop_front();
        }
        recorded.push_back(RecordedRequest {
            number,
            method: method.to_string(),
            path: uri.path().to_owned(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body,
            dialect: call.map(|(dialect, _)| dialect),
            step: call.and_then(|(_, step)| step),
        });
        self.count.send_replace(number);
    }
}
