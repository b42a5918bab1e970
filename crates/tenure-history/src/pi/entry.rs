//! An entry of a session file: its members by name.

use tenure_event::Timestamp;

use crate::fields::{Field, possible, record, time};

record!(
    /// One line.
    Entry {
        kind: "type", id: "id", parent: "parentId", at: "timestamp", message: "message", summary: "summary", kept: "firstKeptEntryId",
        content: "content", display: "display", name: "name", usage: "usage", model: "model", cwd: "cwd",
        forked: "parentSession",
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
    let of_message = |field: Field<'_>| possible(field?.get().parse().ok()?);
    time(entry.at).or_else(|| of_message(inner?.at))
}
