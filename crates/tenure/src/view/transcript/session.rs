//! What happens around the talk: inputs, turns, tasks, waits, and the session's own life.

use tenure_event::{ActivityState, Delivery, Event, InputId, Kind, WaitReason};

use super::{Last, Transcript, result_line, words};
use crate::text::{self, clean, indent, one_line};
use crate::view::status::waits_for;

impl Transcript {
    pub(super) fn other_event(&mut self, event: &Event, out: &mut String) {
        match &event.kind {
            Kind::InputAdmitted(i) => {
                self.inputs.insert(i.input_id.clone(), words(&i.parts));
                self.status.queued += 1;
                if i.delivery == Delivery::Queue
                    && i.position > 0
                    && self.known_input.as_ref() != Some(&i.input_id)
                {
                    let line = format!("· queued: {}", one_line(&words(&i.parts), 120));
                    self.quiet(&line, out);
                }
            }
            Kind::InputStarted(i) => {
                self.status.queued = self.status.queued.saturating_sub(1);
                self.input(&i.input_id, out);
            }
            Kind::InputCancelled(i) => {
                self.status.queued = self.status.queued.saturating_sub(1);
                let text = self.inputs.remove(&i.input_id).unwrap_or_default();
                let text = one_line(&text, 80);
                let text = if text.is_empty() { text } else { format!(": {text}") };
                self.quiet(&format!("· not sent ({}){text}", one_line(&i.reason, 60)), out);
            }
            Kind::TurnStarted(t) => {
                self.status.turn_since = Some(event.ts);
                if t.input_ids.is_empty() {
                    self.quiet("· the agent goes on by itself", out);
                }
            }
            Kind::TurnCompleted(t) => {
                let ms = self.status.turn_since.take().map(|since| event.ts.millis_since(since));
                self.status.usage = t.usage.or(self.status.usage);
                self.tools.clear();
                let line = result_line(self.style, t, ms);
                self.block(Last::Text, &format!("{line}\n"), out);
                self.last = Last::Input;
            }
            Kind::UsageUpdated(u) => {
                self.status.usage = u.usage.or(self.status.usage);
                self.status.context = u.context.or(self.status.context);
            }
            Kind::TaskStarted(t) if t.background => {
                self.quiet(&format!("· task started: {}", one_line(&t.title, 120)), out);
            }
            Kind::TaskCompleted(t) => {
                let summary =
                    t.summary.as_deref().map(|s| format!(": {}", one_line(s, 120))).unwrap_or_default();
                let status = format!("{:?}", t.status).to_lowercase();
                self.quiet(&format!("· task {status}{summary}"), out);
            }
            Kind::CompactionCompleted(c) => {
                let line = match (&c.error, c.tokens_before, c.tokens_after) {
                    (Some(error), ..) => format!("· compaction failed: {}", one_line(error, 120)),
                    (_, Some(b), Some(a)) => {
                        format!("· compacted: {} → {} tokens", text::count(b), text::count(a))
                    }
                    _ => "· compacted".to_owned(),
                };
                self.quiet(&line, out);
            }
            Kind::ConfigChanged(c) if c.by == "client" || self.status.turn_since.is_some() => {
                let name = |what: &str, v: &Option<String>| {
                    v.as_ref().map(|v| format!("{what} {}", one_line(v, 40)))
                };
                let all = [name("model", &c.model), name("mode", &c.mode), name("effort", &c.effort)];
                let changed: Vec<String> = all.into_iter().flatten().collect();
                if !changed.is_empty() {
                    self.quiet(&format!("· {}", changed.join(", ")), out);
                }
            }
            Kind::WarningRaised(w) => {
                let line = format!("{}\n", self.style.yellow(&format!("! {}", one_line(&w.message, 400))));
                self.block(Last::Line, &line, out);
            }
            _ => self.session_event(event, out),
        }
    }

    pub(super) fn session_event(&mut self, event: &Event, out: &mut String) {
        let before = self.status.activity.clone();
        match &event.kind {
            Kind::SessionCreated(e) => self.take_axes(&e.axes),
            Kind::RewindCompleted(e) => {
                let left = if e.conflicts_total > 0 {
                    format!(", {} left", e.conflicts_total)
                } else {
                    String::new()
                };
                self.quiet(&format!("· files taken back: {}{left}", e.files_total), out);
            }
            Kind::RewindUndone(e) => {
                self.quiet(&format!("· a rewind was undone: {} files", e.files_total), out)
            }
            Kind::SessionUpdated(e) => self.take_axes(&e.axes),
            Kind::SessionNativeBound(e) => self.take_axes(&e.axes),
            Kind::SessionActivityChanged(e) | Kind::SessionHealthChanged(e) => {
                self.take_axes(&e.axes);
                self.outside_wait(before.and_then(|a| a.reason), out);
            }
            Kind::SessionSuspended(e) => {
                self.take_axes(&e.axes);
                let by = format!("{:?}", e.by).to_lowercase();
                self.quiet(&format!("· suspended ({by}); an input brings it back"), out);
            }
            Kind::SessionResumed(e) => {
                self.take_axes(&e.axes);
                self.quiet("· resumed", out);
            }
            Kind::SessionClosed(e) => {
                self.take_axes(&e.axes);
                self.quiet("· closed", out);
            }
            Kind::SessionCleared(e) => {
                self.take_axes(&e.axes);
                self.quiet("· cleared: a new conversation begins", out);
            }
            Kind::SessionForked(e) => {
                self.take_axes(&e.axes);
                self.quiet(&format!("· forked as {}", e.child), out);
            }
            Kind::SessionDestroyed(e) => {
                self.take_axes(&e.axes);
                self.quiet("· destroyed", out);
            }
            Kind::SessionFailed(e) => {
                self.take_axes(&e.axes);
                let text = format!("✗ {}", clean(&e.error.message));
                let text = format!("{}\n", self.style.red(text.trim_end()));
                self.block(Last::Line, &text, out);
            }
            Kind::ProcessExited(e) if e.code != Some(0) && !e.stderr_tail.trim().is_empty() => {
                let tail = clean(&e.stderr_tail);
                let lines: Vec<&str> = tail.trim_end().lines().rev().take(8).collect();
                let lines: Vec<&str> = lines.into_iter().rev().collect();
                let text = self.style.dim(&indent(&lines.join("\n"), "  | "));
                self.block(Last::Line, &text, out);
            }
            _ => {}
        }
    }

    pub(super) fn input(&mut self, id: &InputId, out: &mut String) {
        let Some(text) = self.inputs.remove(id) else { return };
        if self.known_input.as_ref() == Some(id) {
            self.known_input = None;
            return;
        }
        self.said(&text, out);
    }

    /// A wait that no ask tells of.
    pub(super) fn outside_wait(&mut self, before: Option<WaitReason>, out: &mut String) {
        let Some(activity) = self.status.activity.clone() else { return };
        let outside =
            matches!(activity.reason, Some(WaitReason::RateLimit | WaitReason::Auth | WaitReason::Retry));
        if activity.state == ActivityState::Waiting && outside && activity.reason != before {
            let until = activity.until.map(|t| format!(" until {t}")).unwrap_or_default();
            let line = self.style.yellow(&format!("! waits for {}{until}", waits_for(&activity)));
            self.block(Last::Line, &format!("{line}\n"), out);
        }
    }
}
