//! Forking: a new session that begins with what was said in another one.
//!
//! The new session's own first process asks its agent for the copy, by the native id of the other conversation and the
//! last turn that is shared; so the other session is neither stopped nor spoken to, and may be in the middle of a turn. All
//! that is checked is checked before anything is written; then the new session is born in one change of the log, with the
//! messages that are shared, and sees to it that the other one records the fork (`owner::fork`).

pub(super) mod copy;
pub(super) mod past;

use std::path::PathBuf;

use tenure_agents::catalog::{Protocol, known_supports};
use tenure_api::{CreateSession, ErrorCode, ForkFiles, ForkSession, Permissions, Problem, WorktreeChoice};
use tenure_core::agent::{Fork, Point};
use tenure_core::machine::{McpServers, Spec, State};
use tenure_core::projection::Span;
use tenure_crash_point::crash_point;
use tenure_event::{MessageCompleted, Parent, SessionId, Support};
use tenure_log::EventLog;

pub(super) use copy::Copied;

use super::birth::{Claimed, Newborn, Wish, hash_of_json};
use super::create::check_request;
use super::place::{Newcomer, Spot, directory};
use super::{CreateOutcome, IdempotencyKey, Node};
use crate::owner::{Private, TOOLS, off_thread, session_dir};
use crate::story::{self, Cut, NoCut, Story};
use crate::{clock, problem};

/// What of the other session's conversation is shared.
struct Shareable {
    cut: Cut,
    fork: Fork,
    /// What does not count of it any more.
    taken_back: Vec<Span>,
}

/// What the new session has of the other one.
struct Settings {
    create: CreateSession,
    /// But for its place.
    spec: Spec,
    private: Private,
    past: Vec<MessageCompleted>,
    servers: McpServers,
}

impl Node {
    /// Forks a session. The same id with the same request again is the same session.
    ///
    /// # Errors
    /// `unsupported` where the agent has no way to share a conversation, or not at this point; `conflict` where there is
    /// nothing to share; and what [`Node::create`] refuses.
    pub async fn fork(
        &self,
        parent: &SessionId,
        request: ForkSession,
        key: Option<IdempotencyKey>,
    ) -> Result<CreateOutcome, Problem> {
        let plain = ForkSession { wait: tenure_api::CreateWait::default(), ..request.clone() };
        let hash = hash_of_json(&(parent, plain));
        let wish = Wish::new(request.id.as_deref(), hash, request.input.is_some(), key)?;
        if let Some(known) = self.made_before(&wish).await? {
            return Ok(known);
        }
        let state = self.state_of(parent).await?;
        let Shareable { cut, fork, taken_back } = self.shared_part(&state, &request).await?;
        let create = like(&state, request.clone());
        let agent = self.agent_of(&create)?;
        check_request(&create, &agent)?;
        let past = past::read(&self.shared.log, parent, state.epoch, taken_back, cut.seq).await?;
        let private = self.private_like(&state, &wish).await?;
        let spot = match request.files {
            ForkFiles::Shared => directory(&state.spec.cwd, "files").await?,
            ForkFiles::Copy => Spot::Copy(Box::new(self.copy_of(&state).await?)),
            ForkFiles::Worktree => {
                let choice =
                    WorktreeChoice { repo: state.spec.cwd_canonical.clone(), ..WorktreeChoice::default() };
                let turn = Some(self.shared.worktrees.of_session(&wish.id).await);
                let newcomer = Newcomer { session: &wish.id, agent: &agent, private: &private, turn };
                let made = self.new_worktree(&choice, newcomer).await;
                made.map_err(|e| Problem { field: Some("files".into()), ..e })?
            }
        };
        let parent =
            Parent { session_id: parent.clone(), seq: cut.seq, messages_left_out: past.told_left_out() };
        let spec = Spec { parent: Some(parent), fork: Some(fork), ..state.spec };
        let settings = Settings { create, spec, private, past: past.messages, servers: state.servers };
        let made = self.fork_to(wish, settings, &spot).await;
        crash_point!("fork.born");
        if let Spot::Copy(copied) = spot {
            copied.settle(&self.shared.log).await;
        }
        made
    }

    async fn fork_to(&self, wish: Wish, settings: Settings, spot: &Spot) -> Result<CreateOutcome, Problem> {
        let claim = match self.claim(wish).await? {
            Claimed::Known(known) => return Ok(known),
            Claimed::Ours(claim) => claim,
        };
        let place = self.place(spot).await?;
        let Settings { create: request, spec, private, past, servers } = settings;
        let spec = Spec {
            id: claim.id().clone(),
            cwd: place.given.clone(),
            cwd_canonical: place.canonical.clone(),
            workspace_id: place.workspace.id.clone(),
            workspace_kind: place.workspace.kind.clone(),
            project_id: place.project.id.clone(),
            project_path: place.project.path.clone(),
            native_id_chosen: None,
            resumes: None,
            node: self.shared.name.clone(),
            ..spec
        };
        self.bear(claim, Newborn { request, spec, private, past, servers, place }).await
    }

