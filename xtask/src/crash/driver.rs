//! One session's client: sends, steers, interrupts, answers, suspends and closes at random, and repeats whatever got no
//! answer because the daemon was killed. It keeps what it was told; it judges only answers that nothing explains.

mod asks;
mod verbs;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon::{Link, Place};
use super::dice::Dice;
use super::follow::Follower;
use super::http::{self, Reply};
use super::nature::Nature;
use super::script;
use super::told::{SentInput, Told};

/// Longest wait for one answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// A request that was repeated for so long will never be answered.
const GIVES_UP: Duration = Duration::from_secs(60);
/// After so long it asks that the daemon be left alone: what is not answered then is not for the killing's sake.
const PLEADS: Duration = Duration::from_secs(15);
/// Inputs of a session that have not ended, at most.
const AT_ONCE: usize = 4;

/// How far the run is.
#[derive(Default)]
pub(super) struct Course {
    /// Nothing new is begun; what was begun ends.
    pub(super) draining: AtomicBool,
    /// Whatever still waits gives up.
    pub(super) over: AtomicBool,
}

impl Course {
    pub(super) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(super) fn over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// The client of one session.
pub(super) struct Driver<'a> {
    pub(super) id: String,
    pub(super) link: &'a Link,
    pub(super) course: &'a Course,
    pub(super) seen: Follower,
    pub(super) dice: Dice,
    pub(super) told: Told,
    pub(super) asks: asks::Desk,
}

impl<'a> Driver<'a> {
    pub(super) fn new(id: &str, link: &'a Link, course: &'a Course, seen: Follower, dice: Dice) -> Self {
        let id = id.to_owned();
        Self { id, link, course, seen, dice, told: Told::default(), asks: asks::Desk::default() }
    }

    /// Works until the run drains, then until every input has ended.
    pub(super) fn run(mut self, place: &Place) -> Told {
        if !self.create(place) {
            return self.told;
        }
        while !self.course.draining() {
            self.act();
            let pause = self.dice.millis(1, 40);
            thread::sleep(pause);
        }
        let mut woken = Instant::now();
        while !self.course.over() && !self.is_done() {
            self.answer_asks(true);
            if woken.elapsed() > Duration::from_secs(2) {
                // After crashes in a row, or a close, the queue waits for a person.
                self.resume();
                woken = Instant::now();
            }
            thread::sleep(Duration::from_millis(10));
        }
        if self.is_done() {
            self.ask_for_results();
        } else {
            let seen = self.seen.hold();
            let (inputs, asks) = (&seen.now.waiting, &seen.now.open_asks);
            self.told
                .stuck
                .push(format!("{:?} at {}: {inputs:?}, {asks:?}", seen.now.activity, seen.now.last));
        }
        self.told
    }

    /// Inputs of long ago, sent once more: each must tell of the same turn, over all restarts since.
    fn ask_for_results(&mut self) {
        let path = format!("/v1/sessions/{}/inputs", self.id);
        for _ in 0..5 {
            let kept: Vec<&SentInput> =
                self.told.inputs.iter().filter(|input| input.receipt.is_some() && !input.cancelled).collect();
            let Some(input) = self.dice.pick(&kept) else { return };
            let SentInput { id, text, delivery, .. } = (*input).clone();
            let body = json!({"input": text, "id": id, "delivery": delivery, "wait": "finished"});
            let Some(reply) = self.ask("POST", &path, Some(&body)) else { return };
            let told = reply.json();
            let word = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
            match reply.status {
                200 => self.told.results.push((id, word("turn_id"), word("outcome"))),
                // It was cancelled: it has no result.
                409 => {}
                _ => self.odd(&format!("result of {id}"), &reply),
            }
        }
    }

    fn create(&mut self, place: &Place) -> bool {
        let body = Nature::of(&self.id).creates(&self.id, place);
        let Some(reply) = self.ask("POST", "/v1/sessions", Some(&body)) else { return false };
        let created = matches!(reply.status, 200 | 201);
        if !created {
            self.odd("create", &reply);
        }
        created
    }

