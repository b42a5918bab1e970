//! Lines and updates that have no meaning here: handed on as they are.

use serde_json::Value;
use tenure_core::agent::LineMark;
use tenure_core::agent::Signal;

/// A line of this kind, with what it says. Kinds that agents make up are cut to a length.
pub(super) fn native(kind: &str, value: Value) -> Signal {
    Signal::Native {
        kind: crate::json::clip(kind, 64).to_owned(),
        value: Some(value),
        at: LineMark::default(),
    }
}
