//! Followers: what a client sees that follows a session, or all sessions, over every kill by `Last-Event-ID`. Kept as
//! it came, for the comparison at the end; and read for what drivers need to know at a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::daemon::Link;
use super::http::{Frame, Stream};

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Positions and bytes, in the order in which they came.
    pub(super) events: Vec<(u64, Vec<u8>)>,
    pub(super) faults: Vec<String>,
    pub(super) connections: u64,
    pub(super) now: View,
}

/// The session at this moment, as far as it was heard.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) last: u64,
    pub(super) lifecycle: String,
    pub(super) activity: String,
    pub(super) open_asks: BTreeMap<String, Instant>,
    /// Inputs that were admitted and have not ended.
    pub(super) waiting: BTreeSet<String>,
}

/// A follower's book, shared with drivers and checks.
#[derive(Debug, Clone, Default)]
pub(super) struct Follower(Arc<Mutex<Seen>>);

impl Follower {
    pub(super) fn hold(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows until told to stop.
    pub(super) fn run(&self, link: &Link, path: &str, stop: &dyn Fn() -> bool) {
        while !stop() {
            let Some(endpoint) = link.get(Duration::from_millis(200)) else { continue };
            let after = self.hold().now.last;
            match Stream::open(&endpoint, path, after) {
                Ok(Ok(stream)) => {
                    self.hold().connections += 1;
                    self.read(stream, stop);
                }
                Ok(Err(reply)) if matches!(reply.status, 404 | 503 | 507) => {
                    thread::sleep(Duration::from_millis(20))
                }
                Ok(Err(reply)) => {
                    self.hold().faults.push(format!("{path} after {after}: {}", reply.brief()));
                    thread::sleep(Duration::from_millis(100));
                }
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    fn read(&self, mut stream: Stream, stop: &dyn Fn() -> bool) {
        while !stop() {
            match stream.next() {
                Ok(Some(frame)) => self.hold().take(frame),
                Ok(None) => {}
                // Killed, or stopping. What came in part is asked for again.
                Err(_) => return,
            }
        }
    }
}

impl Seen {
    fn take(&mut self, frame: Frame) {
        if frame.event == "gap" {
            self.faults.push(format!(
                "a gap after {}: {}",
                self.now.last,
                String::from_utf8_lossy(&frame.data)
            ));
        }
        let Some(id) = frame.id else { return };
        if id <= self.now.last {
            self.faults.push(format!("{id} came after {}", self.now.last));
        }
        self.now.take(id, &frame.data);
        self.events.push((id, frame.data));
    }
}

impl View {
    fn take(&mut self, id: u64, data: &[u8]) {
        self.last = id;
        let Ok(event) = serde_json::from_slice::<Value>(data) else { return };
        let data = &event["data"];
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_owned();
        if let Some(lifecycle) = data["lifecycle"].as_str() {
            self.lifecycle = lifecycle.to_owned();
            self.activity =
                data["activity"]["state"].as_str().or(data["activity"].as_str()).unwrap_or("").to_owned();
        }
        match event["type"].as_str().unwrap_or_default() {
            "ask.opened" => {
                self.open_asks.insert(text("id"), Instant::now());
            }
            "ask.resolved" | "ask.expired" | "ask.withdrawn" => {
                self.open_asks.remove(&text("ask_id"));
            }
            "input.admitted" => {
                self.waiting.insert(text("input_id"));
            }
            "input.cancelled" => {
                self.waiting.remove(&text("input_id"));
            }
            "turn.completed" => {
                for id in data["input_ids"].as_array().into_iter().flatten() {
                    self.waiting.remove(id.as_str().unwrap_or_default());
                }
            }
            _ => {}
        }
    }
}
