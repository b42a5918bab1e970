//! Asks: the agent's requests to a person, as records.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{AskId, SessionId, Timestamp, TurnId};

/// What kind of answer an ask wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskKind {
    /// May this tool be used?
    Permission,
    /// One or more questions with choices.
    Question,
    /// Is this plan approved?
    Plan,
    /// A form to fill.
    Elicitation,
}

/// What an offered option means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum OptionKind {
    AllowOnce,
    AllowAlways,
    RejectOnce,
    RejectAlways,
    #[serde(other)]
    Other,
}

/// One option that the agent offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AskOption {
    /// The agent's id of it.
    pub id: String,
    /// A word for people.
    pub name: String,
    /// What it means.
    pub kind: OptionKind,
}

/// One choice of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionChoice {
    /// What is answered when it is taken.
    pub label: String,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// One question of an ask of kind `question`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// The question; also the key of its answer.
    pub question: String,
    /// A short heading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// What may be chosen; free text is allowed too.
    pub choices: Vec<QuestionChoice>,
    /// More than one may be chosen.
    #[serde(default)]
    pub multiple: bool,
}

/// Where an ask stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AskState {
    /// It can be answered.
    Open,
    /// It was answered.
    Resolved,
    /// Its deadline passed: denied.
    Expired,
    /// The agent no longer wants an answer.
    Withdrawn,
}

/// The answer to an ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Allow,
    /// No; the turn goes on.
    Deny,
    /// Neither: the request is given back unanswered, as far as the agent can.
    Cancel,
}

/// How far an answer reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This ask only.
    #[default]
    Once,
    /// Every like ask of this session; Tenure answers them itself.
    Session,
    /// The agent's own "always".
    Always,
}

/// A request of the agent to a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ask {
    /// Our id.
    pub id: AskId,
    /// The session that asks.
    pub session_id: SessionId,
    /// The turn that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
    /// What kind of answer is wanted.
    pub kind: AskKind,
    /// A line for people.
    pub title: String,
    /// The tool it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The agent's id of the tool call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_id: Option<String>,
    /// What the tool would be called with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// What the agent offers.
    #[serde(default)]
    pub options: Vec<AskOption>,
    /// For kind `question`: what is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<Question>,
    /// The path of subagents that led here, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it will be denied if nobody answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Where it stands.
    pub state: AskState,
    /// The decision, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// How far it reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}
