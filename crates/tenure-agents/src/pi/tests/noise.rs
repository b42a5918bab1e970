//! Lines that the program would never write: nothing panics, nothing is fatal.

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Signal};

use super::Fed;

fn native(signals: &[Signal]) -> Option<&str> {
    match signals {
        [Signal::Native { kind, .. }] => Some(kind),
        _ => None,
    }
}

#[test]
fn what_is_no_frame_is_kept() {
    let mut fed = Fed::ready();
    for line in [&b"\xff\xfe"[..], b"{", b"[1]", b"42", b"null", b"\"x\""] {
        assert_eq!(native(&fed.line(line)), Some("malformed"));
    }
    assert!(fed.line(b"  \r").is_empty());
    for (frame, kind) in [
        (json!({}), "unknown"),
        (json!({"type": 7}), "unknown"),
        (json!({"type": "brand_new"}), "brand_new"),
        (json!({"type": "response"}), "response/unknown"),
        (json!({"type": "response", "id": "theirs", "command": "get_tree"}), "response/get_tree"),
        (json!({"type": "response", "id": 4, "command": "parse"}), "response/parse"),
        (json!({"type": "message_end"}), "message_end"),
        (json!({"type": "message_end", "message": {"role": "bashExecution"}}), "message/bashExecution"),
        (json!({"type": "tool_execution_start"}), "tool_execution_start"),
        (json!({"type": "tool_execution_end", "toolCallId": "nobody"}), "late"),
        (json!({"type": "extension_ui_request", "method": "confirm"}), "extension_ui/confirm"),
    ] {
        assert_eq!(native(&fed.frame(&frame)), Some(kind), "{frame}");
    }
}

/// An unknown wish of an extension might wait for ever: it is given back.
#[test]
fn an_unknown_wish_is_given_back() {
    let mut fed = Fed::ready();
    let told = fed.frame(json!({"type": "extension_ui_request", "id": "u", "method": "dance"}));
    let [Signal::Native { kind, .. }, Signal::Send(command)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(kind, "extension_ui/dance");
    let line = fed.codec.encode(9, command, &tenure_core::agent::EncodeContext::default()).unwrap();
    let line: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line, json!({"type": "extension_ui_response", "id": "u", "cancelled": true}));
}
