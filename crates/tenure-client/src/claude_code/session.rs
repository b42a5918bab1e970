//! The functions of the document. Each asks the daemon anew: nothing is kept but which session it is.

use tenure_api::{
    ConfigPatch, CreateSession, ErrorCode, ExecRequest, ExecResult, FileEntry, History, InputContent,
    Interrupt, McpServerConfig, McpServersSet, Page, QueueChoice, RewindPlan, RewindRequest, RewindScope,
    RewindTo, RewindToKind, SendInput, SetMcpServers, VerbRequest, VerbWait,
};
use tenure_event::{
    AccountInfo, AgentChoice, Capabilities, CommandInfo, McpServer, Message, ModelInfo, SessionId,
};

use super::health::{self, Health, Unhealthy};
use super::resume;
use crate::{Client, ClientError, HistoryFilter, MessageFilter, Turn};

/// The agent that is meant where none is named.
const AGENT: &str = "claude";
/// The largest page of a list.
const PAGE: u32 = 1000;

/// A session. Clones are the same one; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Session {
    client: Client,
    id: SessionId,
}

/// Which messages [`Session::get_messages`] gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageOptions {
    /// At most so many; all if none.
    pub limit: Option<usize>,
    /// So many are left out from the beginning.
    pub offset: u64,
}

/// Where the conversations of [`Session::list_sessions`] were held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProjectPath {
    /// In the session's directory.
    #[default]
    Own,
    /// In this directory.
    At(String),
    /// Anywhere.
    All,
}

/// Which conversations [`Session::list_sessions`] gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListOptions {
    /// Where they were held.
    pub project_path: ProjectPath,
    /// At most so many; all if none.
    pub limit: Option<usize>,
    /// Those of the repository's git worktrees, too; nothing to [`ProjectPath::All`].
    pub include_worktrees: bool,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self { project_path: ProjectPath::Own, limit: None, include_worktrees: true }
    }
}

impl Session {
    /// Starts a session (`start_link`). Without an agent it is `claude`; without a place to work it is this program's
    /// directory. A conversation to resume that a session of Tenure holds is that session; one that another program has had is
    /// adopted, and shows what was said in it.
    ///
    /// # Errors
    /// Those of [`Client::create`], [`Client::adopt`] and [`Client::resume`].
    pub async fn start(client: &Client, mut request: CreateSession) -> Result<Self, ClientError> {
        if request.agent.is_empty() {
            request.agent = AGENT.to_owned();
        }
        if request.cwd.is_none() && request.project.is_none() && request.workspace.is_none() {
            request.cwd = std::env::current_dir().ok().map(|dir| dir.display().to_string());
        }
        let resumes = request.resume.as_ref().is_some_and(|resume| !resume.fork);
        let made = match resume::adopt(client, &request).await {
            Ok(Some(id)) => Ok(id),
            Ok(None) => client.create(request).await.map(|made| made.session.id),
            Err(error) => Err(error),
        };
        match made {
            Ok(id) => Ok(Self::of(client, id)),
            Err(error) => {
                let id = resumes.then(|| holder(&error)).flatten().ok_or(error)?;
                client.resume(&id, VerbRequest::default()).await?;
                Ok(Self::of(client, id))
            }
        }
    }

    /// One that is there already. Asks for nothing.
    #[must_use]
    pub fn of(client: &Client, id: SessionId) -> Self {
        Self { client: client.clone(), id }
    }

    /// Tenure's own id of it, for all that is not in this module.
    #[must_use]
    pub fn tenure_id(&self) -> &SessionId {
        &self.id
    }

    /// Closes it: its process and all that it started end, what was said stays.
    ///
    /// # Errors
    /// Those of [`Client::close`].
    pub async fn stop(&self) -> Result<(), ClientError> {
        self.client.close(&self.id, VerbRequest::default()).await.map(drop)
    }

    /// Whether it is neither closed, failed nor destroyed, and a daemon answers.
    pub async fn alive(&self) -> bool {
        self.client.session(&self.id).await.is_ok_and(|session| health::is_alive(&session))
    }

    /// How it is. No daemon is [`Unhealthy::NotConnected`].
    pub async fn health(&self) -> Health {
        let session = self.client.session(&self.id).await;
        session.map_or(Health::Unhealthy(Unhealthy::NotConnected), |session| health::of(&session))
    }

    /// The agent's own id of the conversation; none before the first turn, and after [`Self::clear`].
    ///
    /// # Errors
    /// Those of any request.
    pub async fn session_id(&self) -> Result<Option<String>, ClientError> {
        let Some(native_id) = self.client.session(&self.id).await?.native_id else { return Ok(None) };
        // Some agents have an id before anything was said; here it names a conversation.
        let said = self.get_messages(MessageOptions { limit: Some(1), offset: 0 }).await?;
        Ok((!said.is_empty()).then_some(native_id))
    }

