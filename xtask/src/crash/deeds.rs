//! Verbs of more than one step, done again and again while the daemon is killed: files are recorded, taken back and
//! brought forth again; sessions are forked; worktrees are made, merged and given up; limits hold sessions and are raised.
//!
//! Each verb is repeated, as the same one, until it was answered, and then everything is either as it was before or as it is
//! to be after: the files as they lie on the disk, the repository as the git program tells it, the log as SQL reads it once
//! all is over.

mod files;
mod forks;
mod limits;
mod picture;
mod repo;
mod trees;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::repo::Repo;
use super::caller::{Call, Caller, PLEADS};
use super::daemon::Place;
use super::dice::Dice;
use super::http::Reply;
use super::report::{Fault, Report};
use super::store::Store;

/// What the id of such a session begins with.
const MARK: &str = "deed";
/// A verb that was refused for so long, also where nothing hindered it, is left in a state of its own.
const REFUSED_FOR: Duration = Duration::from_secs(40);
/// How often an agent may be killed in its turn before that counts as a fault.
const TRIES: u64 = 8;

/// What the log must tell once.
#[derive(Debug)]
struct Once {
    session: String,
    event: &'static str,
    /// A field of its data, and its value.
    field: &'static str,
    value: String,
}

/// What was done and told.
#[derive(Debug, Default)]
struct Entries {
    once: Vec<Once>,
    faults: Vec<String>,
    done: BTreeMap<&'static str, u64>,
}

/// Shared by those who do and those who judge.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Entries>>);

impl Ledger {
    fn hold(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was found meanwhile, and what the log does not tell as it must.
    pub(super) fn judge(&self, store: &Store, report: &mut Report) {
        let entries = self.hold();
        for fault in &entries.faults {
            report.add(Fault::Between, fault.clone());
        }
        for Once { session, event, field, value } in &entries.once {
            let events = store.sessions.get(session).into_iter().flatten();
            let told = events.filter(|e| e.kind == *event && e.text(field) == value).count();
            if told != 1 {
                report.add(Fault::Between, format!("{session}: {event} of {value} is told {told} times"));
            }
        }
    }

    /// How many were done whole, by kind.
    pub(super) fn done(&self) -> BTreeMap<&'static str, u64> {
        self.hold().done.clone()
    }
}

/// A point in the code that somebody wants passed; deeds that pass it are done first.
#[derive(Debug, Default)]
pub(super) struct Wanted(Mutex<Option<&'static str>>);

impl Wanted {
    pub(super) fn set(&self, label: Option<&'static str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = label;
    }

    fn now(&self) -> Option<&'static str> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a deed ends early.
enum Stop {
    /// The run is over.
    Over,
    /// Something is neither as before nor as after.
    Fault(String),
}

type Done<T = ()> = Result<T, Stop>;
type Deed<'a> = fn(&mut Doer<'a>, &Place, &str) -> Done;

/// One client that does such verbs.
pub(super) struct Doer<'a> {
    pub(super) caller: Caller<'a>,
    pub(super) wanted: &'a Wanted,
    pub(super) ledger: Ledger,
    pub(super) dice: Dice,
    pub(super) number: u64,
}

