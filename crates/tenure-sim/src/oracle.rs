//! Reads the log when all is over, and holds it to the promises of the contract. It knows
//! events and what agents wrote, and nothing of how either came about.

use std::collections::{BTreeMap, BTreeSet};

use tenure_event::{AskId, Decision, Event, InputId, Kind, MessageId, Outcome, Part, PartBody, Role, TurnId};
use tenure_log::{EventLog, PageRequest, Rendered};

use crate::agent::spoken;
use crate::client::Clients;
use crate::env::{Env, at_once};
use crate::watch::Watcher;

/// What one session's log says.
#[derive(Default)]
struct Tale {
    admitted: BTreeMap<InputId, u64>,
    taken: BTreeMap<InputId, TurnId>,
    ended: BTreeSet<InputId>,
    turn: Option<TurnId>,
    turns: BTreeSet<TurnId>,
    asks: BTreeMap<AskId, Option<Decision>>,
    open_asks: BTreeSet<AskId>,
    process: Option<u32>,
    said: String,
    /// Inputs whose turn completed well.
    completed: Vec<InputId>,
    messages: BTreeMap<MessageId, Vec<Part>>,
}

/// All of a stream.
pub(crate) fn everything(env: &Env, index: Option<usize>) -> Vec<Rendered> {
    let page = PageRequest { after: 0, limit: usize::MAX, max_bytes: usize::MAX, types: Vec::new() };
    let read = match index {
        Some(index) => at_once(env.log.read(&env.plans[index].id, page)),
        None => at_once(env.log.read_all(page)),
    };
    read.expect("the log can be read").events
}

/// Checks a session whose work is over.
pub(crate) fn session(env: &Env, index: usize, clients: &Clients) {
    let mut tale = Tale::default();
    for (rendered, n) in everything(env, Some(index)).iter().zip(1_u64..) {
        let event = Event::parse(std::str::from_utf8(&rendered.bytes).expect("text")).expect("an event");
        assert_eq!((event.seq.0, rendered.seq.0), (n, n), "positions have no gap");
        tale.hear(event);
    }
    assert_eq!(tale.turn, None, "a turn has no end");
    assert!(tale.open_asks.is_empty(), "asks have no end: {:?}", tale.open_asks);
    let endless: Vec<_> = tale.admitted.keys().filter(|id| !tale.ended.contains(id)).collect();
    assert!(endless.is_empty(), "inputs have no end: {endless:?}");
    for (id, seq) in &clients.receipts {
        assert_eq!(tale.admitted.get(id), Some(&seq.0), "{id} was acknowledged");
    }
    for (id, decision) in &clients.answers {
        assert_eq!(tale.asks.get(id), Some(&Some(*decision)), "the answer to {id} was acknowledged");
    }
    let shims = env.shims.iter().filter(|((i, _), _)| *i == index).map(|(_, shim)| shim);
    let wrote: String = shims.clone().map(|shim| spoken(&shim.spool[..shim.lines_end])).collect();
    assert_eq!(tale.said, wrote, "the text is what the agent wrote");
    assert_eq!(tale.process, None, "a process has no end");
    assert!(shims.clone().all(|shim| !shim.lives()), "a process is left over");
    let disk = shims.max_by_key(|shim| shim.agent.disk.inputs.len()).map(|shim| &shim.agent.disk);
    for id in &tale.completed {
        let heard = disk.is_some_and(|disk| disk.inputs.contains_key(id.as_str()));
        assert!(heard, "the agent never heard of {id}, whose turn completed");
    }
}

