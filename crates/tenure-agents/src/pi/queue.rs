//! Inputs that were steered into a running turn. The program names none of them: it tells
//! how many wait, that a user's message begins, and what it dropped. So each is followed by
//! its place; its own answer, which names it, may come at any time between.
//!
//! What is left in the program's queue once it has settled would be said in a later turn,
//! after we have said it again ourselves: the codec has it dropped.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::agent::{AgentError, Command, Signal};

use super::id::Asked;
use super::memory::error;
use super::{PiCodec, field, write};

/// Places that are followed.
const PLACES_MAX: usize = 1000;

/// An input that was steered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Steered {
    /// The number of its command.
    n: u64,
    /// Its native id.
    native: String,
}

/// Where steered inputs stand. A place is empty until its answer has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Queue {
    /// In the program's queue, oldest first.
    waiting: Vec<Option<Steered>>,
    /// No more in it, and not yet told whether taken in or dropped.
    leaving: Vec<Option<Steered>>,
    /// Taken in (`true`) or dropped before their answers came, oldest first.
    unnamed: Vec<bool>,
    /// The codec has asked to drop what waits, and has no answer.
    clearing: bool,
}

impl Queue {
    /// So many wait now.
    fn waits(&mut self, count: usize) {
        let count = count.min(PLACES_MAX);
        let before = self.waiting.len();
        if count >= before {
            self.waiting.resize(count, None);
            return;
        }
        self.leaving.extend(self.waiting.drain(..before - count));
        let surplus = self.leaving.len().saturating_sub(PLACES_MAX);
        self.leaving.drain(..surplus);
    }

    /// A place came to its end.
    fn left(&mut self, place: Option<Steered>, taken: bool, out: &mut Vec<Signal>) {
        match place {
            Some(steered) => out.push(steered.end(taken)),
            None if self.unnamed.len() < PLACES_MAX => self.unnamed.push(taken),
            None => {}
        }
    }

    /// A user's message begins: the oldest that left the queue, if any, was taken in.
    pub(super) fn spoken(&mut self, out: &mut Vec<Signal>) -> bool {
        if self.leaving.is_empty() {
            return false;
        }
        let place = self.leaving.remove(0);
        self.left(place, true, out);
        true
    }

    /// So many of those that left last were dropped.
    fn dropped(&mut self, count: usize, out: &mut Vec<Signal>) {
        let from = self.leaving.len().saturating_sub(count);
        for place in self.leaving.split_off(from) {
            self.left(place, false, out);
        }
    }

    /// The answer that names one.
    fn named(&mut self, steered: Steered, out: &mut Vec<Signal>) {
        let mut places = self.leaving.iter_mut().chain(self.waiting.iter_mut());
        if let Some(place) = places.find(|place| place.is_none()) {
            *place = Some(steered);
        } else if self.unnamed.is_empty() {
            // An extension took it in, and the model never sees it.
            out.push(steered.end(true));
        } else {
            let taken = self.unnamed.remove(0);
            out.push(steered.end(taken));
        }
    }

    /// The process has settled: what left the queue and was not said is lost there.
    pub(super) fn settled(&mut self, out: &mut Vec<Signal>) {
        self.dropped(self.leaving.len(), out);
    }
}

impl Steered {
    fn end(self, taken: bool) -> Signal {
        if taken {
            return Signal::InputTaken { native_input: self.native };
        }
        let why = "the turn ended before the input was taken in";
        Signal::SteerRefused { n: self.n, error: error("agent_error", why, None) }
    }
}

impl PiCodec {
    /// Reads `queue_update`.
    pub(super) fn queue_is(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.memory.queue.waits(field::items(frame, "steering").len());
        self.drop_what_is_left(out);
    }

    /// The answer to a steered input.
    pub(super) fn steer_answered(
        &mut self,
        n: u64,
        native: String,
        result: Result<&Value, AgentError>,
        out: &mut Vec<Signal>,
    ) {
        match result {
            Err(error) => out.push(Signal::SteerRefused { n, error }),
            Ok(data) if field::text(data, "disposition") == Some("handled") => {
                out.push(Signal::InputTaken { native_input: native });
            }
            Ok(_) => self.memory.queue.named(Steered { n, native }, out),
        }
        self.drop_what_is_left(out);
    }

    /// The answer to our word to drop what waits.
    pub(super) fn cleared(&mut self, data: Option<&Value>, out: &mut Vec<Signal>) {
        self.memory.queue.clearing = false;
        let count = data.map_or(0, |data| field::items(data, "steering").len());
        self.memory.queue.dropped(count, out);
        self.drop_what_is_left(out);
    }

    /// Nothing runs that could take in what waits.
    pub(super) fn drop_what_is_left(&mut self, out: &mut Vec<Signal>) {
        let queue = &mut self.memory.queue;
        if !self.memory.running && !queue.waiting.is_empty() && !queue.clearing {
            queue.clearing = true;
            out.push(Signal::Send(Command::Raw(write::own_line(0, &Asked::Clear, "clear_queue"))));
        }
    }
}
