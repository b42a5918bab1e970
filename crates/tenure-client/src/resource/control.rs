//! Settings, counts, tasks, and verbs that the agent itself carries out.

use tenure_api::{
    Compact, ConfigPatch, Metrics, Page, Receipt, RunCommand, SendReply, SendWait, SessionConfig, TaskDetail,
    TaskView, VerbReply, VerbRequest,
};
use tenure_event::{SessionId, Todo};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Model, mode, effort and permissions in force.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn config(&self, session: &SessionId) -> Result<SessionConfig, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{session}/config"))).await
    }

    /// Changes what is given; answers when the agent has.
    ///
    /// # Errors
    /// `not_found`, `unsupported`, `forbidden`, the agent's own refusal, and those of any request.
    pub async fn configure(
        &self,
        session: &SessionId,
        patch: &ConfigPatch,
    ) -> Result<SessionConfig, ClientError> {
        self.call(Call::patch(format!("/v1/sessions/{session}/config")).json(patch)?).await
    }

    /// Counts, tokens and cost.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn metrics(&self, session: &SessionId) -> Result<Metrics, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{session}/metrics"))).await
    }

    /// Things to do, as the agent told them last.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn todos(&self, session: &SessionId) -> Result<Page<Todo>, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{session}/todos"))).await
    }

    /// Tasks, newest first.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn tasks(&self, session: &SessionId) -> Result<Page<TaskView>, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{session}/tasks"))).await
    }

    /// One task, with the end of what it wrote: its last so many bytes (65536 if none, at most 1048576).
    ///
    /// # Errors
    /// `not_found`, `unsupported`, and those of any request.
    pub async fn task(
        &self,
        session: &SessionId,
        task_id: &str,
        bytes: Option<u64>,
    ) -> Result<TaskDetail, ClientError> {
        let task: String = url_segment(task_id);
        let call = Call::get(format!("/v1/sessions/{session}/tasks/{task}"));
        self.call(call.query_opt("bytes", bytes.as_ref())).await
    }

    /// Ends one task.
    ///
    /// # Errors
    /// `not_found`, `unsupported`, and those of any request.
    pub async fn stop_task(&self, session: &SessionId, task_id: &str) -> Result<VerbReply, ClientError> {
        let task: String = url_segment(task_id);
        let path = format!("/v1/sessions/{session}/tasks/{task}/stop");
        self.call(Call::post(path).json(&VerbRequest::default())?).await
    }

    /// Sums up the conversation.
    ///
    /// # Errors
    /// `not_found`, `unsupported`, `busy`, and those of any request.
    pub async fn compact(&self, session: &SessionId, how: &Compact) -> Result<VerbReply, ClientError> {
        self.call(Call::post(format!("/v1/sessions/{session}/compact")).json(how)?).await
    }

    /// Begins an empty conversation.
    ///
    /// # Errors
    /// `not_found`, `busy`, and those of any request.
    pub async fn clear(&self, session: &SessionId, how: VerbRequest) -> Result<VerbReply, ClientError> {
        self.call(Call::post(format!("/v1/sessions/{session}/clear")).json(&how)?).await
    }

    /// Runs a command of the agent's, and waits for its result.
    ///
    /// # Errors
    /// `not_found` for an unknown command, and those of any request.
    pub async fn run_command(
        &self,
        session: &SessionId,
        name: &str,
        mut how: RunCommand,
    ) -> Result<SendReply, ClientError> {
        how.wait = SendWait::Finished;
        self.call(command(session, name, &how)?).await
    }

    /// Runs a command of the agent's, as an input that is followed like any other.
    ///
    /// # Errors
    /// As [`Self::run_command`].
    pub async fn start_command(
        &self,
        session: &SessionId,
        name: &str,
        mut how: RunCommand,
    ) -> Result<Receipt, ClientError> {
        how.wait = SendWait::Accepted;
        self.call(command(session, name, &how)?).await
    }
}

fn command(session: &SessionId, name: &str, how: &RunCommand) -> Result<Call, ClientError> {
    Call::post(format!("/v1/sessions/{session}/commands/{}", url_segment(name))).json(how)
}

/// A text as one segment of a path.
pub(super) fn url_segment(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let one = |b: u8| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(one).collect()
}
