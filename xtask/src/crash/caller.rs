//! Asking a daemon that is killed again and again, until it has answered. What is asked, and what an answer means, is the
//! callers' business.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::daemon::Link;
use super::driver::{Course, PATIENCE};
use super::http::{self, Reply};

/// A request that was repeated for so long will never be answered.
const GIVES_UP: Duration = Duration::from_secs(60);
/// After so long it asks that the daemon be left alone: a life may be too short for what is asked.
pub(super) const PLEADS: Duration = Duration::from_secs(10);

/// The way to the daemon, as long as the run goes on.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) link: &'a Link,
    pub(super) course: &'a Course,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) body: Option<&'a Value>,
    /// The `Idempotency-Key`.
    pub(super) key: Option<&'a str>,
}

impl Caller<'_> {
    /// Asks until there is an answer; `once` is for a client that goes away. None when the run is over before, or nobody
    /// asks again; an error says that there was no answer for a minute.
    pub(super) fn ask(&self, call: Call<'_>, once: bool) -> Result<Option<Reply>, String> {
        let (begun, mut plea) = (Instant::now(), None);
        while begun.elapsed() < GIVES_UP && !self.course.over() {
            if begun.elapsed() > PLEADS {
                plea.get_or_insert_with(|| self.link.plead());
            }
            let Some(endpoint) = self.link.get(Duration::from_millis(500)) else { continue };
            match http::ask_keyed(&endpoint, call.method, call.path, call.body, call.key, PATIENCE) {
                Ok(reply) if reply.status == 503 => thread::sleep(Duration::from_millis(10)),
                Ok(reply) => return Ok(Some(reply)),
                Err(_) if once => return Ok(None),
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
        if once || self.course.over() {
            return Ok(None);
        }
        Err(format!("{} {} got no answer within a minute", call.method, call.path))
    }
}