    /// What is private of the other session, for the new one: tool servers of Tenure's own act for their session alone.
    async fn private_like(&self, state: &State, wish: &Wish) -> Result<Private, Problem> {
        let dir = session_dir(&self.shared.home, &state.spec.id);
        let read = off_thread(move || Private::read(&dir)).await;
        let mut private = read.map_err(|e| {
            let what = format!("the session's private file cannot be read, so it cannot be forked: {e}");
            Problem::new(ErrorCode::Storage, what).about(&state.spec.id)
        })?;
        private.create_hash.clone_from(&wish.hash);
        private.mcp_sets.retain(|number, _| *number == state.servers.set);
        if private.tools_token().is_some() {
            private.mcp_servers.retain(|server| server.name != TOOLS);
            self.offer_tools(&wish.id, &mut private)?;
        }
        Ok(private)
    }

    /// What is shared, and how the agent is asked for it.
    async fn shared_part(&self, state: &State, request: &ForkSession) -> Result<Shareable, Problem> {
        let (agent, id) = (&state.spec.agent, &state.spec.id);
        let protocol = self.shared.agent_or_none(agent).protocol;
        let why_not = |verb: &str| self.why_not(state, verb);
        if let Some(why) = why_not("fork") {
            return Err(Problem::unsupported(agent, "fork", &why).about(id));
        }
        if let Some(why) = why_not("fork_elsewhere").filter(|_| request.files != ForkFiles::Shared) {
            return Err(Problem {
                field: Some("files".into()),
                ..Problem::unsupported(agent, "fork_elsewhere", &why).about(id)
            });
        }
        let story = Story::read(&self.shared.log, id).await?;
        let cut = match &request.at {
            Some(at) => story.cut(at),
            None => story.head(),
        };
        let cut = cut.map_err(|no| match (no, &request.at) {
            (NoCut::Unknown, Some(at)) => story::unknown(id, "at", at),
            (NoCut::Within(why), _) => Problem::unsupported(agent, "fork_at", &why).about(id),
            (NoCut::Not(why), _) => Problem::new(ErrorCode::Conflict, why).about(id),
            (NoCut::Unknown, None) => problem::internal("the head of a conversation is unknown"),
        })?;
        if !cut.keeps {
            let what = "nothing was said before it, so there is nothing to share; create a session instead";
            return Err(Problem::new(ErrorCode::Conflict, what).about(id));
        }
        let point = match why_not("fork_at") {
            None if !cut.kept.is_empty() => Some(Point { kept: cut.kept.clone() }),
            _ if cut.is_head => None,
            None => {
                let why = "the agent gave no name to anything that was said there";
                return Err(Problem::unsupported(agent, "fork_at", why).about(id));
            }
            Some(why) => return Err(Problem::unsupported(agent, "fork_at", &why).about(id)),
        };
        let from = match &state.spec.fork {
            // It has said nothing of its own yet, and its agent may have kept nothing of it.
            Some(fork) if story.turns.is_empty() => fork.from.clone(),
            _ => state.native_to_fork()?,
        };
        let takes_id = matches!(protocol, Protocol::Claude | Protocol::Pi);
        let fork = Fork { from, point, chosen: takes_id.then(|| clock::new_v4().to_string()) };
        Ok(Shareable { cut, fork, taken_back: story.taken_back })
    }

    /// Why a session's agent cannot do something, as far as that is known.
    pub(super) fn why_not(&self, state: &State, verb: &str) -> Option<String> {
        let known = known_supports(self.shared.agent_or_none(&state.spec.agent).protocol);
        match state.supports.get(verb).or_else(|| known.get(verb)) {
            Some(Support::Yes(true)) => None,
            Some(Support::No(why)) => Some(why.clone()),
            _ if state.supports.is_empty() => Some("its handshake has not told yet".to_owned()),
            _ => Some("the agent has no way for it".to_owned()),
        }
    }

    async fn copy_of(&self, state: &State) -> Result<Copied, Problem> {
        let projects = self.shared.log.projects().await.map_err(|e| problem::from_log(&e))?;
        let project = projects.into_iter().find(|project| project.id == state.spec.project_id);
        let project = project.ok_or_else(|| problem::internal("a session's project is unknown"))?;
        let from = PathBuf::from(&state.spec.cwd_canonical);
        Copied::make(&self.shared.home, from, project).await.map_err(|e| e.about(&state.spec.id))
    }
}

/// The request that would create a session like this one.
fn like(state: &State, request: ForkSession) -> CreateSession {
    let title = request.title.or_else(|| state.title.as_ref().map(|title| format!("{title} (fork)")));
    CreateSession {
        agent: state.spec.agent.clone(),
        title,
        tags: request.tags.unwrap_or_else(|| state.tags.clone()),
        metadata: request.metadata.unwrap_or_else(|| state.metadata.clone()),
        input: request.input,
        start: request.start,
        model: request.model.or_else(|| state.model.clone()),
        mode: request.mode.or_else(|| state.mode.clone()),
        effort: request.effort.or_else(|| state.effort.clone()),
        permissions: Permissions { allow_bypass: state.spec.allow_bypass, ..Permissions::default() },
        ..CreateSession::default()
    }
}
