//! One session, as a client drives it. Every wait follows the events, and has a deadline.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Answer, Follower, PATIENCE, TestDaemon};

/// Longest wait of one request for events, in milliseconds.
const WAIT_MS: u64 = 5_000;

/// A session of a [`TestDaemon`].
#[derive(Debug, Clone)]
pub struct TestSession {
    daemon: TestDaemon,
    /// Its id.
    pub id: String,
}

impl TestSession {
    pub(super) fn new(daemon: TestDaemon, id: &str) -> Self {
        Self { daemon, id: id.to_owned() }
    }

    /// `/v1/sessions/ID` and what follows it.
    #[must_use]
    pub fn path(&self, rest: &str) -> String {
        format!("/v1/sessions/{}{rest}", self.id)
    }

    /// GET below the session, 200.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn get(&self, rest: &str) -> Value {
        self.daemon.get(&self.path(rest)).await.ok(200)
    }

    /// The session as it is.
    ///
    /// # Panics
    /// If there is none.
    pub async fn view(&self) -> Value {
        self.get("").await
    }

    /// The process id of its agent.
    ///
    /// # Panics
    /// If it has none.
    pub async fn pid(&self) -> i64 {
        let view = self.view().await;
        view["process"]["pid"].as_i64().unwrap_or_else(|| self.daemon.fail(&format!("no process: {view}")))
    }

    /// POST below the session.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn post(&self, rest: &str, body: &Value) -> Answer {
        self.daemon.post(&self.path(rest), body).await
    }

    /// A verb that is done, 200: what it hit, what remains, the session.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn verb(&self, verb: &str) -> Value {
        self.post(&format!("/{verb}"), &json!({})).await.ok(200)
    }

    /// Sends an input and waits until it is stored, 202.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn send(&self, text: &str) -> Value {
        self.post("/inputs", &json!({"input": text})).await.ok(202)
    }

    /// Sends an input and waits for the result of its turn, 200.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn run(&self, text: &str) -> Value {
        self.post("/inputs", &json!({"input": text, "wait": "finished"})).await.ok(200)
    }

    /// All its events.
    ///
    /// # Panics
    /// If there is no such session.
    pub async fn events(&self) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let after = all.last().map_or(0, seq);
            let page = self.get(&format!("/events?after={after}&limit=1000")).await;
            all.extend(page["items"].as_array().cloned().unwrap_or_default());
            if page["next"].is_null() {
                return all;
            }
        }
    }

    /// All its events of one type.
    ///
    /// # Panics
    /// If there is no such session.
    pub async fn events_of(&self, kind: &str) -> Vec<Value> {
        self.events().await.into_iter().filter(|event| event["type"] == kind).collect()
    }

    /// All its events as the page writes them, byte for byte.
    ///
    /// # Panics
    /// If there is no such session.
    pub async fn raw_events(&self) -> Vec<String> {
        let answer = self.daemon.get(&self.path("/events?limit=1000")).await;
        let page: RawPage = serde_json::from_str(&answer.text)
            .unwrap_or_else(|error| self.daemon.fail(&format!("{error}: {}", answer.text)));
        assert!(page.next.is_none(), "more than 1000 events; compare fewer");
        page.items.into_iter().map(|item| item.get().to_owned()).collect()
    }

    /// The first event for which `wanted` is true.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn wait_for(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.wait_after(0, what, wanted).await
    }

    /// The first event of this type.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn wait_type(&self, kind: &str) -> Value {
        self.wait_for(kind, |event| event["type"] == kind).await
    }

    /// The first event after a number for which `wanted` is true. The daemon may be restarted meanwhile.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn wait_after(&self, after: u64, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = after;
        while Instant::now() < deadline {
            let page = self.get(&format!("/events?after={seen}&limit=1000&wait_ms={WAIT_MS}")).await;
            for event in page["items"].as_array().into_iter().flatten() {
                seen = seq(event);
                if wanted(event) {
                    return event.clone();
                }
            }
        }
        let events: Vec<String> = self.events().await.iter().map(short).collect();
        self.daemon.fail(&format!("{what} did not come; there are:\n{}", events.join("\n")))
    }

    /// Its `n`-th end of a turn, from 1.
    ///
    /// # Panics
    /// If it does not come in time.
    pub async fn turn_end(&self, n: usize) -> Value {
        let mut after = 0;
        for _ in 1..n {
            after = seq(&self.wait_after(after, "the end of a turn", is_turn_end).await);
        }
        self.wait_after(after, "the end of a turn", is_turn_end).await
    }

    /// The ask that is open, or opens next.
    ///
    /// # Panics
    /// If none opens in time.
    pub async fn ask(&self) -> Value {
        let mut after = 0;
        loop {
            let opened = self.wait_after(after, "an ask", |event| event["type"] == "ask.opened").await;
            after = seq(&opened);
            let list = self.get("/asks?state=open").await;
            let open = list["items"].as_array().into_iter().flatten();
            if let Some(ask) = open.clone().find(|ask| ask["id"] == opened["data"]["id"]) {
                return ask.clone();
            }
        }
    }

    /// Answers an ask.
    ///
    /// # Panics
    /// If no answer comes.
    pub async fn answer(&self, ask: &Value, answer: &Value) -> Answer {
        let id = ask["id"].as_str().unwrap_or_else(|| self.daemon.fail(&format!("no ask: {ask}")));
        self.daemon.post(&format!("/v1/asks/{id}"), answer).await
    }

    /// Follows its events from the first on, over restarts of the daemon.
    #[must_use]
    pub fn follow(&self) -> Follower {
        Follower::start(self.daemon.clone(), &self.path("/events/stream"))
    }
}

#[derive(serde::Deserialize)]
struct RawPage {
    items: Vec<Box<serde_json::value::RawValue>>,
    next: Option<String>,
}

/// The number of an event.
pub(super) fn seq(event: &Value) -> u64 {
    event["seq"].as_u64().unwrap_or_default()
}

fn is_turn_end(event: &Value) -> bool {
    event["type"] == "turn.completed"
}

fn short(event: &Value) -> String {
    let data: String = event["data"].to_string().chars().take(300).collect();
    format!("{} {} {data}", event["seq"], event["type"])
}
