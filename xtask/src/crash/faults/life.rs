//! A short life with something of everything: two sessions, streamed text, a tool, an ask, an input and a message too
//! large for an event, a queue, a title, a suspend with a second process, an interrupt. A caller that is refused
//! for the disk's sake asks again; all that it is told is kept for the oracle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::daemon::{Daemon, Link, Place};
use super::super::follow::Follower;
use super::super::http::{self, Reply};
use super::super::told::{Answered, DoneVerb, Kills, SentInput, Told};
use super::injector::Injector;

/// The longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a step may be refused, or an input may take, after the fault has gone.
const GIVES_UP: Duration = Duration::from_secs(40);
/// How long a lasting fault lasts after it was first felt: longer than the pause before a second try.
const LASTS: Duration = Duration::from_millis(1800);

/// What callers were told of a fault.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    pub(super) storage: u64,
    pub(super) not_ready: u64,
    /// The words of the first.
    pub(super) words: Option<String>,
}

/// Who lives, and what happens to them.
pub(super) struct Life<'a> {
    pub(super) place: &'a Place,
    pub(super) link: &'a Link,
    pub(super) daemon: Daemon,
    pub(super) fault: &'a Fault,
    pub(super) kills: Kills,
    pub(super) refusals: Refusals,
    /// `s0`, to which all happens, and its quiet neighbour `s1`.
    pub(super) told: [Told; 2],
    pub(super) seen: [Follower; 2],
    pub(super) looked: Instant,
    /// By then all must be done; it moves when the fault is lifted.
    pub(super) until: Instant,
    pub(super) was_lifted: bool,
}

/// What is wrong with the disk, and whether it still is.
pub(super) struct Fault {
    injector: Injector,
    /// It is there from its first call until it is lifted; else it came once, and went by itself.
    lasting: bool,
    lifted: AtomicBool,
}

impl Fault {
    pub(super) fn new(injector: Injector, lasting: bool) -> Self {
        Self { injector, lasting, lifted: AtomicBool::new(false) }
    }

    pub(super) fn injector(&self) -> &Injector {
        &self.injector
    }

    /// Lifts it some time after it was first felt, whatever callers do meanwhile.
    pub(super) fn run(&self, stop: &dyn Fn() -> bool) {
        let mut felt = None;
        while self.lasting && !stop() && felt.is_none_or(|at: Instant| at.elapsed() < LASTS) {
            thread::sleep(Duration::from_millis(30));
            if felt.is_none() && !self.injector.hits().is_empty() {
                felt = Some(Instant::now());
            }
        }
        if !stop() {
            self.lift();
        }
    }

    /// From now on the disk is well.
    pub(super) fn lift(&self) {
        if self.lasting && !self.lifted.swap(true, Ordering::Relaxed) {
            self.injector.lift();
        }
    }
}

/// The life cannot go on; why is among the odd things.
pub(super) struct Wedged;

type Step = Result<(), Wedged>;

