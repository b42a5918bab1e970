//! Creating a session: everything is checked before anything is written, and what is
//! written becomes visible in one change of the log.

use std::collections::BTreeMap;

use tenure_agents::catalog::{Protocol, asks_nobody, known_supports, tells_no_cost};
use tenure_api::{CreateSession, ErrorCode, PermissionDefault, Problem, WorkspaceChoice};
use tenure_core::agent::{Fork, McpServerSpec, McpTransport};
use tenure_core::machine::{McpServers, Spec};
use tenure_event::{MessageCompleted, SessionId};
use tenure_log::{EventLog, SessionFilter};

use super::agents::AgentDef;
use super::birth::{Claimed, Newborn, Wish, hash_of_json};
use super::place::{Newcomer, Place, Spot};
use super::servers::ServerSet;
use super::{CreateOutcome, IdempotencyKey, Node, agents};
use crate::auth::session_token;
use crate::owner::{Private, TOOLS, TOOLS_TOKEN, claude_transcript, off_thread, pi, resolve_environment};
use crate::{clock, problem};

/// Seconds that an ask stays open.
const ASK_SECONDS: u64 = 86_400;
/// Seconds of idleness until a session is suspended.
const IDLE_SECONDS: u64 = 1_800;

/// Lifecycles of sessions that hold a conversation: one that could not be created holds none.
pub(super) const HOLDING: [&str; 4] = ["creating", "live", "suspended", "closed"];

impl Node {
    pub(super) async fn create_session(
        &self,
        request: CreateSession,
        key: Option<IdempotencyKey>,
    ) -> Result<CreateOutcome, Problem> {
        let wish = Wish::new(request.id.as_deref(), hash_of(&request), request.input.is_some(), key)?;
        self.create_with(request, wish, None).await
    }

    /// Creates a session that begins with what was said before; if that is not given, with what the agent keeps of the conversation
    /// that it resumes.
    pub(super) async fn create_with(
        &self,
        request: CreateSession,
        wish: Wish,
        past: Option<Vec<MessageCompleted>>,
    ) -> Result<CreateOutcome, Problem> {
        let turn = match &request.workspace {
            Some(WorkspaceChoice::Worktree { .. }) => Some(self.shared.worktrees.of_session(&wish.id).await),
            _ => None,
        };
        if let Some(known) = self.made_before(&wish).await? {
            return Ok(known);
        }
        let agent = self.agent_of(&request)?;
        check_request(&request, &agent)?;
        let mut private = private_of(&request, wish.hash.clone());
        if request.artifact_tool {
            self.offer_tools(&wish.id, &mut private)?;
        }
        let newcomer = Newcomer { session: &wish.id, agent: &agent, private: &private, turn };
        // A directory may be on a disk that does not answer: nobody else waits for that.
        let spot = self.locate(&request, newcomer).await?;
        // Nor for a search through all that an agent keeps.
        let sought = self.sought(&request, &agent, &private, &spot).await?;
        let past = match (past, &sought) {
            (None, Some(native)) => Some(self.past_of(&agent, &private, native).await),
            (past, _) => past,
        };
        let claim = match self.claim(wish).await? {
            Claimed::Known(known) => return Ok(known),
            Claimed::Ours(claim) => claim,
        };
        let place = self.place(&spot).await?;
        let found = self.conversation(&request, &agent, &place, &private, sought).await?;
        let past = match (past, &found) {
            (Some(past), _) => past,
            // Only a session here knew which it is.
            (None, Some(native)) => self.past_of(&agent, &private, native).await,
            (None, None) => Vec::new(),
        };
        let forks = request.resume.as_ref().is_some_and(|resume| resume.fork);
        let (fork, resumes) = if forks { (found, None) } else { (None, found) };
        let mut spec = self.spec(claim.id(), &request, &agent, &place, resumes);
        if let Some(from) = fork {
            let chosen = spec.native_id_chosen.take();
            spec.fork = Some(Fork { from, point: None, chosen });
        }
        let given = super::servers::names(&private.mcp_servers);
        let servers = McpServers { given, ..McpServers::default() };
        self.bear(claim, Newborn { request, spec, private, past, servers, place }).await
    }

