//! An entry of a session file: its members by name.

use tenure_event::Timestamp;

use crate::fields::{possible, record, time};

record!(
    /// One line.
    Entry {
        kind: "type", id: "id", parent: "parentId", at: "timestamp", message: "message", summary: "summary", kept: "firstKeptEntryId",
        content: "content", display: "display", name: "name", usage: "usage", model: "model", cwd: "cwd",
        forked: "parentSession", model_id: "modelId",
    }
);
record!(
    /// The message in it.
    Inner {
        role: "role", content: "content", model: "model", usage: "usage", stop: "stopReason", response: "responseId", at: "timestamp",
        command: "command", output: "output", display: "display",
    }
);

/// The time of an entry, or of the message in it.
pub(super) fn time_of(entry: &Entry<'_>, inner: Option<&Inner<'_>>) -> Option<Timestamp> {
    time(entry.at).or_else(|| time_of_inner(inner?))
}

/// The time of a message by itself.
pub(super) fn time_of_inner(inner: &Inner<'_>) -> Option<Timestamp> {
    possible(inner.at?.get().parse().ok()?)
}