impl Tale {
    fn hear(&mut self, event: Event) {
        let seq = event.seq.0;
        match event.kind {
            Kind::InputAdmitted(e) => {
                assert_eq!(self.admitted.insert(e.input_id, seq), None, "an input is admitted twice");
            }
            Kind::InputStarted(e) => {
                assert!(self.admitted.contains_key(&e.input_id) && !self.ended.contains(&e.input_id));
                assert_eq!(self.turn.as_ref(), Some(&e.turn_id), "an input starts in the running turn");
                assert_eq!(self.taken.insert(e.input_id, e.turn_id), None, "an input starts twice");
            }
            Kind::InputCancelled(e) => {
                assert!(!self.taken.contains_key(&e.input_id), "an input is cancelled in its turn");
                assert!(self.ended.insert(e.input_id), "an input ends twice");
            }
            Kind::TurnStarted(e) => {
                assert_eq!(self.turn, None, "two turns at once");
                assert!(self.turns.insert(e.turn_id.clone()), "a turn starts twice");
                self.turn = Some(e.turn_id);
            }
            Kind::TurnCompleted(e) => {
                assert_eq!(self.turn.take(), Some(e.turn_id.clone()), "the end of another turn");
                if e.outcome == Outcome::Completed {
                    self.completed.extend(e.input_ids.iter().cloned());
                }
                for id in e.input_ids {
                    assert_eq!(self.taken.get(&id), Some(&e.turn_id), "an input of another turn");
                    assert!(self.ended.insert(id), "an input ends twice");
                }
            }
            Kind::AskOpened(e) => {
                assert!(self.asks.insert(e.ask.id.clone(), None).is_none(), "an ask opens twice");
                self.open_asks.insert(e.ask.id);
            }
            Kind::AskResolved(e) => {
                self.ask_ends(&e.ask_id);
                self.asks.insert(e.ask_id, Some(e.decision));
            }
            Kind::AskExpired(e) | Kind::AskWithdrawn(e) => self.ask_ends(&e.ask_id),
            Kind::ProcessStarted(e) => {
                assert_eq!(self.process.replace(e.generation), None, "two processes at once");
            }
            Kind::ProcessExited(e) => {
                assert!(self.process.take().is_none_or(|g| g == e.generation), "another process ends");
            }
            Kind::MessageCompleted(e) => {
                if e.role == Role::Assistant && e.origin.is_none() {
                    self.said += &text_of(&e.parts);
                }
                let known = self.messages.insert(e.message_id.clone(), e.parts);
                assert!(known.is_none(), "message {} is told twice", e.message_id);
            }
            _ => {}
        }
    }

    fn ask_ends(&mut self, id: &AskId) {
        assert!(self.open_asks.remove(id), "{id} ends twice, or never opened");
    }
}

fn text_of(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match &part.body {
        PartBody::Text { text } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// Checks that somebody who followed got everything once, in order, byte for byte; and that
/// what was shown of text before it was whole is what it was then.
pub(crate) fn watcher(env: &Env, watcher: &Watcher) {
    let index = watcher
        .session
        .as_ref()
        .map(|id| env.plans.iter().position(|plan| &plan.id == id).expect("a session of this node"));
    let log = everything(env, index);
    let wanted: Vec<(u64, &[u8])> =
        log.iter().map(|e| (if index.is_some() { e.seq.0 } else { e.gseq.0 }, &e.bytes[..])).collect();
    let got: Vec<(u64, &[u8])> = watcher.got.iter().map(|(at, data)| (*at, data.as_bytes())).collect();
    assert_eq!(got.len(), wanted.len(), "as many events as there are");
    assert!(got == wanted, "the same events, byte for byte");
    let mut whole: BTreeMap<String, String> = BTreeMap::new();
    for event in &log {
        let text = std::str::from_utf8(&event.bytes).expect("text");
        let Kind::MessageCompleted(message) = Event::parse(text).expect("an event").kind else { continue };
        for part in message.parts {
            if let PartBody::Text { text } | PartBody::Thought { text } = part.body {
                whole.insert(part.id, text);
            }
        }
    }
    for piece in &watcher.pieces {
        let Some(text) = whole.get(&piece.part_id) else { panic!("{} was shown only", piece.part_id) };
        let offset = usize::try_from(piece.offset).expect("small");
        let there: String = text.chars().skip(offset).take(piece.text.chars().count()).collect();
        assert_eq!(there, piece.text, "what was shown of {} at {offset}", piece.part_id);
    }
}
