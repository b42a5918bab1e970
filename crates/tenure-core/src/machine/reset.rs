//! A turn that a provider's rate limit stopped, and that goes on once when the limit is reset.
//!
//! The agent has given up; the turn has not ended: it waits, with what it took in, until the time that the agent told. Then
//! the agent is asked once more, in the step that takes the mark away: the row of that step is the record that it was
//! done, over restarts too. Where no time was told the turn fails as it always did: nobody would know when to ask again.

use serde::{Deserialize, Serialize};
use tenure_event::{Outcome, Part, PartBody, Timestamp, TurnOrigin, Usage};

use super::limit::LimitKind;
use super::state::Proc;
use super::{State, Step};
use crate::agent::{Command, TurnEnd, TurnVerdict, input_uuid};

/// Resets that one turn waits for.
const RESETS: u32 = 8;
/// Nobody waits longer than this for one, in milliseconds: eight days.
const LONGEST_MS: i64 = 8 * 86_400_000;
/// Milliseconds after the time that was told: clocks differ.
const MARGIN_MS: i64 = 1_000;
/// Processes that may end while a turn waits.
const CRASHES: u32 = 3;
/// Bytes of a prompt that are kept for another try; of a longer one the agent has its own record.
const KEPT_BYTES: usize = 64 * 1024;
/// What an agent is told that had begun to work.
const GO_ON: &str = "The rate limit that stopped you has been reset. Go on with what you were doing.";

/// What a turn needs to be asked again.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Retry {
    /// It waits until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Since then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How often it was asked again.
    #[serde(default)]
    pub resets: u32,
    /// Milliseconds that it waited before.
    #[serde(default)]
    pub waited_ms: i64,
    /// What its tries used that ended without it.
    #[serde(default)]
    pub used: Usage,
    /// The attempt under which its prompt was sent.
    #[serde(default)]
    pub attempt: u32,
    /// Its prompt, unless that is long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Part>,
    /// The agent has said or done something in it.
    #[serde(default)]
    pub began: bool,
}

impl Retry {
    pub(super) fn of(attempt: u32, parts: &[Part]) -> Self {
        let long = |part: &Part| match &part.body {
            PartBody::Text { text } => text.len(),
            _ => KEPT_BYTES + 1,
        };
        let kept = parts.iter().map(long).fold(0, usize::saturating_add) <= KEPT_BYTES;
        let words = if kept { parts.to_vec() } else { Vec::new() };
        Self { attempt, words, ..Self::default() }
    }
}

impl State {
    /// Whether the running turn waits for a reset.
    pub(super) fn waits_for_reset(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.retry.until.is_some())
    }

    /// When what is waited for is expected to end.
    pub(super) fn waits_until(&self) -> Option<Timestamp> {
        let reset = self.turn.as_ref().and_then(|turn| turn.retry.until);
        reset.or_else(|| self.wait.as_ref().and_then(|wait| wait.until))
    }

    pub(super) fn reset_deadline(&self) -> Option<Timestamp> {
        let turn = self.turn.as_ref().filter(|turn| turn.interrupting.is_none())?;
        let ready = self.process.as_ref().is_some_and(Proc::takes_work) && self.ending.is_none();
        turn.retry.until.filter(|_| ready)
    }
}

impl Step<'_> {
    /// When the limit is reset that ended the agent's work, if the turn can wait for that.
    pub(super) fn reset_to_wait_for(&self, end: &TurnEnd) -> Option<Timestamp> {
        let TurnVerdict::Failed(error) = &end.verdict else { return None };
        let turn = self.s.turn.as_ref().filter(|turn| {
            turn.origin == TurnOrigin::Input && !turn.inputs.is_empty() && turn.interrupting.is_none()
        })?;
        // What the agent holds in its own queue begins by itself, as another turn.
        let queued_there = end.idle_follows && !turn.steered.is_empty();
        if turn.retry.resets >= RESETS || queued_there || self.s.ending.is_some() {
            return None;
        }
        let until = error.resets_at(self.now.at)?;
        let most = self.now.at.plus_millis(LONGEST_MS);
        (until <= most).then(|| until.max(self.now.at).plus_millis(MARGIN_MS))
    }

    /// The turn waits instead of ending.
    pub(super) fn wait_for_reset(&mut self, end: &TurnEnd, until: Timestamp) {
        let Some(turn) = &mut self.s.turn else { return };
        let id = turn.id.clone();
        let mut used = end.usage.unwrap_or_default();
        if used.cost_usd.is_none() && end.cost_usd.is_some() {
            (used.cost_usd, used.cost_basis) = (end.cost_usd, tenure_event::CostBasis::Reported);
        }
        turn.retry.used.add(&used);
        (turn.retry.until, turn.retry.since, turn.prompt_n) = (Some(until), Some(self.now.at), None);
        (turn.held, turn.limit) = (None, None);
        turn.unanswered.clear();
        turn.tools.clear();
        let steered = std::mem::take(&mut turn.steered);
        for s in steered {
            self.requeue(s);
        }
        self.withdraw_asks("turn_ended", |ask| ask.turn_id.as_ref() == Some(&id) && ask.path.is_empty());
        (self.s.stalled, self.s.probing, self.s.compacting) = (None, false, false);
        self.s.tool_kinds.clear();
        self.s.crashes = 0;
        self.out.full = true;
        let what = format!(
            "the provider's rate limit stopped the turn; it goes on by itself at {until}, or ends when it is interrupted"
        );
        self.warn("rate_limit", &what);
    }

    /// The limit is reset: the agent is asked once more.
    pub(super) fn go_on_after_reset(&mut self) {
        if self.s.used_up(LimitKind::Budget) {
            // The agent has nothing to end.
            let limit = Some(LimitKind::Budget.word().to_owned());
            self.close_turn(Outcome::Limit, limit, None, None);
            return self.start_next();
        }
        let Some(turn) = &mut self.s.turn else { return };
        let retry = &mut turn.retry;
        retry.until = None;
        let waited = retry.since.take().map_or(0, |since| self.now.at.millis_since(since));
        retry.waited_ms = retry.waited_ms.saturating_add(i64::try_from(waited).unwrap_or(i64::MAX));
        retry.resets += 1;
        retry.attempt += 1;
        let attempt = retry.attempt;
        let again = if retry.began || retry.words.is_empty() { go_on() } else { retry.words.clone() };
        let Some(input) = turn.inputs.first_mut() else { return };
        input.native = input_uuid(&self.s.spec.id, &input.input_id, attempt).to_string();
        let input_id = input.input_id.clone();
        self.s.wait = None;
        self.s.life_at = self.now.at;
        self.out.full = true;
        let n = self.send(Command::Prompt { input_id, attempt, parts: again });
        if let Some(turn) = &mut self.s.turn {
            turn.prompt_n = Some(n);
        }
    }

    /// The process of a turn that waits has ended by itself. Nothing was under way in it, so another one takes its place.
    pub(super) fn wait_on_without_process(&mut self) -> bool {
        if !self.s.waits_for_reset() || self.s.crashes >= CRASHES {
            return false;
        }
        self.s.crashes += 1;
        self.spawn();
        true
    }
}

fn go_on() -> Vec<Part> {
    let body = PartBody::Text { text: GO_ON.to_owned() };
    vec![Part { id: "again".to_owned(), body, bytes: None, blob: None }]
}
