//! Short lives: sessions that are created and destroyed again and again while the daemon is killed, some of them in a
//! directory that Tenure makes, some by a client that goes away in the middle. Each carries a secret. What must be left
//! of them is judged elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use super::caller::{Call, Caller};
use super::daemon::Place;
use super::dice::Dice;
use super::http::Reply;
use super::script;

/// What a churned session's id begins with; others do not.
pub(super) const MARK: &str = "churn";
/// What every secret begins with.
pub(super) const CANARY: &str = "canary-5be1c0de-";

/// Whether an event, or a session, is one of these.
pub(super) fn is_churned(session: &str) -> bool {
    session.starts_with(MARK)
}

/// One session's life as its client knows it.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) id: String,
    /// The daemon said that it was created. Otherwise perhaps.
    pub(super) created: bool,
    /// The daemon said that it was destroyed, or that there is none.
    pub(super) destroyed: bool,
    /// Destroyed without its transcript, whichever of several requests it was that did it.
    pub(super) keeps: bool,
    /// The directory that Tenure made for it.
    pub(super) scratch: Option<String>,
}

/// All lives of a run, and answers that nothing explains.
#[derive(Debug, Default)]
pub(super) struct Lives {
    pub(super) all: Vec<Life>,
    pub(super) odd: Vec<String>,
}

/// Shared by those who churn and those who look.
#[derive(Debug, Clone, Default)]
pub(super) struct Book(Arc<Mutex<Lives>>);

impl Book {
    pub(super) fn hold(&self) -> MutexGuard<'_, Lives> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Some session that is destroyed, for good and with everything.
    pub(super) fn a_destroyed_one(&self, dice: &mut Dice) -> Option<String> {
        let lives = self.hold();
        let gone: Vec<&Life> = lives.all.iter().filter(|l| l.created && l.destroyed && !l.keeps).collect();
        dice.pick(&gone).map(|life| life.id.clone())
    }
}

/// One client that churns.
pub(super) struct Churn<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) book: Book,
    pub(super) dice: Dice,
    pub(super) number: u64,
}

impl Churn<'_> {
    /// Works until the run drains, then until all are destroyed.
    pub(super) fn run(mut self, place: &Place) {
        let mut n = 0;
        while !self.caller.course.draining() {
            self.live(place, &format!("{MARK}{}-{n}", self.number));
            n += 1;
            let pause = self.dice.millis(1, 120);
            thread::sleep(pause);
        }
        let begin = format!("{MARK}{}-", self.number);
        let left: Vec<Life> = self.book.hold().all.clone();
        for life in left.into_iter().filter(|life| life.id.starts_with(&begin) && !life.destroyed) {
            self.destroy(life);
        }
    }

    fn live(&mut self, place: &Place, id: &str) {
        let keeps = self.dice.chance(20);
        let mut life = Life { id: id.to_owned(), created: false, destroyed: false, keeps, scratch: None };
        let body = self.wish(place, id);
        // A client that goes away in the middle never asks again, and nobody else knows the id.
        let goes_away = self.dice.chance(25);
        match self.ask(!goes_away, "POST", "/v1/sessions", Some(&body)) {
            Some(reply) if matches!(reply.status, 200 | 201) => {
                life.created = true;
                if body["workspace"]["scratch"] == true {
                    life.scratch = reply.json()["cwd"].as_str().map(str::to_owned);
                }
            }
            Some(reply) => self.odd(format!("create of {id}: {}", reply.brief())),
            None => {}
        }
        self.book.hold().all.push(life.clone());
        thread::sleep(self.dice.millis(0, 150));
        // The rest is destroyed when all is over.
        if self.dice.chance(90) && !goes_away {
            self.destroy(life);
        }
    }

    fn wish(&mut self, place: &Place, id: &str) -> Value {
        let secret = format!("{CANARY}{id}");
        let mut body = json!({
            "agent": "scripted", "id": id, "inherit_env": [],
            "env": {"PATH": "/usr/bin:/bin", "HOME": place.mark(), "PROBE_SECRET": secret},
        });
        if self.dice.chance(40) {
            body["workspace"] = json!({"scratch": true});
        } else {
            body["cwd"] = json!(place.workspace(MARK).to_string_lossy());
        }
        if self.dice.chance(55) {
            body["input"] = json!(script::prompt(&mut self.dice, &format!("{id}i1")));
        } else {
            body["start"] = json!(self.dice.chance(30));
        }
        body
    }

    fn destroy(&mut self, mut life: Life) {
        let path = format!("/v1/sessions/{}?keep_transcript={}", life.id, life.keeps);
        let Some(reply) = self.ask(true, "DELETE", &path, None) else { return };
        match reply.status {
            200 | 410 => (life.destroyed, life.created) = (true, true),
            404 if !life.created => life.destroyed = true,
            _ => self.odd(format!("destroy of {}: {}", life.id, reply.brief())),
        }
        let mut lives = self.book.hold();
        if let Some(known) = lives.all.iter_mut().rev().find(|known| known.id == life.id) {
            *known = life;
        }
    }

    /// Asks until there is an answer, or once.
    fn ask(&self, again: bool, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let answer = self.caller.ask(Call { method, path, body, key: None }, !again);
        answer.unwrap_or_else(|never| {
            self.odd(never);
            None
        })
    }

    fn odd(&self, what: String) {
        self.book.hold().odd.push(what);
    }
}