    /// Begins an empty conversation. What was said stays readable by its epoch.
    ///
    /// # Errors
    /// Those of [`Client::clear`].
    pub async fn clear(&self) -> Result<(), ClientError> {
        self.client.clear(&self.id, VerbRequest::default()).await.map(drop)
    }

    /// Says something and gives what its turn does; see [`super::TurnStream`] for what can be made of it.
    ///
    /// # Errors
    /// Those of [`Client::stream`].
    pub async fn stream(&self, prompt: impl Into<String>) -> Result<Turn, ClientError> {
        let input = InputContent::Plain(prompt.into());
        let (delivery, wait) = Default::default();
        let input = SendInput { input, id: None, delivery, wait, model: None, effort: None };
        self.client.stream(&self.id, input).await
    }

    /// Tells the agent to end its turn, and returns at once; what waits stays in the queue.
    ///
    /// # Errors
    /// Those of [`Client::interrupt`].
    pub async fn interrupt(&self) -> Result<(), ClientError> {
        let how = Interrupt { queue: QueueChoice::Keep, wait: VerbWait::Accepted };
        self.client.interrupt(&self.id, how).await.map(drop)
    }

    /// Runs a command where the session lives, which may be another machine.
    ///
    /// # Errors
    /// Those of [`Client::exec`].
    pub async fn execute(&self, command: &ExecRequest) -> Result<ExecResult, ClientError> {
        self.client.exec(&self.id, command).await
    }

