//! Creating a session: everything is checked before anything is written, and what is
//! written becomes visible in one change of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_agents::catalog::{Protocol, known_supports, tells_no_cost};
use tenure_api::{CreateSession, ErrorCode, PermissionDefault, Problem, WorkspaceChoice};
use tenure_core::agent::{Fork, McpServerSpec, McpTransport};
use tenure_core::machine::{Machine, Spec};
use tenure_core::{Admit, Reply};
use tenure_crash_point::crash_point;
use tenure_event::{Delivery, InputId, MessageCompleted, SessionId};
use tenure_log::{EventLog, SessionFilter};
use tokio::sync::{OwnedMutexGuard, oneshot};

use super::agents::AgentDef;
use super::place::{Newcomer, Place};
use super::servers::ServerSet;
use super::{CreateOutcome, IdempotencyKey, Node, agents};
use crate::auth::session_token;
use crate::owner::{
    Birth, Owner, Private, TOOLS, TOOLS_TOKEN, claude_transcript, off_thread, pi, resolve_environment,
    session_dir,
};
use crate::{clock, problem};

/// Seconds that an ask stays open.
const ASK_SECONDS: u64 = 86_400;
/// Seconds of idleness until a session is suspended.
const IDLE_SECONDS: u64 = 1_800;

/// What one create holds while it is made true.
pub(super) struct Claim {
    pub key: Option<IdempotencyKey>,
    pub one_at_a_time: OwnedMutexGuard<()>,
}

/// What a session is given that stands in no request.
pub(super) struct Beside {
    pub private: Private,
    /// What was said in the session that it is forked from.
    pub past: Vec<MessageCompleted>,
}

impl Node {
    pub(super) async fn create_session(
        &self,
        request: CreateSession,
        key: Option<IdempotencyKey>,
    ) -> Result<CreateOutcome, Problem> {
        let id = match &request.id {
            Some(id) => SessionId::parse(id).map_err(|e| Problem::invalid("id", e.to_string()))?,
            None => SessionId::from_uuid(clock::new_uuid()),
        };
        let hash = hash_of(&request);
        let turn = match &request.workspace {
            Some(WorkspaceChoice::Worktree { .. }) => Some(self.shared.worktrees.of_session(&id).await),
            _ => None,
        };
        if let Some(known) = self.created_before(&id, &hash, request.input.is_some(), key.as_ref()).await? {
            return Ok(known);
        }
        let agent = self.agent_of(&request)?;
        check_request(&request, &agent)?;
        let mut private = private_of(&request, hash.clone());
        if request.artifact_tool {
            self.offer_tools(&id, &mut private)?;
        }
        let newcomer = Newcomer { session: &id, agent: &agent, private: &private, turn };
        // A directory may be on a disk that does not answer: nobody else waits for that.
        let spot = self.locate(&request, newcomer).await?;
        // Held until it is stored, also if the caller goes away meanwhile and asks again.
        let one_at_a_time = Arc::clone(&self.shared.creating).lock_owned().await;
        if let Some(known) = self.created_before(&id, &hash, request.input.is_some(), key.as_ref()).await? {
            return Ok(known);
        }
        let place = self.place(&spot).await?;
        let found = self.conversation(&request, &agent, &place, &private).await?;
        let forks = request.resume.as_ref().is_some_and(|resume| resume.fork);
        let (fork, resumes) = if forks { (found, None) } else { (None, found) };
        let mut spec = self.spec(&id, &request, &agent, &place, resumes);
        if let Some(from) = fork {
            let chosen = spec.native_id_chosen.take();
            spec.fork = Some(Fork { from, point: None, chosen });
        }
        self.bear(
            request,
            id,
            spec,
            Beside { private, past: Vec::new() },
            place,
            Claim { key, one_at_a_time },
        )
        .await
    }