    fn act(&mut self) {
        self.answer_asks(false);
        let waiting = self.told.inputs.iter().filter(|input| !input.given_up).count() > 0;
        match self.dice.below(100) {
            0..=44 if self.seen.hold().now.waiting.len() < AT_ONCE => self.send_next(),
            45..=51 if waiting => self.send_again(),
            52..=55 => self.interrupt(),
            56..=58 => self.cancel_one(),
            59..=60 => self.retitle(),
            61..=67 if !Nature::of(&self.id).is_calm() || self.dice.chance(10) => self.end(),
            _ => {}
        }
    }

    /// Some end of the process, and a way back.
    fn end(&mut self) {
        match self.dice.below(7) {
            0..=1 => self.suspend(),
            2..=3 => self.close(),
            4 => self.kill(),
            _ => self.resume(),
        }
    }

    fn send_next(&mut self) {
        let id = format!("{}i{}", self.id, self.told.inputs.len() + 1);
        let running = self.seen.hold().now.activity == "running";
        let delivery = match self.dice.below(100) {
            0..=24 if running => "steer",
            25..=30 => "interrupt",
            _ => "queue",
        };
        let text = match delivery {
            "steer" => script::steered(&mut self.dice, &id),
            _ => script::prompt(&mut self.dice, &id),
        };
        let input = SentInput { id, text, delivery, receipt: None, given_up: false, cancelled: false };
        self.told.inputs.push(input);
        self.send(self.told.inputs.len() - 1);
    }

    /// The same input once more: it must be the same one, with the same receipt.
    fn send_again(&mut self) {
        let n = self.dice.below(self.told.inputs.len() as u64);
        let n = usize::try_from(n).unwrap_or(0);
        if !self.told.inputs[n].given_up {
            self.send(n);
        }
    }

    fn send(&mut self, n: usize) {
        let SentInput { id, text, delivery, receipt, .. } = self.told.inputs[n].clone();
        let body = json!({"input": text, "id": id, "delivery": delivery});
        let path = format!("/v1/sessions/{}/inputs", self.id);
        // A session that is closed at this moment is brought back a few times, then the input is let go.
        for _ in 0..5 {
            let Some(reply) = self.ask("POST", &path, Some(&body)) else { return };
            match reply.status {
                202 => {
                    let seq = reply.json()["seq"].as_u64().unwrap_or(0);
                    if receipt.is_some_and(|before| before != seq) {
                        self.told.odd.push(format!("{id}: the receipt was {receipt:?} and is {seq}"));
                    }
                    self.told.inputs[n].receipt = Some(seq);
                    return;
                }
                409 if reply.json()["code"] == "closed" && receipt.is_none() => self.resume(),
                422 if delivery == "steer" && receipt.is_none() => break,
                _ => {
                    self.odd(&format!("input {id}"), &reply);
                    break;
                }
            }
        }
        self.told.inputs[n].given_up = receipt.is_none();
    }

    /// Asks until there is an answer. None when the run is over before.
    fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let (begun, mut plea) = (Instant::now(), None);
        while begun.elapsed() < GIVES_UP && !self.course.over() {
            if begun.elapsed() > PLEADS {
                plea.get_or_insert_with(|| self.link.plead());
            }
            let Some(endpoint) = self.link.get(Duration::from_millis(500)) else { continue };
            self.told.requests += 1;
            match http::ask(&endpoint, method, path, body, PATIENCE) {
                Ok(reply) if reply.status == 503 => thread::sleep(Duration::from_millis(10)),
                Ok(reply) => return Some(reply),
                Err(_) => {
                    self.told.cut += 1;
                    thread::sleep(Duration::from_millis(2));
                }
            }
        }
        if !self.course.over() {
            let what = "the last 30 of them with a daemon that was left alone";
            self.told.odd.push(format!("{method} {path} got no answer within {GIVES_UP:?}, {what}"));
        }
        None
    }

    fn is_done(&self) -> bool {
        let seen = self.seen.hold();
        let heard = self.told.inputs.iter().filter_map(|input| input.receipt).max().unwrap_or(0);
        seen.now.last >= heard && seen.now.waiting.is_empty() && seen.now.open_asks.is_empty()
    }

    fn odd(&mut self, what: &str, reply: &Reply) {
        self.told.odd.push(format!("{what}: {}", reply.brief()));
    }
}
