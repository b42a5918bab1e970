//! Adopting: a session goes on in a conversation that another program began. What was said in it is read from where the
//! agent keeps it and stands in the session from the first; the agent takes the conversation up as it would its own.
//!
//! Nothing is copied and nothing is written to the agent's files here. So it is refused while another program writes it,
//! as far as one can see that.

use std::path::Path;

use tenure_agents::catalog::known_supports;
use tenure_api::{AdoptConversation, CreateSession, ErrorCode, Problem, ResumeRequest};
use tenure_event::{SessionId, Support};
use tenure_history::{Conversation, Found, Reader};
use tenure_host::PidRef;
use tenure_host::process::writers;
use tenure_log::{EventLog, SessionFilter};

use super::agents::AgentDef;
use super::birth::{Wish, hash_of_json};
use super::create::{HOLDING, private_of};
use super::records::roots_of;
use super::resumed::past_of;
use super::{CreateOutcome, IdempotencyKey, Node};
use crate::history::of_reading;
use crate::owner::{off_thread, resolve_environment};
use crate::problem;

/// Sessions that are looked at for one that holds a conversation.
const HOLDERS: usize = 500;

/// A conversation and what reads it.
pub(crate) struct Adoptee {
    pub entry: Conversation,
    pub found: Found,
    pub reader: Box<dyn Reader>,
    /// It is a session of ours.
    pub is_ours: bool,
}

impl Node {
    /// Makes a session that goes on in a conversation. The same id with the same request again is the same session.
    ///
    /// # Errors
    /// `busy` while another process writes it, `conflict` if a session here holds it, `unsupported` if the agent takes
    /// no conversation up, and what [`Node::create`] refuses.
    pub(crate) async fn adopt(
        &self,
        adoptee: Adoptee,
        request: AdoptConversation,
        key: Option<IdempotencyKey>,
    ) -> Result<CreateOutcome, Problem> {
        let Adoptee { entry, found, reader, is_ours } = adoptee;
        let plain = AdoptConversation { wait: tenure_api::CreateWait::default(), ..request.clone() };
        let hash = hash_of_json(&(&entry.agent, &entry.native_id, plain));
        let wish = Wish::new(request.id.as_deref(), hash, request.input.is_some(), key)?;
        if let Some(known) = self.made_before(&wish).await? {
            return Ok(known);
        }
        self.not_held(&entry, is_ours).await?;
        let create = CreateSession { id: Some(wish.id.to_string()), ..like(&entry, request)? };
        let agent = self.agent_of(&create)?;
        self.can_take_up(&agent, &entry)?;
        let env = resolve_environment(&agent, &private_of(&create, String::new()), std::env::vars_os());
        looks_there(&agent, &entry, &env)?;
        let read = off_thread(move || {
            let writer = writer_of(reader.as_ref(), &found);
            Ok((writer, past_of(reader.as_ref(), &found)))
        });
        let (writer, past) = read.await.map_err(|e| problem::internal(&e.to_string()))?;
        if let Some(writer) = writer {
            let what = format!(
                "process {} is at work in this conversation; let it end, or end it, and adopt it then",
                writer.pid
            );
            let data = serde_json::json!({"pid": writer.pid});
            return Err(Problem::new(ErrorCode::Busy, what).with_data(data));
        }
        let past = past.map_err(|e| of_reading(&e))?;
        self.create_with(create, wish, Some(past)).await
    }

    /// No session here is this conversation, or has taken it up.
    async fn not_held(&self, entry: &Conversation, is_ours: bool) -> Result<(), Problem> {
        let held = |id: &SessionId| {
            let what = format!("session {id} holds this conversation; send it an input, or `resume` it");
            Problem::new(ErrorCode::Conflict, what).about(id)
        };
        if let Ok(id) = SessionId::parse(&entry.native_id)
            && is_ours
        {
            return Err(held(&id));
        }
        let native_id = Some(entry.native_id.clone());
        let lifecycle = HOLDING.map(str::to_owned).to_vec();
        let filter = SessionFilter { native_id, lifecycle, limit: HOLDERS, ..SessionFilter::default() };
        let rows = self.shared.log.sessions(filter).await.map_err(|e| problem::from_log(&e))?.rows;
        let holder = rows.into_iter().find(|row| self.record_keeper(&row.agent) == entry.agent);
        holder.map_or(Ok(()), |row| Err(held(&row.id)))
    }

