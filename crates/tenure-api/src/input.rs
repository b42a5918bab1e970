//! Inputs, their receipts and results.

use serde::{Deserialize, Serialize};
use tenure_event::{
    Delivery, ErrorInfo, InputId, MessageId, Outcome, Part, PartBody, Seq, Timestamp, TurnId, Usage,
};
use utoipa::ToSchema;

/// What an input says: a JSON string, `{text}`, or `{parts: […]}`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum InputContent {
    /// Plain text.
    Plain(String),
    /// `{text}`.
    Text {
        /// The text.
        text: String,
    },
    /// `{parts: […]}`.
    Parts {
        /// The parts, in order.
        parts: Vec<InputPart>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputObject {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    parts: Option<Vec<InputPart>>,
}

// By hand, because an untagged enum would hide which field is wrong.
impl<'de> Deserialize<'de> for InputContent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = InputContent;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string, {text} or {parts: […]}")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<InputContent, E> {
                Ok(InputContent::Plain(text.to_owned()))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<InputContent, A::Error> {
                let o = InputObject::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                match (o.text, o.parts) {
                    (Some(text), None) => Ok(InputContent::Text { text }),
                    (None, Some(parts)) => Ok(InputContent::Parts { parts }),
                    _ => Err(serde::de::Error::custom("give exactly one of `text` and `parts`")),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// One part of an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum InputPart {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// An image.
    Image {
        /// Base64 of the bytes.
        data: String,
        /// For example `image/png`.
        mime_type: String,
    },
    /// A file's content, as text or base64.
    File {
        /// Its name or URI.
        uri: String,
        /// For example `text/plain`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
        /// Its text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// Base64 of its bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// A pointer to a resource.
    ResourceLink {
        /// Where it is.
        uri: String,
        /// Its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// For example `text/plain`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mime_type: Option<String>,
    },
}

impl InputContent {
    /// The parts, with ids that begin with `prefix`.
    #[must_use]
    pub fn into_parts(self, prefix: &str) -> Vec<Part> {
        let bodies = match self {
            Self::Plain(text) | Self::Text { text } => vec![PartBody::Text { text }],
            Self::Parts { parts } => parts.into_iter().map(InputPart::into_body).collect(),
        };
        let part = |(i, body)| Part { id: format!("{prefix}.{i}"), body, bytes: None, blob: None };
        bodies.into_iter().enumerate().map(part).collect()
    }

    /// Whether nothing is said: no part, or only blank text.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Plain(text) | Self::Text { text } => text.trim().is_empty(),
            Self::Parts { parts } => {
                parts.iter().all(|p| matches!(p, InputPart::Text { text } if text.trim().is_empty()))
            }
        }
    }
}

impl InputPart {
    fn into_body(self) -> PartBody {
        match self {
            Self::Text { text } => PartBody::Text { text },
            Self::Image { data, mime_type } => PartBody::Image { data, mime_type },
            Self::File { uri, mime_type, text, data } => PartBody::File { uri, mime_type, text, data },
            Self::ResourceLink { uri, name, mime_type } => PartBody::ResourceLink { uri, name, mime_type },
        }
    }
}

/// Until when a call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SendWait {
    /// Until it is stored.
    #[default]
    Accepted,
    /// Until a turn has taken it in.
    Started,
    /// Until that turn has ended.
    Finished,
}

/// `POST /v1/sessions/{id}/inputs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendInput {
    /// What it says.
    pub input: InputContent,
    /// The client's id; the same id again is the same input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How it is to reach the agent.
    #[serde(default)]
    pub delivery: Delivery,
    /// Until when the call waits.
    #[serde(default)]
    pub wait: SendWait,
    /// Set when its turn starts, and kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Set when its turn starts, and kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
}

/// An input was admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// The input.
    pub input_id: InputId,
    /// How it will reach the agent (a steer on an idle session is a plain input).
    pub delivery: Delivery,
    /// Its place in the queue at admission, from 0.
    pub position: u32,
    /// Its `input.admitted` event.
    pub seq: Seq,
    /// The turn that has taken it in already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
}

/// How a turn ended, whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnResult {
    /// The turn.
    pub turn_id: TurnId,
    /// The last message that the agent said in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// How it ended.
    pub outcome: Outcome,
    /// The agent's own word for why it stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_reason: Option<String>,
    /// With outcome `limit`: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// The text of the last message.
    pub text: String,
    /// All that the agent said and did in the turn.
    pub parts: Vec<Part>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What it cost in US dollars, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// With outcome `failed` or `crashed`: what went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorInfo>,
}

/// An input in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InputView {
    /// The input.
    pub input_id: InputId,
    /// How it was to reach the agent.
    pub delivery: Delivery,
    /// `queued`, `started`, `completed` or `cancelled`.
    pub state: String,
    /// What it says.
    pub parts: Vec<Part>,
    /// Its `input.admitted` event.
    pub seq: Seq,
    /// The turn that took it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    /// How many inputs came before it when it was admitted, as its receipt told.
    #[serde(default)]
    pub position: u32,
    /// When it was admitted.
    pub admitted_at: Timestamp,
}

/// Answer to an input: its receipt, or with `wait: finished` the result of its turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SendReply {
    /// The turn has ended.
    Result(Box<TurnResult>),
    /// It is stored, or a turn has taken it in.
    Receipt(Receipt),
}

/// `PATCH …/inputs/{input_id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditInput {
    /// What it says now.
    pub input: InputContent,
}