    /// Gives a session a tool server of Tenure's own.
    fn offer_tools(&self, id: &SessionId, private: &mut Private) -> Result<(), Problem> {
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

    /// The same request was served before: by its key, or by the session's id.
    pub(super) async fn created_before(
        &self,
        id: &SessionId,
        hash: &str,
        has_input: bool,
        key: Option<&IdempotencyKey>,
    ) -> Result<Option<CreateOutcome>, Problem> {
        if let Some(reply) = self.shared.remembered::<(SessionId, Option<Reply>)>(key).await? {
            return Ok(Some(outcome(reply.0, false, reply.1)));
        }
        self.known_session(id, hash, has_input).await
    }

    /// A session with this id that exists: the same request again, or a conflict.
    async fn known_session(
        &self,
        id: &SessionId,
        hash: &str,
        has_input: bool,
    ) -> Result<Option<CreateOutcome>, Problem> {
        let row = self.shared.log.session(id).await.map_err(|e| problem::from_log(&e))?;
        let Some(row) = row else { return Ok(None) };
        if row.lifecycle == "destroyed" {
            return Err(problem::destroyed(id));
        }
        let known = Private::read(&session_dir(&self.shared.home, id)).map(|p| p.create_hash);
        if !known.is_ok_and(|known| known == hash) {
            let what = format!("session {id} exists and was created by another request; use another id");
            return Err(Problem::new(ErrorCode::Conflict, what).about(id));
        }
        let receipt = if has_input { self.receipt_of_first(id).await? } else { None };
        Ok(Some(CreateOutcome { session_id: id.clone(), created: false, receipt }))
    }

    async fn receipt_of_first(&self, id: &SessionId) -> Result<Option<tenure_api::Receipt>, Problem> {
        let input = first_input_id(id);
        let row = self.shared.log.input(id, &input).await.map_err(|e| problem::from_log(&e))?;
        Ok(row.map(crate::owner::receipt))
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

    /// The conversation to continue: it must exist, and no session here may hold it.
    async fn conversation(
        &self,
        request: &CreateSession,
        agent: &AgentDef,
        place: &Place,
        private: &Private,
    ) -> Result<Option<String>, Problem> {
        let Some(resume) = &request.resume else { return Ok(None) };
        let mut filter =
            SessionFilter { agent: Some(agent.name.clone()), limit: 1, ..SessionFilter::default() };
        match (&resume.native_id, resume.latest) {
            (Some(native), false) => filter.native_id = Some(native.clone()),
            (None, true) => filter.cwd = Some(place.canonical.clone()),
            _ => {
                return Err(Problem::invalid("resume", "give exactly one of `native_id` and `latest: true`"));
            }
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
        let Some(native) = resume.native_id.clone() else {
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

    pub(super) async fn bear(
        &self,
        request: CreateSession,
        id: SessionId,
        spec: Spec,
        beside: Beside,
        place: Place,
        claim: Claim,
    ) -> Result<CreateOutcome, Problem> {
        let Beside { private, past } = beside;
        let (dir, kept) = (session_dir(&self.shared.home, &id), private.clone());
        let made = off_thread(move || {
            make_private_dir(&dir)?;
            crash_point!("create.directory");
            kept.write(&dir)
        });
        made.await.map_err(|e| {
            let advice = problem::remedy(&e, "make the home writable");
            Problem::new(
                ErrorCode::Storage,
                format!("the session's directory cannot be written: {e}; {advice}"),
            )
        })?;
        crash_point!("create.private");
        let start = request.start.unwrap_or(true) && request.draft.is_none();
        let mut machine = Machine::new(spec, clock::now());
        machine.describe(
            request.title.clone(),
            request.tags.clone(),
            request.metadata.clone(),
            request.draft.clone(),
        );
        machine.equip(super::servers::names(&private.mcp_servers));
        machine.configure(request.model.clone(), request.mode.clone(), request.effort.clone());
        let input = request.input.clone().map(|content| {
            let input_id = first_input_id(&id);
            let parts = content.into_parts(input_id.as_str());
            Admit {
                input_id,
                delivery: Delivery::Queue,
                parts,
                model: None,
                effort: None,
                body_hash: private.create_hash.clone(),
                minted: false,
            }
        });
        let mut writes = place.writes;
        if request.trust_project == Some(true) && !place.project.trusted {
            writes.retain(|w| !matches!(w, tenure_log::Write::Project(_)));
            writes
                .push(tenure_log::Write::Project(tenure_log::ProjectRow { trusted: true, ..place.project }));
        }
        let (reply, answer) = oneshot::channel();
        let Claim { key, one_at_a_time } = claim;
        let birth = Birth { machine, private, start, past, input, writes, key, one_at_a_time, reply };
        let shared = Arc::clone(&self.shared);
        let handle = self
            .shared
            .registry
            .get_or_start(&id, || Owner::start(shared, id.clone(), Some(Box::new(birth))));
        drop(handle);
        match answer.await {
            Ok(Ok(reply)) => Ok(outcome(id, true, reply)),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(self.shared.owner_gone(&id)),
        }
    }
}

fn outcome(session_id: SessionId, created: bool, reply: Option<Reply>) -> CreateOutcome {
    let receipt = match reply {
        Some(Reply::Admitted(receipt)) => Some(receipt),
        _ => None,
    };
    CreateOutcome { session_id, created, receipt }
}

pub(super) fn check_request(request: &CreateSession, agent: &AgentDef) -> Result<(), Problem> {
    if let Some(mode) = &request.mode
        && agent.preset.is_some_and(|p| p.is_bypass(mode))
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
        && let Some(why) = tells_no_cost(agent.protocol)
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

fn private_of(request: &CreateSession, create_hash: String) -> Private {
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

/// The first input's id follows from the session's, so that a repeated create finds it.
fn first_input_id(id: &SessionId) -> InputId {
    let hash = Sha256::digest(format!("first input of {id}"));
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    InputId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// The request's content, apart from how long its caller waits.
fn hash_of(request: &CreateSession) -> String {
    hash_of_json(&CreateSession { wait: tenure_api::CreateWait::default(), ..request.clone() })
}

pub(super) fn hash_of_json(plain: &impl serde::Serialize) -> String {
    let text = serde_json::to_string(plain).unwrap_or_default();
    Sha256::digest(text).iter().fold(String::new(), |out, b| out + &format!("{b:02x}"))
}

/// Makes a directory that only its owner can enter.
pub(crate) fn make_private_dir(dir: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
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