impl<'a> Doer<'a> {
    /// Works until the run drains, and ends what it has begun.
    pub(super) fn run(mut self, place: &Place) {
        let mut n = 0;
        while !self.caller.course.draining() {
            let (name, deed) = self.next();
            let id = format!("{MARK}{}-{n}", self.number);
            n += 1;
            match deed(&mut self, place, &id) {
                Ok(()) => *self.ledger.hold().done.entry(name).or_default() += 1,
                Err(Stop::Over) => return,
                Err(Stop::Fault(what)) => self.ledger.hold().faults.push(format!("{id}: {what}")),
            }
            // They are heavy beside all else that goes on.
            let until = Instant::now() + self.dice.millis(100, 1500);
            while self.is_wanted().is_none() && Instant::now() < until && !self.caller.course.draining() {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }

    /// Each with the areas whose points it passes.
    const ALL: [(&'static str, Deed<'a>, &'static [&'static str]); 4] = [
        ("files taken back", Self::files, &["checkpoint", "rewind"]),
        ("forks", Self::forks, &["fork"]),
        ("worktrees", Self::trees, &["worktree", "merge", "discard"]),
        ("limits", Self::limits, &["limit"]),
    ];

    /// The one that passes the point which is wanted.
    fn is_wanted(&self) -> Option<usize> {
        let (area, _) = self.wanted.now()?.split_once('.')?;
        Self::ALL.iter().position(|(.., areas)| areas.contains(&area))
    }

    fn next(&mut self) -> (&'static str, Deed<'a>) {
        let any = self.dice.below(Self::ALL.len() as u64);
        let (name, deed, _) = Self::ALL[self.is_wanted().unwrap_or(usize::try_from(any).unwrap_or(0))];
        (name, deed)
    }

    /// A session of its own; `more` says what it is created with.
    fn create(&mut self, place: &Place, id: &str, more: Value) -> Done<Value> {
        let mut body = json!({
            "agent": "scripted", "id": id, "inherit_env": [],
            "env": {"PATH": "/usr/bin:/bin", "HOME": place.mark(), "TENURE_SCRIPTED_FORKS": "1"},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        Ok(self.insist("POST", "/v1/sessions", Some(&body), None, &[])?.json())
    }

    /// Its transcript stays, to be judged; all else goes.
    fn destroy(&mut self, id: &str) -> Done {
        let path = format!("/v1/sessions/{id}?keep_transcript=true");
        self.insist("DELETE", &path, None, None, &[410]).map(drop)
    }

    /// Says something, and waits for the end of the turn. Tells its outcome; `agent_exited` or `closed` where no turn
    /// came of it, because an agent was killed before it was ready.
    fn say(&mut self, id: &str, n: u64, text: &str) -> Done<String> {
        let input_id = format!("{id}i{n}");
        let body = json!({"input": text, "id": input_id, "wait": "finished"});
        let reply = self.insist("POST", &format!("/v1/sessions/{id}/inputs"), Some(&body), None, &[409])?;
        let told = reply.json();
        if reply.status == 409 && told["code"] == "closed" {
            // Its agent was killed before it was ready for the first time. The input was not taken.
            self.insist("POST", &format!("/v1/sessions/{id}/resume"), Some(&json!({})), None, &[])?;
            return Ok(String::from("closed"));
        }
        self.once(id, "input.admitted", "input_id", &input_id);
        let exited = reply.status == 409 && told["code"] == "agent_exited";
        expect(reply.status == 200 || exited, || format!("input {input_id}: {}", reply.brief()))?;
        let outcome = if exited { &told["code"] } else { &told["outcome"] };
        Ok(outcome.as_str().unwrap_or_default().to_owned())
    }

    /// Says something until a turn with it ends well: agents are killed, too. False if none does.
    fn say_until_heard(&mut self, id: &str, text: &str) -> Done<bool> {
        for n in 1..=TRIES {
            if self.say(id, n, text)? == "completed" {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn get(&mut self, path: &str) -> Done<Value> {
        Ok(self.insist("GET", path, None, None, &[])?.json())
    }

    /// Looks until it shows what it must.
    fn shows(&mut self, path: &str, otherwise: &str, wanted: impl Fn(&Value) -> bool) -> Done {
        self.settled(|doer| {
            let seen = doer.get(path)?;
            Ok((!wanted(&seen)).then(|| format!("{otherwise}: {seen}")))
        })
    }

    /// Looks until nothing is wrong any more: it may go behind an answer, and a life may be too short for that.
    fn settled(&mut self, mut wrong: impl FnMut(&mut Self) -> Done<Option<String>>) -> Done {
        let (begun, mut plea) = (Instant::now(), None);
        while let Some(what) = wrong(self)? {
            if self.caller.course.over() {
                return Err(Stop::Over);
            }
            expect(begun.elapsed() < REFUSED_FOR, || what)?;
            if begun.elapsed() > PLEADS {
                plea.get_or_insert_with(|| self.caller.link.plead());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// The same request until it was done, or has one of these answers.
    fn insist(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
        or: &[u16],
    ) -> Done<Reply> {
        let (begun, mut last) = (Instant::now(), String::new());
        while begun.elapsed() < REFUSED_FOR {
            let answer = self.caller.ask(Call { method, path, body, key }, false);
            let reply = answer.map_err(Stop::Fault)?.ok_or(Stop::Over)?;
            if (200..300).contains(&reply.status) || or.contains(&reply.status) {
                return Ok(reply);
            }
            last = reply.brief();
            thread::sleep(self.dice.millis(20, 100));
        }
        Err(Stop::Fault(format!("{method} {path} is refused for ever: {last}")))
    }

    /// Nothing of a worktree is left in a repository. What goes with the last session goes behind the answer.
    fn is_alone(&mut self, repo: &Repo) -> Done {
        self.settled(|_| repo.left())?;
        repo.is_whole()
    }

    fn once(&mut self, session: &str, event: &'static str, field: &'static str, value: &str) {
        let (session, value) = (session.to_owned(), value.to_owned());
        self.ledger.hold().once.push(Once { session, event, field, value });
    }
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Done {
    if holds { Ok(()) } else { Err(Stop::Fault(what())) }
}