    /// Reads a file where the session lives.
    ///
    /// # Errors
    /// Those of [`Client::read_file`].
    pub async fn read(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        let mut body = self.client.read_file(&self.id, path).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Lists a directory where the session lives: the first 1000 of it, by name.
    ///
    /// # Errors
    /// Those of [`Client::list_files`].
    pub async fn ls(&self, path: &str) -> Result<Vec<FileEntry>, ClientError> {
        Ok(self.client.list_files(&self.id, path, None, Some(PAGE)).await?.items)
    }

    /// What was said in the conversation, oldest first; nothing before the first turn and after [`Self::clear`].
    ///
    /// # Errors
    /// Those of [`Client::messages`].
    pub async fn get_messages(&self, options: MessageOptions) -> Result<Vec<Message>, ClientError> {
        let mut filter = MessageFilter { offset: Some(options.offset), ..MessageFilter::default() };
        let mut pages = Pages::new(options.limit);
        while let Some(size) = pages.size() {
            filter.limit = Some(size);
            let page = self.client.messages(&self.id, &filter).await?;
            // A place to begin counts once.
            (filter.cursor, filter.offset) = (pages.take(page), None);
        }
        Ok(pages.read)
    }

    /// Conversations of this agent, ours and those that were held without Tenure, newest first.
    ///
    /// # Errors
    /// Those of [`Client::history`].
    pub async fn list_sessions(&self, options: ListOptions) -> Result<Vec<History>, ClientError> {
        let session = self.client.session(&self.id).await?;
        let cwd = match options.project_path {
            ProjectPath::Own => Some(session.cwd),
            ProjectPath::At(path) => Some(path),
            ProjectPath::All => None,
        };
        let mut filter = HistoryFilter {
            agent: Some(session.agent),
            include_worktrees: cwd.is_some().then_some(options.include_worktrees),
            cwd,
            ..HistoryFilter::default()
        };
        let mut pages = Pages::new(options.limit);
        while let Some(size) = pages.size() {
            filter.limit = Some(size);
            filter.cursor = pages.take(self.client.history(&filter).await?);
        }
        Ok(pages.read)
    }

    /// Takes files back to how they were when a message of the user was said; with `dry_run` only tells what that
    /// would change. The message is named by our id or the agent's own.
    ///
    /// # Errors
    /// Those of [`Client::rewind`].
    pub async fn rewind_files(&self, message: &str, dry_run: bool) -> Result<RewindPlan, ClientError> {
        let to = RewindTo::Kind(RewindToKind::Message(message.to_owned()));
        let request = RewindRequest { to, scope: RewindScope::Files, dry_run, force: false };
        self.client.rewind(&self.id, &request).await
    }

    /// Changes the model, from the next turn on.
    ///
    /// # Errors
    /// Those of [`Client::configure`].
    pub async fn set_model(&self, model: &str) -> Result<(), ClientError> {
        let patch = ConfigPatch { model: Some(model.to_owned()), ..ConfigPatch::default() };
        self.client.configure(&self.id, &patch).await.map(drop)
    }

    /// Changes the permission mode: `default`, `acceptEdits`, `plan`, `bypassPermissions`, …
    ///
    /// # Errors
    /// Those of [`Client::configure`]; `forbidden` for one that asks nobody, unless it was allowed at the start.
    pub async fn set_permission_mode(&self, mode: &str) -> Result<(), ClientError> {
        let patch = ConfigPatch { mode: Some(mode.to_owned()), ..ConfigPatch::default() };
        self.client.configure(&self.id, &patch).await.map(drop)
    }

    /// Stops one background task; the turn goes on.
    ///
    /// # Errors
    /// Those of [`Client::stop_task`].
    pub async fn stop_task(&self, task: &str) -> Result<(), ClientError> {
        self.client.stop_task(&self.id, task).await.map(drop)
    }

    /// How the tool servers stand.
    ///
    /// # Errors
    /// Those of [`Client::mcp_servers`].
    pub async fn mcp_status(&self) -> Result<Vec<McpServer>, ClientError> {
        self.client.mcp_servers(&self.id).await
    }

    /// Connects to a tool server again.
    ///
    /// # Errors
    /// Those of [`Client::mcp_reconnect`].
    pub async fn mcp_reconnect(&self, name: &str) -> Result<(), ClientError> {
        self.client.mcp_reconnect(&self.id, name).await.map(drop)
    }

    /// Uses a tool server, or uses it no more.
    ///
    /// # Errors
    /// Those of [`Client::mcp_enable`].
    pub async fn mcp_toggle(&self, name: &str, enabled: bool) -> Result<(), ClientError> {
        let done = if enabled {
            self.client.mcp_enable(&self.id, name).await
        } else {
            self.client.mcp_disable(&self.id, name).await
        };
        done.map(drop)
    }

    /// Replaces the tool servers that this function has set; those of the start stay.
    ///
    /// # Errors
    /// Those of [`Client::set_mcp_servers`].
    pub async fn set_mcp_servers(&self, servers: Vec<McpServerConfig>) -> Result<McpServersSet, ClientError> {
        let set = SetMcpServers { mcp_servers: servers, ..SetMcpServers::default() };
        self.client.set_mcp_servers(&self.id, &set).await
    }

    /// What the agent told of itself at its handshake; none before. Its own words are in `handshake`.
    ///
    /// # Errors
    /// Those of [`Client::capabilities`].
    pub async fn server_info(&self) -> Result<Option<Capabilities>, ClientError> {
        self.client.capabilities(&self.id).await
    }

    /// Who is logged in; none before the handshake, or where the agent does not tell.
    ///
    /// # Errors
    /// Those of [`Client::capabilities`].
    pub async fn account_info(&self) -> Result<Option<AccountInfo>, ClientError> {
        Ok(self.server_info().await?.and_then(|told| told.account))
    }

    /// Commands that the agent has; none before the handshake.
    ///
    /// # Errors
    /// Those of [`Client::capabilities`].
    pub async fn supported_commands(&self) -> Result<Vec<CommandInfo>, ClientError> {
        Ok(self.server_info().await?.map(|told| told.commands).unwrap_or_default())
    }

    /// Models to choose from; none before the handshake.
    ///
    /// # Errors
    /// Those of [`Client::capabilities`].
    pub async fn supported_models(&self) -> Result<Vec<ModelInfo>, ClientError> {
        Ok(self.server_info().await?.map(|told| told.models).unwrap_or_default())
    }

    /// Subagents that the agent has; none before the handshake.
    ///
    /// # Errors
    /// Those of [`Client::capabilities`].
    pub async fn supported_agents(&self) -> Result<Vec<AgentChoice>, ClientError> {
        Ok(self.server_info().await?.map(|told| told.agents).unwrap_or_default())
    }
}

/// What was read of a list, page after page, to its end or to so many items.
struct Pages<T> {
    read: Vec<T>,
    most: usize,
    ended: bool,
}

impl<T> Pages<T> {
    fn new(limit: Option<usize>) -> Self {
        Self { read: Vec::new(), most: limit.unwrap_or(usize::MAX), ended: false }
    }

    /// How large the next page is to be; none if enough was read.
    fn size(&self) -> Option<u32> {
        let left = self.most.saturating_sub(self.read.len());
        (left > 0 && !self.ended).then(|| u32::try_from(left).unwrap_or(PAGE).min(PAGE))
    }

    /// Takes a page, and tells where the next one begins.
    fn take(&mut self, page: Page<T>) -> Option<String> {
        self.read.extend(page.items);
        self.ended = page.next.is_none();
        page.next
    }
}

/// The session that holds a conversation which was to be resumed.
fn holder(error: &ClientError) -> Option<SessionId> {
    let ClientError::Problem(problem) = error else { return None };
    if problem.code != ErrorCode::Conflict {
        return None;
    }
    problem.session_id.as_ref()?.parse().ok()
}
