//! Tests of the codec: recordings of real agents, tables of rules, and properties.

mod properties;
mod recording;
mod recordings;
mod rules;
pub(crate) mod show;
mod wire;

use serde_json::{Value, json};
use tenure_core::agent::{Codec, Command, Decoded, EncodeContext, ResumeHow, Signal, StartRecord};
use tenure_event::{SessionId, Timestamp};

use super::AcpCodec;

/// A start record with nothing asked for.
fn record() -> StartRecord {
    StartRecord {
        session_id: SessionId::parse("ses_test").unwrap(),
        generation: 1,
        started_at: Timestamp::from_millis(1_795_000_000_000),
        cwd: "/home/dev/project".to_owned(),
        resume: ResumeHow::New,
        model: None,
        mode: None,
        effort: None,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        project_trusted: false,
        allow_bypass: false,
        preset: None,
        terminals: false,
    }
}

/// A codec and where its process's output has come to.
struct Talk {
    codec: AcpCodec,
    offset: u64,
}

impl Talk {
    fn new(record: StartRecord) -> Self {
        Self { codec: AcpCodec::new(record), offset: 0 }
    }

    /// A codec past the handshake, of conversation `s`.
    fn ready() -> Self {
        Self::ready_with(json!({"agentCapabilities": {}}), json!({}))
    }

    fn ready_with(greeting: Value, session: Value) -> Self {
        let mut talk = Self::new(record());
        talk.hears(json!({"id": 16, "result": greeting}));
        let mut session = session;
        session["sessionId"] = json!("s");
        let out = talk.hears(json!({"id": 33, "result": session}));
        assert!(matches!(out.last(), Some(Signal::Ready { .. })), "{out:?}");
        talk
    }

    fn hears(&mut self, line: Value) -> Decoded {
        self.hears_bytes(line.to_string().as_bytes())
    }

    fn hears_bytes(&mut self, line: &[u8]) -> Decoded {
        let out = self.codec.decode(self.offset, line);
        self.offset += line.len() as u64 + 1;
        out
    }

    fn update(&mut self, update: Value) -> Decoded {
        self.hears(json!({"method": "session/update", "params": {"sessionId": "s", "update": update}}))
    }

    fn says(&self, n: u64, command: &Command) -> Value {
        let bytes = self.codec.encode(n, command, &EncodeContext::default()).unwrap();
        one_line(&bytes)
    }
}

/// The message in what was written: exactly one line.
fn one_line(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).unwrap();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "{line}");
    serde_json::from_str(line).unwrap()
}
