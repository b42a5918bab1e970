//! What else the program tells of: retries, compaction, settings, its extensions' faults.

use serde_json::Value;
use tenure_core::agent::{Signal, Wait};
use tenure_event::{Compaction, WaitReason};

use super::{PiCodec, field, run, usage};

impl PiCodec {
    /// Reads `auto_retry_start` and `summarization_retry_scheduled`.
    pub(super) fn retries(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let reason = match field::text(frame, "errorMessage").map(run::code_of) {
            Some("rate_limited") => WaitReason::RateLimit,
            _ => WaitReason::Retry,
        };
        self.memory.waiting = true;
        let for_ms = field::count(frame, "delayMs");
        out.push(Signal::Waiting(Some(Wait { reason, until: None, for_ms })));
    }

    /// Progress was made: whatever was waited for is over.
    pub(super) fn works_on(&mut self, out: &mut Vec<Signal>) {
        if std::mem::take(&mut self.memory.waiting) {
            out.push(Signal::Waiting(None));
        }
    }

    /// Reads `compaction_start`.
    pub(super) fn compaction_began(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        if !std::mem::replace(&mut self.memory.compacting, true) {
            let info = Compaction { trigger: trigger(frame), ..Compaction::default() };
            out.push(Signal::Compaction { began: true, info });
        }
    }

    /// Reads `compaction_end`.
    pub(super) fn compaction_ended(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        self.works_on(out);
        let told = frame.get("result");
        let count = |key| told.and_then(|told| field::count(told, key));
        let error = match field::text(frame, "errorMessage") {
            Some(text) => Some(field::clip(text, 2000)),
            None if field::flag(frame, "aborted") => Some("it was aborted".to_owned()),
            None => None,
        };
        let info = Compaction {
            trigger: trigger(frame),
            tokens_before: count("tokensBefore"),
            tokens_after: count("estimatedTokensAfter"),
            error,
        };
        if self.memory.running
            && let Some(used) = told.and_then(|told| told.get("usage")).and_then(usage::read)
        {
            usage::add(&mut self.memory.usage, used);
        }
        self.memory.context_used = info.tokens_after.or(self.memory.context_used);
        self.end_compaction(info, out);
    }

    /// Ends a compaction that began, once.
    pub(super) fn end_compaction(&mut self, info: Compaction, out: &mut Vec<Signal>) {
        if std::mem::take(&mut self.memory.compacting) {
            out.push(Signal::Compaction { began: false, info });
        }
    }

    /// The effort in force.
    pub(super) fn effort_is(&mut self, level: Option<&str>, out: &mut Vec<Signal>) {
        let Some(level) = level.filter(|level| self.memory.effort.as_deref() != Some(level)) else { return };
        self.memory.effort = Some(level.to_owned());
        out.push(Signal::Config { model: None, mode: None, effort: Some(level.to_owned()) });
    }

    /// Reads `session_info_changed`.
    pub(super) fn named(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let title = field::text(frame, "name").map(field::one_line).filter(|title| !title.is_empty());
        if title != self.memory.title {
            self.memory.title.clone_from(&title);
            out.extend(title.map(Signal::Title));
        }
    }
}

fn trigger(frame: &Value) -> Option<String> {
    let reason = field::id(frame, "reason")?;
    Some(if reason == "manual" { "manual" } else { "auto" }.to_owned())
}

/// Reads `extension_error`.
pub(super) fn extension_failed(frame: &Value, out: &mut Vec<Signal>) {
    let which = field::text(frame, "extensionPath").unwrap_or("an extension");
    let at = field::text(frame, "event").unwrap_or("its work");
    let why = field::text(frame, "error").unwrap_or("no reason given");
    let message = field::clip(&format!("The extension {which} failed at {at}: {why}"), 2000);
    out.push(Signal::Warning { code: "extension".to_owned(), message });
}
