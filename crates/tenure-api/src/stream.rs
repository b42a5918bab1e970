//! What streams and pages of events carry, for the document: the bytes themselves are
//! sent as they are stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{Gseq, Seq, SessionId, Timestamp, TurnId};
use utoipa::ToSchema;

/// A stored event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventEnvelope {
    /// Whose.
    pub session_id: SessionId,
    /// 1, 2, 3, … per session.
    pub seq: Seq,
    /// Rises over the node.
    pub gseq: Gseq,
    /// When.
    pub ts: Timestamp,
    /// For example `turn.started`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The turn it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    /// By type.
    pub data: Value,
}

/// An event as a row of the Agent Client Protocol (`format=acp`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AcpRow {
    /// Whose.
    pub session_id: SessionId,
    /// The event it comes from; absent for what was never stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<Seq>,
    /// When.
    pub ts: Timestamp,
    /// `session/update`.
    pub method: String,
    /// The notification's parameters.
    pub params: Value,
}

/// An item of a page of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum EventItem {
    /// With `format=tenure`.
    Event(EventEnvelope),
    /// With `format=acp`.
    Acp(AcpRow),
}

/// A line of the agent's own output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RawItem {
    /// Where it begins in the process's output; pass as `after` to go on.
    pub offset: u64,
    /// The line, if it is UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Else its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// `GET …/raw`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RawPage {
    /// Whose lines they are: the session's n-th process. Offsets count in its output alone. 0: none has run.
    pub generation: u32,
    /// In order.
    pub items: Vec<RawItem>,
}
