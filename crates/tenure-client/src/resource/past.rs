//! The past: conversations of every agent on the machine, what was said in them, what they used.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use tenure_api::{
    AdoptConversation, CreateProject, Created, History, IndexState, Page, Project, SearchReply, UsageReply,
};
use tenure_event::{Message, SessionId};

use crate::ClientError;
use crate::client::{Call, Client};

/// Which conversations are listed. Values of one field are as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct HistoryFilter {
    pub project: Option<String>,
    pub cwd: Option<String>,
    pub include_worktrees: Option<bool>,
    pub agent: Option<String>,
    pub branch: Option<String>,
    pub q: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
    /// `false` or `any`.
    pub archived: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
    pub offset: Option<u32>,
}

/// What is searched for. Values of one field are as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct SearchFilter {
    pub q: Option<String>,
    pub role: Option<String>,
    pub tool: Option<String>,
    pub file: Option<String>,
    pub agent: Option<String>,
    pub native_id: Option<String>,
    pub project: Option<String>,
    pub cwd: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
    /// `newest` or `rank`.
    pub order: Option<String>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

/// What is counted. Values of one field are as on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct UsageFilter {
    /// `day`, `model`, `project`, `agent` or `session`.
    pub by: Option<String>,
    pub agent: Option<String>,
    pub project: Option<String>,
    pub cwd: Option<String>,
    pub model: Option<String>,
    pub since: Option<String>,
    pub until: Option<String>,
    pub utc_offset_minutes: Option<i32>,
}

impl Client {
    /// A page of conversations, newest first.
    ///
    /// # Errors
    /// `invalid`, `not_found` for a project, and those of any request.
    pub async fn history(&self, f: &HistoryFilter) -> Result<Page<History>, ClientError> {
        let call = Call::get("/v1/history")
            .query_opt("project", f.project.as_ref())
            .query_opt("cwd", f.cwd.as_ref())
            .query_opt("include_worktrees", f.include_worktrees.as_ref())
            .query_opt("agent", f.agent.as_ref())
            .query_opt("branch", f.branch.as_ref())
            .query_opt("q", f.q.as_ref())
            .query_opt("since", f.since.as_ref())
            .query_opt("until", f.until.as_ref())
            .query_opt("archived", f.archived.as_ref())
            .query_opt("cursor", f.cursor.as_ref())
            .query_opt("limit", f.limit.as_ref())
            .query_opt("offset", f.offset.as_ref());
        self.call(call).await
    }

