//! Answering asks.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{Ask, Decision, Scope};
use utoipa::ToSchema;

/// `POST /v1/asks/{ask_id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerAsk {
    /// `allow`, `deny`, `cancel`. The aliases `once` and `always` mean allow with that scope, `reject` means deny.
    pub decision: String,
    /// How far it reaches: `once` (default), `session` or `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Goes to the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the tool is called with instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_input: Option<Value>,
    /// For questions: `{question: label | [labels]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<Value>,
    /// The agent's own option to take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option_id: Option<String>,
}

impl AnswerAsk {
    /// Decision and scope, aliases resolved; `None` when the word is none of them.
    #[must_use]
    pub fn decided(&self) -> Option<(Decision, Scope)> {
        let scope = self.scope.unwrap_or_default();
        match self.decision.as_str() {
            "allow" => Some((Decision::Allow, scope)),
            "once" => Some((Decision::Allow, Scope::Once)),
            "always" => Some((Decision::Allow, Scope::Always)),
            "deny" | "reject" => Some((Decision::Deny, scope)),
            "cancel" => Some((Decision::Cancel, Scope::Once)),
            _ => None,
        }
    }
}

/// Answer to an answer: the ask as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AskAnswered {
    /// The ask.
    #[serde(flatten)]
    pub ask: Ask,
}
