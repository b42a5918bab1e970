//! What no client should have to read: broken lines, lines of any size and depth, ids of every type.

use serde_json::{Value, json};

use super::{Ending, Flow, Player, chunk_of};
use crate::rpc::{self, RpcError};
use crate::script::steps::{Deep, Huge, Raw, RawHex};

/// More is refused, so that a mistyped number does not fill a disk.
const LARGEST: usize = 1 << 30;

impl Player<'_> {
    pub(super) fn unknown_update(&mut self) -> Flow {
        self.agent.update(
            self.session,
            &json!({"sessionUpdate": "scripted_unknown", "some": {"field": [1, "two"]}}),
        );
        Ok(())
    }

    pub(super) fn raw(&mut self, raw: &Raw) -> Flow {
        self.agent.wire.send_raw("raw", raw.line.as_bytes());
        Ok(())
    }

    pub(super) fn raw_hex(&mut self, raw: &RawHex) -> Flow {
        let bytes =
            from_hex(&raw.hex).ok_or_else(|| refuse("raw_hex: hex must be pairs of hexadecimal digits"))?;
        self.agent.wire.send_raw("raw_hex", &bytes);
        Ok(())
    }

    /// One line of exactly so many bytes, without its newline.
    pub(super) fn huge(&mut self, huge: &Huge) -> Flow {
        if huge.bytes > LARGEST {
            return Err(refuse(format!("huge: at most {LARGEST} bytes")));
        }
        if !huge.valid_json {
            self.agent.wire.send_huge("huge", b"", b'x', huge.bytes, b"");
            return Ok(());
        }
        let id = self.agent.item_id("msg");
        let message = chunk_of(&self.session.id, Some(&id), "").to_string();
        let (head, tail) = message.split_at(message.len() - r#""}}}}"#.len());
        let fill = huge.bytes.saturating_sub(message.len());
        self.agent.wire.send_huge("huge", head.as_bytes(), b'x', fill, tail.as_bytes());
        Ok(())
    }

    /// A chunk whose `_meta` is an array in an array, so many levels deep.
    pub(super) fn deep(&mut self, deep: &Deep) -> Flow {
        if deep.levels > LARGEST / 2 {
            return Err(refuse(format!("deep: at most {} levels", LARGEST / 2)));
        }
        let message = chunk_of(&self.session.id, None, "deep").to_string();
        let mut line = message.trim_end_matches('}').to_owned();
        let closing = message.len() - line.len();
        line.push_str(r#"},"_meta":"#);
        line.extend(std::iter::repeat_n('[', deep.levels));
        line.extend(std::iter::repeat_n(']', deep.levels));
        line.extend(std::iter::repeat_n('}', closing - 1));
        self.agent.wire.send_raw("deep", line.as_bytes());
        Ok(())
    }

    /// Responses to nothing, whose ids are of every JSON type.
    pub(super) fn odd_ids(&mut self) -> Flow {
        for id in [json!(null), json!(true), json!(1.5), json!(-7), json!(""), json!([1]), json!({"a": 1})] {
            self.agent.wire.send(&rpc::response(&id, &Ok(json!({}))));
        }
        let mut no_id = rpc::response(&Value::Null, &Ok(json!({})));
        if let Some(fields) = no_id.as_object_mut() {
            fields.shift_remove("id");
        }
        self.agent.wire.send(&no_id);
        Ok(())
    }
}

pub(super) fn refuse(why: impl Into<String>) -> Ending {
    Ending::Failed(RpcError::params(why))
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = hex
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    Some(pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}