    /// One conversation, by its agent and the agent's own id of it.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn past(&self, agent: &str, native_id: &str) -> Result<History, ClientError> {
        self.call(Call::get(path(agent, native_id, ""))).await
    }

    /// Goes on in it: a new session. Without an id it gets one, so that a lost answer never makes two of it.
    ///
    /// # Errors
    /// `busy` while another process writes it, `conflict`, `unsupported`, `invalid`, and those of any request.
    pub async fn adopt(
        &self,
        agent: &str,
        native_id: &str,
        mut request: AdoptConversation,
    ) -> Result<Created, ClientError> {
        request.id.get_or_insert_with(|| SessionId::from_uuid(uuid::Uuid::now_v7()).to_string());
        self.call(Call::post(path(agent, native_id, "/adopt")).without_key().json(&request)?).await
    }

    /// A page of its messages, oldest first; `branch` is `current` or `all`. With a subagent, by the agent's id of it, what that said.
    ///
    /// # Errors
    /// `not_found`, `invalid`, and those of any request.
    pub async fn past_messages(
        &self,
        agent: &str,
        native_id: &str,
        branch: Option<&str>,
        subagent: Option<&str>,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<Message>, ClientError> {
        let call = Call::get(path(agent, native_id, "/messages"))
            .query_opt("branch", branch.as_ref())
            .query_opt("subagent", subagent.as_ref())
            .query_opt("cursor", cursor.as_ref())
            .query_opt("limit", limit.as_ref());
        self.call(call).await
    }

    /// A page of its messages with this one in its middle, named by its id or the agent's own: what a search found, and what was said
    /// around it.
    ///
    /// # Errors
    /// `not_found`, `invalid`, and those of any request.
    pub async fn past_messages_around(
        &self,
        agent: &str,
        native_id: &str,
        message: &str,
        branch: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<Message>, ClientError> {
        let call = Call::get(path(agent, native_id, "/messages"))
            .query("around", message)
            .query_opt("branch", branch.as_ref())
            .query_opt("limit", limit.as_ref());
        self.call(call).await
    }

    /// It as one text: `jsonl`, `acp`, `markdown` or `html`.
    ///
    /// # Errors
    /// `not_found`, `invalid`, and those of any request.
    pub async fn past_transcript(
        &self,
        agent: &str,
        native_id: &str,
        format: &str,
    ) -> Result<Vec<u8>, ClientError> {
        self.bytes(Call::get(path(agent, native_id, "/transcript")).query("format", format)).await
    }

    /// Finds words in what was said.
    ///
    /// # Errors
    /// `invalid`, `timeout`, and those of any request.
    pub async fn search(&self, f: &SearchFilter) -> Result<SearchReply, ClientError> {
        let call = Call::get("/v1/search")
            .query_opt("q", f.q.as_ref())
            .query_opt("role", f.role.as_ref())
            .query_opt("tool", f.tool.as_ref())
            .query_opt("file", f.file.as_ref())
            .query_opt("agent", f.agent.as_ref())
            .query_opt("native_id", f.native_id.as_ref())
            .query_opt("project", f.project.as_ref())
            .query_opt("cwd", f.cwd.as_ref())
            .query_opt("since", f.since.as_ref())
            .query_opt("until", f.until.as_ref())
            .query_opt("order", f.order.as_ref())
            .query_opt("cursor", f.cursor.as_ref())
            .query_opt("limit", f.limit.as_ref());
        self.call(call).await
    }

    /// Counts tokens and their cost.
    ///
    /// # Errors
    /// `invalid`, and those of any request.
    pub async fn usage(&self, f: &UsageFilter) -> Result<UsageReply, ClientError> {
        let call = Call::get("/v1/usage")
            .query_opt("by", f.by.as_ref())
            .query_opt("agent", f.agent.as_ref())
            .query_opt("project", f.project.as_ref())
            .query_opt("cwd", f.cwd.as_ref())
            .query_opt("model", f.model.as_ref())
            .query_opt("since", f.since.as_ref())
            .query_opt("until", f.until.as_ref())
            .query_opt("utc_offset_minutes", f.utc_offset_minutes.as_ref());
        self.call(call).await
    }

    /// How far the index of the past is.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn index(&self) -> Result<IndexState, ClientError> {
        self.call(Call::get("/v1/index")).await
    }

    /// The same, once it has read all that is there now, or the wait (at most a minute, to the millisecond) is over.
    ///
    /// # Errors
    /// `invalid` for a longer wait, and those of any request.
    pub async fn index_after(&self, wait: Duration) -> Result<IndexState, ClientError> {
        self.call(Call::get("/v1/index").query("wait_ms", wait.as_millis())).await
    }

    /// Reads all of the past again.
    ///
    /// # Errors
    /// `forbidden`, and those of any request.
    pub async fn index_rebuild(&self) -> Result<IndexState, ClientError> {
        self.call(Call::post("/v1/index/rebuild")).await
    }

    /// Names a directory. The same id and path again is the same project.
    ///
    /// # Errors
    /// `conflict` when the id names another directory, `invalid`, and those of any request.
    pub async fn register_project(&self, project: &CreateProject) -> Result<Project, ClientError> {
        self.call(Call::post("/v1/projects").json(project)?).await
    }

    /// Projects, oldest first.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn projects(&self) -> Result<Page<Project>, ClientError> {
        self.call(Call::get("/v1/projects")).await
    }
}

fn path(agent: &str, native_id: &str, below: &str) -> String {
    format!("/v1/history/{}/{}{below}", segment(agent), segment(native_id))
}

/// A text as one segment of a path. Agents choose their ids.
fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte == b'.' && text.len() > 2 {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_one_segment_whatever_it_is() {
        assert_eq!(path("claude", "6f6c-11", "/messages"), "/v1/history/claude/6f6c-11/messages");
        assert_eq!(segment("../a b/é"), "..%2Fa%20b%2F%C3%A9");
        assert_eq!(segment(".."), "%2E%2E");
    }
}