    fn can_take_up(&self, agent: &AgentDef, entry: &Conversation) -> Result<(), Problem> {
        if self.record_keeper(&agent.name) != entry.agent {
            let what = format!("{} does not go on in conversations of {}", agent.name, entry.agent);
            return Err(Problem::invalid("agent", what));
        }
        match known_supports(agent.protocol).get("resume") {
            Some(Support::No(why)) => Err(Problem::unsupported(&agent.name, "resume", why)),
            _ => Ok(()),
        }
    }
}

/// The request that would create such a session.
fn like(entry: &Conversation, request: AdoptConversation) -> Result<CreateSession, Problem> {
    let nowhere = || {
        let what = "the conversation does not tell where it worked; give the directory to work in";
        Problem::invalid("cwd", what)
    };
    let cwd = match (request.cwd, &entry.cwd) {
        (Some(cwd), _) => cwd,
        (None, Some(cwd)) if Path::new(cwd).is_dir() => cwd.clone(),
        (None, Some(cwd)) => {
            let what = format!(
                "the conversation worked in `{cwd}`, which is not there now; give the directory where its files are"
            );
            return Err(Problem::invalid("cwd", what));
        }
        (None, None) => return Err(nowhere()),
    };
    Ok(CreateSession {
        agent: request.agent.unwrap_or_else(|| entry.agent.clone()),
        cwd: Some(cwd),
        title: request.title.or_else(|| entry.custom_title.clone()),
        tags: request.tags.unwrap_or_else(|| entry.tags.clone()),
        metadata: request.metadata,
        input: request.input,
        start: request.start,
        env: request.env,
        inherit_env: request.inherit_env,
        model: request.model,
        mode: request.mode,
        effort: request.effort,
        instructions: request.instructions,
        mcp_servers: request.mcp_servers,
        permissions: request.permissions,
        limits: request.limits,
        trust_project: request.trust_project,
        resume: Some(ResumeRequest { native_id: Some(entry.native_id.clone()), ..ResumeRequest::default() }),
        ..CreateSession::default()
    })
}

/// The agent, started with this environment, looks where the conversation is.
fn looks_there(agent: &AgentDef, entry: &Conversation, env: &[(String, String)]) -> Result<(), Problem> {
    let roots = roots_of(env);
    let Some((roots, name)) = roots.of_agent(&entry.agent) else { return Ok(()) };
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let path = real(&entry.path);
    if roots.iter().any(|root| path.starts_with(real(root))) {
        return Ok(());
    }
    let looks = roots.iter().map(|root| format!("`{}`", root.display())).collect::<Vec<_>>().join(", ");
    let what = format!(
        "the conversation is in `{}`, and {} would look in {looks}; set {name} in `env` to the directory that it is below",
        entry.path.display(),
        agent.name
    );
    Err(Problem::invalid("env", what))
}

/// A process that has the conversation open, by what the agent's own files tell, or because it has the file open for
/// writing. A database is open in every process of its agent, and tells nothing of one conversation.
fn writer_of(reader: &dyn Reader, found: &Found) -> Option<PidRef> {
    let lives = |claim: tenure_history::Claim| {
        let process = PidRef::of(claim.pid).filter(PidRef::is_alive)?;
        let same = claim.started.is_none_or(|started| started == process.start_time.to_string());
        same.then_some(process)
    };
    let claimed = reader.claims(found).into_iter().find_map(lives);
    claimed.or_else(|| {
        let is_its_own = found.path.extension().is_some_and(|extension| extension == "jsonl");
        is_its_own.then(|| writers(&found.path).ok()?.into_iter().next()).flatten()
    })
}