    /// Gives a session a tool server of Tenure's own.
    pub(super) fn offer_tools(&self, id: &SessionId, private: &mut Private) -> Result<(), Problem> {
        let token = session_token(id).map_err(|e| problem::internal(&e.to_string()))?;
        let program = self.shared.program.clone().map_or_else(std::env::current_exe, Ok);
        let program = program.map_err(|e| problem::internal(&format!("the program cannot be found: {e}")))?;
        let words =
            [std::ffi::OsStr::new("session-tools"), self.shared.home.as_os_str(), id.as_str().as_ref()];
        let transport = McpTransport::Stdio {
            command: program.to_string_lossy().into_owned(),
            args: words.map(|word| word.to_string_lossy().into_owned()).to_vec(),
            env: BTreeMap::from([(TOOLS_TOKEN.to_owned(), String::new())]),
        };
        private.mcp_servers.push(McpServerSpec { name: TOOLS.to_owned(), transport });
        private.mcp_secrets.insert(TOOLS.to_owned(), BTreeMap::from([(TOOLS_TOKEN.to_owned(), token)]));
        Ok(())
    }

    pub(super) fn agent_of(&self, request: &CreateSession) -> Result<AgentDef, Problem> {
        let config = self.shared.config();
        let name = request.agent.as_str();
        agents::find(&config, name).ok_or_else(|| {
            let known = agents::names(&config).join(", ");
            Problem::invalid("agent", format!("there is no agent `{name}`; known are: {known}. Others are configured under [agents.NAME] in config.toml"))
        })
    }

    fn spec(
        &self,
        id: &SessionId,
        request: &CreateSession,
        agent: &AgentDef,
        place: &Place,
        resumes: Option<String>,
    ) -> Spec {
        let config = self.shared.config();
        let claude = agent.protocol == Protocol::Claude;
        let takes_id = matches!(agent.protocol, Protocol::Claude | Protocol::Pi);
        let own_id = || clock::new_v4().to_string();
        Spec {
            id: id.clone(),
            agent: agent.name.clone(),
            cwd: place.given.clone(),
            cwd_canonical: place.canonical.clone(),
            workspace_id: place.workspace.id.clone(),
            workspace_kind: place.workspace.kind.clone(),
            project_id: place.project.id.clone(),
            project_path: place.project.path.clone(),
            parent: None,
            fork: None,
            permission_default: request.permissions.default,
            ask_timeout_seconds: request.permissions.ask_timeout_seconds.unwrap_or(ASK_SECONDS),
            ask_timeout_by_default: request.permissions.ask_timeout_seconds.is_none(),
            permission_rules: request.permissions.rules.clone(),
            allow_bypass: request.permissions.allow_bypass,
            project_trusted: request.trust_project.unwrap_or(place.project.trusted),
            ceilings: tenure_core::machine::Ceilings {
                turns: request.limits.turns.unwrap_or(0),
                cost_usd: request.limits.cost_usd.unwrap_or(0.0),
                memory_mb: request.limits.memory_mb.unwrap_or(0),
            },
            turn_seconds: request.limits.turn_seconds.unwrap_or(0),
            idle_seconds: request.limits.idle_seconds.unwrap_or(IDLE_SECONDS),
            restart: request.restart,
            native_id_chosen: (takes_id && resumes.is_none()).then(own_id),
            resumes,
            always_writes_settings: claude,
            start_seconds: config.sessions.start_seconds,
            stall_seconds: config.sessions.stall_seconds,
            checkpoints: checkpoint_mode(request, agent, &config),
            node: self.shared.name.clone(),
        }
    }

