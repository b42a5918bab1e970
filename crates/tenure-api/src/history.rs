//! The past: conversations that agents keep on disk and those of our sessions, what was said in them, what they used.

use serde::{Deserialize, Serialize};
use tenure_event::{SessionId, Timestamp, Usage};
use utoipa::ToSchema;

use crate::ProjectRef;

/// A conversation, ours or another tool's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The agent that held it.
    pub agent: String,
    /// The agent's own id of it; of a session whose agent keeps nothing that is read here, the session's id.
    pub native_id: String,
    /// The session here that holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// The project that its directory belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectRef>,
    /// The directory it worked in, as its records say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// A line for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A title that a person or the agent gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_title: Option<String>,
    /// What was asked first, short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_input: Option<String>,
    /// The branch it was last on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Put away.
    #[serde(default)]
    pub archived: bool,
    /// The model that spoke last, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The conversation whose beginning it shares, by its native id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<String>,
    /// Subagents with records of their own.
    #[serde(default)]
    pub subagents: usize,
    /// Size of what holds it, in bytes.
    pub size_bytes: u64,
    /// Its first record's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// How far the index of the past is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct IndexState {
    /// False where the configuration turns it off.
    pub enabled: bool,
    /// It is reading now.
    pub busy: bool,
    /// Something changed that may not be listed or found yet: a look at it is due or under way.
    #[serde(default)]
    pub pending: bool,
    /// Conversations that are listed.
    pub conversations: u64,
    /// Of them, those of which everything can be searched.
    pub read: u64,
    /// When the last look at everything ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looked_at: Option<Timestamp>,
    /// What is left out of lists and searches: the path, and why. It stays as long as that cannot be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<HistoryWarning>,
}

/// Something of the past that could not be read. Everything else was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryWarning {
    /// The file or directory.
    pub path: String,
    /// Where in it, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// In a word: `unreadable`, `link`, `not_a_file`, `malformed`, `torn`, `oversized`, `shrunk`, `clock`, `layout`.
    pub kind: String,
    /// For people.
    pub detail: String,
}

/// A found word, by characters of the snippet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnippetMark {
    /// Where it begins.
    pub start: usize,
    /// How long it is.
    pub length: usize,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The conversation.
    pub conversation: History,
    /// The message, as `messages` of the conversation has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The tool call that it is, or whose result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_id: Option<String>,
    /// The subagent that said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent: Option<String>,
    /// `user`, `assistant`, `system`, or `tool` for what a tool gave.
    pub role: String,
    /// When it was said.
    pub ts: Timestamp,
    /// The words around, on one line.
    pub snippet: String,
    /// The found words in it.
    pub marks: Vec<SnippetMark>,
}

/// `GET /v1/search`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchReply {
    /// In the order that was asked for.
    pub items: Vec<SearchHit>,
    /// Pass it as `cursor` for more; null at the end.
    pub next: Option<String>,
    /// How far the index is: while it still reads, there may be more to find.
    pub index: IndexState,
}

/// One row of a count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageItem {
    /// The day (`2026-11-20`), model, agent, project's id, or `AGENT/NATIVE_ID`; null for what has none.
    pub key: Option<String>,
    /// Calls of a model.
    pub calls: u64,
    /// Tokens, and the cost where all of it is known.
    pub usage: Usage,
    /// What is known of the cost, in US dollars.
    pub known_cost_usd: f64,
    /// Models whose price is not known. While there is one, the whole cost is not known either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unpriced_models: Vec<String>,
}

/// `GET /v1/usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageReply {
    /// Days oldest first; all others by tokens.
    pub items: Vec<UsageItem>,
    /// Their sum.
    pub total: UsageItem,
    /// The day of the price table by which costs are estimated where the agent told none.
    pub prices_date: String,
    /// How far the index is.
    pub index: IndexState,
}
