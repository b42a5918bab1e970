//! Tests of the codec: recordings of real agents, tables of rules, and properties.

mod properties;
mod recording;
mod recordings;
mod rules;
mod wire;

use serde_json::{Value, json};
use tenure_core::agent::{Decoded, Signal, StartRecord};

use super::AcpCodec;
use crate::catalog::Protocol;
use crate::laws::{Fed, Stream, Subject, laws, start_record};
use recording::Recording;

/// A start record with nothing asked for.
fn record() -> StartRecord {
    StartRecord { project_trusted: false, ..start_record() }
}

type Talk = Fed<AcpCodec>;

impl Talk {
    /// A codec past the handshake, of conversation `s`.
    fn ready() -> Self {
        Self::ready_with(json!({"agentCapabilities": {}}), json!({}))
    }

    fn ready_with(greeting: Value, session: Value) -> Self {
        let mut talk = Self::new(record());
        talk.frame(json!({"id": 16, "result": greeting}));
        let mut session = session;
        session["sessionId"] = json!("s");
        let out = talk.frame(json!({"id": 33, "result": session}));
        assert!(matches!(out.last(), Some(Signal::Ready { .. })), "{out:?}");
        talk
    }

    fn update(&mut self, update: Value) -> Decoded {
        self.frame(json!({"method": "session/update", "params": {"sessionId": "s", "update": update}}))
    }
}

impl Subject for AcpCodec {
    const PROTOCOL: Protocol = Protocol::Acp;
    const STREAMED: usize = 60;

    fn begin(record: StartRecord) -> Self {
        Self::new(record)
    }

    fn record(&self) -> &StartRecord {
        &self.record
    }

    /// Goose names a tool call anew when its turn is over.
    fn comes_late(update: &Value) -> bool {
        update["sessionUpdate"] == "tool_call_update" && update["_meta"]["goose"].is_object()
    }

    fn streams() -> Vec<Stream> {
        Recording::names().iter().map(|name| Recording::read(name).stream()).collect()
    }
}

laws!(AcpCodec);