    /// The conversation that a request means, by the agent's id of it; none if nothing is to be resumed, or the agent's records do
    /// not tell which is the latest.
    async fn sought(
        &self,
        request: &CreateSession,
        agent: &AgentDef,
        private: &Private,
        spot: &Spot,
    ) -> Result<Option<String>, Problem> {
        let Some(resume) = &request.resume else { return Ok(None) };
        match (&resume.native_id, resume.latest, spot) {
            (Some(native), false, _) => Ok(Some(native.clone())),
            (None, true, Spot::Directory { canonical, .. }) => {
                Ok(self.latest_in(agent, private, canonical).await)
            }
            // In a directory that is new nobody has worked.
            (None, true, _) => Ok(None),
            _ => Err(Problem::invalid("resume", "give exactly one of `native_id` and `latest: true`")),
        }
    }

    /// The conversation to continue: it must exist, and no session here may hold it.
    async fn conversation(
        &self,
        request: &CreateSession,
        agent: &AgentDef,
        place: &Place,
        private: &Private,
        sought: Option<String>,
    ) -> Result<Option<String>, Problem> {
        let Some(resume) = &request.resume else { return Ok(None) };
        let mut filter = SessionFilter {
            agent: Some(agent.name.clone()),
            lifecycle: HOLDING.map(str::to_owned).to_vec(),
            limit: 1,
            ..SessionFilter::default()
        };
        match &sought {
            Some(native) => filter.native_id = Some(native.clone()),
            // What nobody reads the records of is known by our own sessions alone.
            None => filter.cwd = Some(place.canonical.clone()),
        }
        let held = self.shared.log.sessions(filter).await.map_err(|e| problem::from_log(&e))?;
        let holder = held.rows.iter().find(|r| r.native_id.is_some());
        if resume.fork
            && let Some(row) = holder
        {
            return Ok(row.native_id.clone());
        }
        if let Some(row) = holder {
            let what =
                format!("session {} holds this conversation; send it an input, or `resume` it", row.id);
            return Err(Problem::new(ErrorCode::Conflict, what).about(&row.id));
        }
        let Some(native) = sought else {
            let what =
                format!("there is no conversation of {} in {} to continue", agent.name, place.canonical);
            return Err(Problem {
                field: Some("resume.latest".into()),
                ..Problem::new(ErrorCode::NotFound, what)
            });
        };
        let env = resolve_environment(agent, private, std::env::vars_os());
        let (protocol, sought) = (agent.protocol, native.clone());
        let found = off_thread(move || {
            Ok(match protocol {
                Protocol::Claude => claude_transcript(&env, &sought).is_some(),
                Protocol::Pi => pi::has_conversation(&env, &sought),
                Protocol::Acp | Protocol::Codex | Protocol::Scripted => true,
            })
        })
        .await;
        if !matches!(found, Ok(true)) {
            let what = format!("{} has no conversation {native}", agent.name);
            return Err(Problem {
                field: Some("resume.native_id".into()),
                ..Problem::new(ErrorCode::NotFound, what)
            });
        }
        Ok(Some(native))
    }
}

pub(super) fn check_request(request: &CreateSession, agent: &AgentDef) -> Result<(), Problem> {
    if let Some(mode) = &request.mode
        && asks_nobody(agent.protocol, agent.preset, mode)
        && !request.permissions.allow_bypass
    {
        let what = format!(
            "mode `{mode}` lets {} act without asking; say `permissions.allow_bypass: true` if you mean it",
            agent.name
        );
        return Err(Problem { field: Some("mode".into()), ..Problem::new(ErrorCode::Forbidden, what) });
    }
    check_lacks(request, agent)?;
    tenure_core::machine::check_rules(&request.permissions.rules)?;
    tenure_core::machine::check_limits(&request.limits.into())?;
    tenure_core::machine::check_restart(request.restart)?;
    if request.input.as_ref().is_some_and(tenure_api::InputContent::is_blank) {
        return Err(Problem::invalid("input", "the input says nothing"));
    }
    if request.input.is_some() && request.draft.is_some() {
        return Err(Problem::invalid("draft", "give `input` or `draft`, not both"));
    }
    if let Some(name) = request.env.keys().find(|n| n.is_empty() || n.contains(['=', '\0'])) {
        return Err(Problem::invalid("env", format!("`{name}` is no name of an environment variable")));
    }
    if let Some((name, _)) = request.env.iter().find(|(_, v)| v.as_ref().is_some_and(|v| v.contains('\0'))) {
        return Err(Problem::invalid("env", format!("the value of `{name}` has a zero byte")));
    }
    check_artifacts(&request.artifacts)?;
    if request.artifact_tool && request.mcp_servers.iter().any(|server| server.name == TOOLS) {
        let what = format!("the name `{TOOLS}` is that of `artifact_tool`; give this server another");
        return Err(Problem::invalid("mcp_servers", what));
    }
    super::servers::check(&request.mcp_servers, agent)
}

