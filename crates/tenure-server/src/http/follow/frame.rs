//! Server-sent events, written by copying what is stored.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use tenure_event::Ephemeral;

/// A durable event with the position to resume after.
pub(super) fn event(out: &mut BytesMut, id: u64, name: &str, envelope: &[u8]) {
    head(out, Some(id), name);
    data(out, envelope);
}

/// An event that is never replayed, so it has no id.
pub(super) fn ephemeral(out: &mut BytesMut, event: &Ephemeral) {
    let Ok(envelope) = serde_json::to_vec(event) else { return };
    head(out, None, event.kind.name());
    data(out, &envelope);
}

/// Rows of one durable event. Only the last carries the id: whoever loses the connection before it gets
/// all of them again.
pub(super) fn rows(out: &mut BytesMut, id: u64, rows: &[String]) {
    let Some((last, before)) = rows.split_last() else { return };
    before.iter().for_each(|row| self::row(out, row));
    event(out, id, "session/update", last.as_bytes());
}

/// A row that is never replayed.
pub(super) fn row(out: &mut BytesMut, row: &str) {
    head(out, None, "session/update");
    data(out, row.as_bytes());
}

/// What retention, or a destroyed session, took away.
pub(super) fn gap(out: &mut BytesMut, from: u64, to: u64) {
    head(out, None, "gap");
    data(out, format!("{{\"from\":{from},\"to\":{to}}}").as_bytes());
}

fn head(out: &mut BytesMut, id: Option<u64>, name: &str) {
    // Writing to a buffer cannot fail.
    if let Some(id) = id {
        let _ = writeln!(out, "id: {id}");
    }
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
}

// JSON has no line breaks of its own, so one `data` line holds it.
fn data(out: &mut BytesMut, json: &[u8]) {
    out.put_slice(b"\ndata: ");
    out.put_slice(json);
    out.put_slice(b"\n\n");
}