impl Life<'_> {
    /// All of it, and then the proof that both sessions go on.
    pub(super) fn live(&mut self) -> Step {
        self.until = Instant::now() + GIVES_UP;
        self.create(1)?;
        self.send(1, &json!([{"text": "one\ntwo\n", "chunks": 2}]))?;
        self.create(0)?;
        self.send(
            0,
            &json!([
                {"text": "a\nb\nc\nd\ne\n", "chunks": 5, "delay_ms": 2},
                {"tool": "first", "name": "probe", "input": {"for": 1}, "output": "out"},
                {"ask": "may I", "input": {"command": "x"}, "then_text_on_allow": "yes\n"},
                {"text": "after\n"},
            ]),
        )?;
        self.send(0, &json!([{"text": "y".repeat(90_000) + "\nand more\n", "chunks": 4}]))?;
        self.send_long(0, &"q".repeat(90_000), &json!([{"text": "z\n"}]))?;
        self.title()?;
        self.settle(0)?;
        self.verb(0, "suspend", Some("session.suspended"))?;
        self.send(0, &json!([{"text": "again\nand again\n", "chunks": 2}]))?;
        self.settle(0)?;
        self.send(0, &json!([{"text": "long\n"}, {"sleep_ms": 60_000}]))?;
        self.wait("a turn that runs", |life| {
            life.seen[0].hold().now.activity == "running" || life.is_quiet(0)
        })?;
        self.verb(0, "interrupt", None)?;
        self.settle(0)?;
        self.settle(1)?;
        self.fault.lift();
        for session in [0, 1] {
            self.send(session, &json!([{"text": "the end\n"}]))?;
            self.settle(session)?;
            self.result(session)?;
        }
        Ok(())
    }

    fn create(&mut self, session: usize) -> Step {
        let id = format!("s{session}");
        let env = json!({
            "PATH": "/usr/bin:/bin", "HOME": self.place.mark(),
            "TENURE_SCRIPTED_RECORD": self.place.record(&id).to_string_lossy(),
        });
        let body = json!({
            "agent": "scripted", "id": id, "cwd": self.place.workspace(&id).to_string_lossy(),
            "inherit_env": [], "env": env,
        });
        self.must(session, "POST", "/v1/sessions", Some(&body), &[200, 201]).map(drop)
    }

    fn send(&mut self, session: usize, steps: &Value) -> Step {
        self.send_long(session, "please", steps)
    }

    fn send_long(&mut self, session: usize, words: &str, steps: &Value) -> Step {
        let id = format!("s{session}i{}", self.told[session].inputs.len() + 1);
        let text = format!("[{id}] {words} @@{steps}@@");
        let body = json!({"input": text, "id": id});
        let input =
            SentInput { id, text, delivery: "queue", receipt: None, given_up: false, cancelled: false };
        self.told[session].inputs.push(input);
        let path = format!("/v1/sessions/s{session}/inputs");
        let reply = self.must(session, "POST", &path, Some(&body), &[202])?;
        if let Some(input) = self.told[session].inputs.last_mut() {
            input.receipt = reply.json()["seq"].as_u64();
        }
        Ok(())
    }

    fn title(&mut self) -> Step {
        let title = "a title";
        self.must(0, "PATCH", "/v1/sessions/s0", Some(&json!({"title": title})), &[200])?;
        self.told[0].titles.push(title.to_owned());
        Ok(())
    }

    fn verb(&mut self, session: usize, verb: &str, event: Option<&'static str>) -> Step {
        let after = self.seen[session].hold().now.last;
        let path = format!("/v1/sessions/s{session}/{verb}");
        // 409: its process did not start, so there is none to suspend.
        let reply = self.must(session, "POST", &path, Some(&json!({})), &[200, 409])?;
        let hit = reply.json()["hit"].as_array().is_some_and(|hit| !hit.is_empty());
        if let Some(event) = event.filter(|_| hit) {
            self.told[session].verbs.push(DoneVerb { event, after });
        }
        Ok(())
    }

    /// The last input again, now that all is well: it must have been served to a good end.
    fn result(&mut self, session: usize) -> Step {
        let Some(SentInput { id, text, .. }) = self.told[session].inputs.last().cloned() else {
            return Ok(());
        };
        let path = format!("/v1/sessions/s{session}/inputs");
        let body = json!({"input": text, "id": id, "wait": "finished"});
        let reply = self.must(session, "POST", &path, Some(&body), &[200])?;
        let told = reply.json();
        let word = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        if word("outcome") != "completed" {
            self.told[session].odd.push(format!("after the fault {id} came to: {}", reply.brief()));
        }
        self.told[session].results.push((id, word("turn_id"), word("outcome")));
        Ok(())
    }

    fn is_quiet(&self, session: usize) -> bool {
        let seen = self.seen[session].hold();
        let heard = self.told[session].inputs.iter().filter_map(|input| input.receipt).max().unwrap_or(0);
        seen.now.last >= heard && seen.now.waiting.is_empty() && seen.now.open_asks.is_empty()
    }

    /// Until all inputs of a session have ended; its asks are answered.
    fn settle(&mut self, session: usize) -> Step {
        while !self.is_quiet(session) {
            let open: Vec<String> = self.seen[session].hold().now.open_asks.keys().cloned().collect();
            for ask in open {
                self.answer(session, &ask)?;
            }
            self.tick(session, "inputs end")?;
        }
        Ok(())
    }

    fn answer(&mut self, session: usize, ask: &str) -> Step {
        let decision = "allow";
        if self.told[session].answers.iter().any(|answered| answered.ask_id == ask) {
            return Ok(());
        }
        self.told[session].sent_decisions.insert((ask.to_owned(), decision));
        let body = json!({"decision": decision, "scope": "once"});
        let path = format!("/v1/asks/{ask}");
        let reply = self.must(session, "POST", &path, Some(&body), &[200, 409])?;
        if reply.status == 200 {
            self.told[session].answers.push(Answered { ask_id: ask.to_owned(), decision });
        }
        Ok(())
    }

    fn wait(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Step {
        while !done(self) {
            self.tick(0, what)?;
        }
        Ok(())
    }

    /// A moment passes: the fault may be lifted, and the neighbour must be readable meanwhile.
    fn tick(&mut self, session: usize, what: &str) -> Step {
        thread::sleep(Duration::from_millis(10));
        self.watch_fault();
        if self.looked.elapsed() > Duration::from_millis(250) {
            self.looked = Instant::now();
            self.must(1, "GET", "/v1/sessions/s1", None, &[200, 404])?;
            self.must(0, "GET", "/v1/sessions?limit=10", None, &[200])?;
        }
        if Instant::now() > self.until {
            let seen = self.seen[session].hold();
            let view = &seen.now;
            self.told[session].stuck.push(format!(
                "{what}, {} {} at {}: {:?}",
                view.lifecycle, view.activity, view.last, view.waiting
            ));
            return Err(Wedged);
        }
        Ok(())
    }

    /// Once the disk is well there is time again for all that waits.
    fn watch_fault(&mut self) {
        if !self.was_lifted && self.fault.lifted.load(Ordering::Relaxed) {
            self.was_lifted = true;
            self.until = Instant::now() + GIVES_UP;
        }
    }

    /// Asks until there is an answer that is none of the disk's.
    fn must(
        &mut self,
        session: usize,
        method: &str,
        path: &str,
        body: Option<&Value>,
        wanted: &[u16],
    ) -> Result<Reply, Wedged> {
        let what = format!("{method} {path}");
        loop {
            self.watch_fault();
            let Some(endpoint) = self.link.get(Duration::from_millis(500)) else {
                return self.odd(session, &format!("{what}: no daemon"));
            };
            self.told[session].requests += 1;
            let begun = Instant::now();
            match http::ask(&endpoint, method, path, body, PATIENCE) {
                Ok(reply) if wanted.contains(&reply.status) => return Ok(reply),
                Ok(reply) if matches!(reply.status, 503 | 507) => self.refused(&reply),
                Ok(reply) => return self.odd(session, &format!("{what}: {}", reply.brief())),
                Err(_) if begun.elapsed() >= PATIENCE => {
                    return self.odd(session, &format!("{what}: no answer within {PATIENCE:?}"));
                }
                Err(error) => {
                    self.told[session].cut += 1;
                    self.revive(&error.to_string());
                }
            }
            if Instant::now() > self.until {
                let words = self.refusals.words.clone().unwrap_or_default();
                return self.odd(session, &format!("{what}: refused to the end; first: {words}"));
            }
            thread::sleep(Duration::from_millis(60));
        }
    }

    fn refused(&mut self, reply: &Reply) {
        match reply.status {
            507 => self.refusals.storage += 1,
            _ => self.refusals.not_ready += 1,
        }
        if self.refusals.words.is_none() {
            self.refusals.words = Some(reply.brief());
        }
    }

    fn odd<T>(&mut self, session: usize, words: &str) -> Result<T, Wedged> {
        self.told[session].odd.push(words.to_owned());
        Err(Wedged)
    }

    /// No daemon ends because of its disk. If one does, another takes over.
    fn revive(&mut self, why: &str) {
        if !self.daemon.has_ended() {
            return;
        }
        self.kills.ended.push(format!("in the middle of a life ({why})"));
        self.link.set(None);
        let Ok(mut next) = Daemon::start(self.place) else { return };
        if let Ok((endpoint, _)) = next.ready(self.place) {
            self.daemon = next;
            self.link.set(Some(endpoint));
        }
    }
}