/// What the agent is known to lack before it is started is refused, not left out.
fn check_lacks(request: &CreateSession, agent: &AgentDef) -> Result<(), Problem> {
    let supports = known_supports(agent.protocol);
    let lacks = |verb: &str, field: &str| match supports.get(verb) {
        Some(tenure_event::Support::No(why)) => {
            Err(Problem { field: Some(field.into()), ..Problem::unsupported(&agent.name, verb, why) })
        }
        _ => Ok(()),
    };
    if request.permissions.default == PermissionDefault::Deny {
        lacks("permissions", "permissions.default")?;
    }
    if request.limits.cost_usd.is_some_and(|usd| usd > 0.0)
        && let Some(why) = tells_no_cost(agent.protocol, agent.preset)
    {
        let problem = Problem::unsupported(&agent.name, "cost_limit", why);
        return Err(Problem { field: Some("limits.cost_usd".into()), ..problem });
    }
    if request.mode.is_some() {
        lacks("set_mode", "mode")?;
    }
    if request.artifact_tool {
        lacks("mcp_stdio", "artifact_tool")?;
    }
    Ok(())
}

/// Rules that a session may have.
const RULES: usize = 100;

fn check_artifacts(rules: &[tenure_api::ArtifactRule]) -> Result<(), Problem> {
    if rules.len() > RULES {
        return Err(Problem::invalid("artifacts", format!("give at most {RULES} rules")));
    }
    let mut keys = std::collections::BTreeSet::new();
    for (at, rule) in rules.iter().enumerate() {
        super::artifacts::check_key(&rule.key, &format!("artifacts[{at}].key"))?;
        if !keys.insert(&rule.key) {
            let what = format!("the key `{}` is given twice", rule.key);
            return Err(Problem::invalid(format!("artifacts[{at}].key"), what));
        }
        if rule.path.is_empty() || rule.path.contains('\0') {
            return Err(Problem::invalid(format!("artifacts[{at}].path"), "name a file"));
        }
    }
    Ok(())
}

pub(super) fn private_of(request: &CreateSession, create_hash: String) -> Private {
    let ServerSet { servers, secrets } = ServerSet::new(&request.mcp_servers);
    Private {
        create_hash,
        env: request.env.clone(),
        inherit_env: request.inherit_env.clone(),
        instructions: request.instructions.clone().unwrap_or_default(),
        artifacts: request.artifacts.clone(),
        mcp_servers: servers,
        mcp_secrets: secrets,
        mcp_sets: BTreeMap::new(),
    }
}

/// The request's content, apart from how long its caller waits.
fn hash_of(request: &CreateSession) -> String {
    hash_of_json(&CreateSession { wait: tenure_api::CreateWait::default(), ..request.clone() })
}

/// When checkpoints are taken. The built-in agent is for demonstrations and tests: what nobody asked for there would only
/// be in the way.
fn checkpoint_mode(
    request: &CreateSession,
    agent: &AgentDef,
    config: &crate::config::Config,
) -> tenure_api::CheckpointMode {
    let usual = match agent.protocol {
        Protocol::Scripted => tenure_api::CheckpointMode::Manual,
        _ => config.checkpoints.mode,
    };
    request.checkpoints.map_or(usual, |given| given.mode)
}
