//! A running turn as the reader of stdin sees it: it can be cancelled, steered, and given answers.
//! The steps themselves are played elsewhere.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::script::Step;

/// Which message asked the turn to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cancel {
    /// `session/cancel`: the prompt is answered with a stop reason.
    Turn,
    /// `$/cancel_request`: the prompt is answered with an error.
    Request,
}

/// A client's answer to a request of ours.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Result(Value),
    Error(Value),
}

/// A text that came while the turn was running, with the steps that it may carry.
#[derive(Debug)]
pub(crate) struct Steer {
    pub(crate) text: String,
    pub(crate) steps: Option<Vec<Step>>,
}

/// How a wait ended.
#[derive(Debug)]
pub(crate) enum Waited<T> {
    Got(T),
    Cancelled,
    TimedOut,
}

pub(crate) struct Turn {
    pub(crate) prompt_id: Value,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cancel: Option<Cancel>,
    deaf: bool,
    finished: bool,
    steering: VecDeque<Steer>,
    answers: HashMap<String, Answer>,
}

/// More steered texts than this are refused.
const MOST_STEERED: usize = 64;

impl Turn {
    pub(crate) fn new(prompt_id: Value) -> Self {
        Self { prompt_id, state: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn cancel(&self, how: Cancel) {
        self.state().cancel.get_or_insert(how);
        self.changed.notify_all();
    }

    /// From here on a cancel is not obeyed.
    pub(crate) fn turn_deaf(&self) {
        self.state().deaf = true;
    }

    /// The cancel to obey, if one came.
    pub(crate) fn cancelled(&self) -> Option<Cancel> {
        let state = self.state();
        if state.deaf { None } else { state.cancel }
    }

    /// Whether the text was taken: not if the turn is already ending.
    pub(crate) fn steer(&self, steer: Steer) -> bool {
        let mut state = self.state();
        let room = !state.finished && state.steering.len() < MOST_STEERED;
        if room {
            state.steering.push_back(steer);
        }
        room
    }

    pub(crate) fn next_steer(&self) -> Option<Steer> {
        self.state().steering.pop_front()
    }

    /// The next steered text; if there is none, none will be taken any more.
    pub(crate) fn next_steer_or_finish(&self) -> Option<Steer> {
        let mut state = self.state();
        let next = state.steering.pop_front();
        state.finished = next.is_none();
        next
    }

    /// Ends the turn for steering, whatever still waits.
    pub(crate) fn finish(&self) {
        self.state().finished = true;
    }

    pub(crate) fn answer(&self, id: String, answer: Answer) {
        self.state().answers.insert(id, answer);
        self.changed.notify_all();
    }

    /// Waits for the answer to the request with this id.
    pub(crate) fn wait_answer(&self, id: &str, longest: Duration) -> Waited<Answer> {
        self.wait(longest, |state| state.answers.remove(id))
    }

    /// Waits that long, or until a cancel; true if it was not cancelled.
    pub(crate) fn pause(&self, how_long: Duration) -> bool {
        !matches!(self.wait(how_long, |_| None::<()>), Waited::Cancelled)
    }

    fn wait<T>(&self, longest: Duration, mut ready: impl FnMut(&mut State) -> Option<T>) -> Waited<T> {
        let deadline = Instant::now().checked_add(longest);
        let mut state = self.state();
        loop {
            if let Some(got) = ready(&mut state) {
                return Waited::Got(got);
            }
            if state.cancel.is_some() && !state.deaf {
                return Waited::Cancelled;
            }
            let left = deadline.map_or(longest, |d| d.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Waited::TimedOut;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_cancel_ends_every_wait_unless_the_turn_is_deaf() {
        let turn = Turn::new(json!(1));
        turn.cancel(Cancel::Turn);
        assert!(!turn.pause(LONG));
        assert!(matches!(turn.wait_answer("7", LONG), Waited::Cancelled));
        turn.turn_deaf();
        assert!(turn.pause(Duration::from_millis(1)));
        assert_eq!(turn.cancelled(), None);
    }

    #[test]
    fn an_answer_that_came_first_is_kept() {
        let turn = Turn::new(json!(1));
        turn.answer("7".into(), Answer::Result(json!("yes")));
        assert!(matches!(turn.wait_answer("7", LONG), Waited::Got(Answer::Result(v)) if v == "yes"));
    }

    #[test]
    fn nothing_is_steered_into_a_turn_that_has_finished() {
        let turn = Turn::new(json!(1));
        let steer = || Steer { text: "x".into(), steps: None };
        assert!(turn.steer(steer()));
        assert!(turn.next_steer_or_finish().is_some());
        assert!(turn.next_steer_or_finish().is_none());
        assert!(!turn.steer(steer()));
    }
}
