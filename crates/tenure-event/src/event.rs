//! The envelope around an event's data.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Gseq, Kind, Seq, SessionId, Timestamp, TurnId};

/// An event that has no number yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// When it happened.
    pub ts: Timestamp,
    /// The turn it belongs to.
    pub turn_id: Option<TurnId>,
    /// What happened.
    pub kind: Kind,
}

/// A numbered event as it is stored and sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Whose.
    pub session_id: SessionId,
    /// Position in the session.
    pub seq: Seq,
    /// Position in the node.
    pub gseq: Gseq,
    /// When it happened.
    pub ts: Timestamp,
    /// The turn it belongs to.
    pub turn_id: Option<TurnId>,
    /// What happened.
    pub kind: Kind,
}

/// The envelope without its data, for those who need no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHead {
    /// Whose.
    pub session_id: SessionId,
    /// Position in the session.
    pub seq: Seq,
    /// Position in the node.
    pub gseq: Gseq,
    /// When it happened.
    pub ts: Timestamp,
    /// The name of its kind.
    #[serde(rename = "type")]
    pub name: String,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    session_id: &'a SessionId,
    seq: Seq,
    gseq: Gseq,
    ts: Timestamp,
    #[serde(rename = "type")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<&'a TurnId>,
    data: &'a RawValue,
}

#[derive(Deserialize)]
struct EnvelopeIn {
    session_id: SessionId,
    seq: Seq,
    gseq: Gseq,
    ts: Timestamp,
    #[serde(rename = "type")]
    name: String,
    #[serde(default)]
    turn_id: Option<TurnId>,
    data: Box<RawValue>,
}

impl NewEvent {
    /// Writes the envelope with the numbers it was given: these bytes are stored and sent.
    ///
    /// # Errors
    /// Only if a value cannot be written as JSON, which no data of ours is.
    pub fn render(&self, session_id: &SessionId, seq: Seq, gseq: Gseq) -> Result<String, serde_json::Error> {
        let data = RawValue::from_string(self.kind.data_json()?)?;
        serde_json::to_string(&EnvelopeOut {
            session_id,
            seq,
            gseq,
            ts: self.ts,
            name: self.kind.name(),
            turn_id: self.turn_id.as_ref(),
            data: &data,
        })
    }
}

impl Event {
    /// Reads stored bytes back. Unknown kinds are kept as [`Kind::Unknown`].
    ///
    /// # Errors
    /// When the text is no envelope.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let e: EnvelopeIn = serde_json::from_str(text)?;
        let kind = Kind::read(&e.name, e.data.get());
        Ok(Self { session_id: e.session_id, seq: e.seq, gseq: e.gseq, ts: e.ts, turn_id: e.turn_id, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{WarningRaised, payload};

    fn new_event(kind: Kind) -> NewEvent {
        NewEvent { ts: Timestamp::from_millis(1_795_139_670_306), turn_id: None, kind }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let kind = Kind::WarningRaised(WarningRaised { code: "disk".into(), message: "nearly full".into() });
        let id = SessionId::parse("s1").expect("valid");
        let text = new_event(kind.clone()).render(&id, Seq(3), Gseq(9)).expect("renders");
        assert_eq!(
            text,
            r#"{"session_id":"s1","seq":3,"gseq":9,"ts":"2026-11-20T01:54:30.306Z","type":"warning.raised","data":{"code":"disk","message":"nearly full"}}"#
        );
        let event = Event::parse(&text).expect("parses");
        assert_eq!((event.seq, event.gseq, event.kind), (Seq(3), Gseq(9), kind));
    }

    #[test]
    fn an_unknown_kind_is_kept_whole() {
        let text = r#"{"session_id":"s1","seq":1,"gseq":1,"ts":"2026-11-20T01:54:30.306Z","type":"moon.rose","data":{"full":true}}"#;
        let event = Event::parse(text).expect("parses");
        assert_eq!(event.kind.name(), "moon.rose");
        assert_eq!(event.kind.data_json().ok().as_deref(), Some(r#"{"full":true}"#));
    }

    #[test]
    fn data_that_does_not_fit_its_kind_is_kept_whole() {
        let kind = Kind::read("input.cancelled", r#"{"input_id":7}"#);
        assert!(matches!(kind, Kind::Unknown { .. }));
        let ok = Kind::read("input.cancelled", r#"{"input_id":"i1","reason":"request","later_field":1}"#);
        assert!(matches!(ok, Kind::InputCancelled(payload::InputCancelled { .. })));
    }
}
