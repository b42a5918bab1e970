//! Lines of JSON-RPC, one message each, as `acp` and `codex` both hear them: which of its three kinds a line is,
//! whether it was read before, and what becomes of a line that is none. What a method means is each protocol's own.

use serde_json::Value;
use tenure_core::agent::{Decoded, LineMark, Signal};

use crate::json::{clip, parse_line, raw_member};

/// A codec that hears JSON-RPC.
pub(crate) trait Peer {
    /// Where the last line began that was read.
    fn seen(&mut self) -> &mut Option<u64>;
    /// Takes up text again that was being gathered when the codec was saved.
    fn read_again(&mut self, offset: u64, value: &Value);
    /// The peer wants an answer; `token` is its id as it wrote it.
    fn request(&mut self, offset: u64, method: &str, token: String, value: &Value, out: &mut Decoded);
    /// The peer tells something.
    fn notification(&mut self, offset: u64, method: &str, line: &[u8], value: Value, out: &mut Decoded);
    /// The peer answers.
    fn answer(&mut self, offset: u64, value: Value, out: &mut Decoded);
}

/// A line of this kind with no meaning here. Kinds that agents make up are cut to a length.
pub(crate) fn native(kind: &str, value: Value) -> Signal {
    Signal::Native { kind: clip(kind, 64).to_owned(), value: Some(value), at: LineMark::default() }
}

/// What a line tells.
pub(crate) fn decode(peer: &mut impl Peer, offset: u64, line: &[u8]) -> Decoded {
    let parsed = parse_line(line);
    if peer.seen().is_some_and(|seen| offset <= seen) {
        if let Ok(value) = parsed {
            peer.read_again(offset, &value);
        }
        return Vec::new();
    }
    let mut out = Vec::new();
    match parsed {
        Ok(value) => receive(peer, offset, line, value, &mut out),
        Err(bad) => out.extend(bad.kind().map(|kind| Signal::Native {
            kind: kind.to_owned(),
            value: None,
            at: LineMark::default(),
        })),
    }
    *peer.seen() = Some(offset);
    out
}

fn receive(peer: &mut impl Peer, offset: u64, line: &[u8], value: Value, out: &mut Decoded) {
    let Some(object) = value.as_object() else { return out.push(native("malformed", value)) };
    let has_id = object.contains_key("id");
    match object.get("method") {
        Some(Value::String(method)) => {
            let method = method.clone();
            if has_id {
                peer.request(offset, &method, raw_member(line, &["id"]), &value, out);
            } else {
                peer.notification(offset, &method, line, value, out);
            }
        }
        Some(_) => out.push(native("malformed", value)),
        None if has_id && (object.contains_key("result") || object.contains_key("error")) => {
            peer.answer(offset, value, out);
        }
        None => out.push(native("unknown", value)),
    }
}
