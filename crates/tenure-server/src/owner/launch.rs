//! Starting an agent's process: its command, its environment, its start record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_agents::catalog::Protocol;
use tenure_agents::claude;
use tenure_core::agent::{ResumeHow, StartRecord};
use tenure_core::machine::SpawnPlan;
use tenure_event::ErrorInfo;
use tenure_host::{LaunchError, LaunchSpec, Shim, SpoolLimits, launch};

use super::Owner;
use super::line::Line;
use super::mail::Work;
use super::stored::{Private, session_dir, write_private};
use crate::clock;
use crate::node::Shared;
use crate::node::agents::{self, AgentDef};

/// Set for every process that Tenure starts for a session: its home.
pub(crate) const HOME_MARK: &str = "TENURE_HOME_MARK";
/// Set for every process that Tenure starts for a session: the session.
pub(crate) const SESSION_MARK: &str = "TENURE_SESSION";

impl Owner {
    /// Starts a process; it comes back as [`Work::Launched`].
    pub(super) fn launch(&mut self, plan: SpawnPlan) {
        let generation = plan.generation;
        let order = self.order(plan);
        let (shared, out) = (Arc::clone(&self.shared), self.work_out.clone());
        self.shared.tasks.spawn(async move {
            let work = match order {
                Ok(order) => Work::Launched { generation, result: Box::new(start(&shared, order).await) },
                Err(error) => Work::Failed { generation, error },
            };
            let _ = out.send(work).await;
        });
    }

    fn order(&self, plan: SpawnPlan) -> Result<Order, ErrorInfo> {
        let spec = &self.machine.state().spec;
        let Some(agent) = self.shared.agent(&spec.agent) else {
            return Err(missing(&format!("no agent `{}` is configured any more", spec.agent)));
        };
        let dir = session_dir(&self.shared.home, &self.id);
        let mut record = StartRecord {
            session_id: self.id.clone(),
            generation: plan.generation,
            started_at: clock::now(),
            cwd: spec.cwd_canonical.clone(),
            resume: plan.resume,
            model: plan.model,
            mode: plan.mode,
            effort: plan.effort,
            append_instructions: self.private.instructions.append.clone(),
            replace_instructions: self.private.instructions.replace.clone(),
            mcp_servers: self.private.mcp_servers.clone(),
            project_trusted: spec.project_trusted,
            allow_bypass: spec.allow_bypass,
            preset: agent.preset.map(|p| p.name.to_owned()),
        };
        let mut env = resolve_environment(&agent, &self.private, std::env::vars_os());
        if agent.protocol == Protocol::Claude {
            record.resume = claude_resume(record.resume, &env);
            env.retain(|(k, _)| !claude::scrub().contains(&k.as_str()));
            for (k, v) in claude::environment(&record) {
                if !env.iter().any(|(name, _)| *name == k) {
                    env.push((k, v));
                }
            }
        }
        env.push((HOME_MARK.to_owned(), self.shared.home_mark.clone()));
        env.push((SESSION_MARK.to_owned(), self.id.to_string()));
        let argv = agent_command(&agent, &record)?;
        Ok(Order { dir, record, argv, env })
    }

    pub(super) async fn launched(&mut self, generation: u32, result: Result<Shim, LaunchError>) {
        let current = self.machine.state().process.as_ref().is_some_and(|p| p.generation == generation);
        match result {
            Ok(shim) if current => self.take_up(generation, shim).await,
            // Decided on before a crash of the store and decided again since: never two at once.
            Ok(shim) => shim.kill(),
            Err(LaunchError::Connect(e)) => {
                tracing::warn!(session = %self.id, error = %e, "the agent was started and cannot be reached yet");
                self.retry.push_back(Work::Reattach { generation });
            }
            Err(e) => self.could_not_start(generation, launch_error(&e)).await,
        }
    }

    pub(super) async fn take_up(&mut self, generation: u32, shim: Shim) {
        let Some(protocol) = self.protocol() else { return };
        let dir = session_dir(&self.shared.home, &self.id);
        let opened = read_record(&dir, generation).and_then(|record| {
            Line::open(&generation_dir(&dir, generation), record, protocol, Some(shim), None, None)
        });
        match opened {
            Ok(line) => {
                self.register_process(&line);
                self.line = Some(line);
                self.announce(generation).await;
            }
            Err(e) => {
                tracing::error!(session = %self.id, error = %e, "a process was started and its files cannot be read; trying again");
                self.retry.push_back(Work::Reattach { generation });
            }
        }
    }

    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.shared.agent(&self.machine.state().spec.agent).map(|a| a.protocol)
    }
}

/// Everything a process is started with.
struct Order {
    dir: PathBuf,
    record: StartRecord,
    argv: Vec<String>,
    env: Vec<(String, String)>,
}

async fn start(shared: &Shared, order: Order) -> Result<Shim, LaunchError> {
    let dir = generation_dir(&order.dir, order.record.generation);
    let system = |doing: &str, source| LaunchError::System { doing: doing.to_owned(), source };
    let text = serde_json::to_vec(&order.record).map_err(|e| system("write the start record", e.into()))?;
    write_private(&record_path(&order.dir, order.record.generation), &text)
        .map_err(|e| system("write the start record", e))?;
    let config = shared.config();
    let limits = SpoolLimits {
        quota_bytes: config.sessions.spool_quota_bytes,
        max_line_bytes: config.sessions.line_bytes,
        ..SpoolLimits::default()
    };
    let spec = LaunchSpec {
        env: order.env,
        limits,
        cgroup: config.sessions.cgroups,
        program: shared.program.clone(),
        ..LaunchSpec::new(dir, order.argv, &order.record.cwd)
    };
    launch(spec).await
}

pub(super) fn generation_dir(dir: &Path, generation: u32) -> PathBuf {
    dir.join(format!("g{generation}"))
}

fn record_path(dir: &Path, generation: u32) -> PathBuf {
    dir.join(format!("start-{generation}.json"))
}

pub(super) fn read_record(dir: &Path, generation: u32) -> std::io::Result<StartRecord> {
    Ok(serde_json::from_slice(&std::fs::read(record_path(dir, generation))?)?)
}

/// The command line of an agent. Nothing of a prompt or a secret is in it.
fn agent_command(agent: &AgentDef, record: &StartRecord) -> Result<Vec<String>, ErrorInfo> {
    let mut argv = agent.command.clone();
    if let Some(program) = argv.first_mut().filter(|program| !program.contains('/')) {
        let found = agents::look_for(agent);
        let found = found.map_err(|tried| LaunchError::NotFound { program: program.clone(), tried });
        *program = found.map_err(|e| launch_error(&e))?.display().to_string();
    }
    if agent.protocol == Protocol::Claude {
        argv.extend(claude::command_line(record));
    }
    Ok(argv)
}

/// Names of the daemon's environment that every agent gets unless the session says otherwise.
const USUAL: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "SSH_AUTH_SOCK",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
];

/// The whole environment of an agent's process: what is inherited by name, then the agent's configuration,
/// then the session's own.
pub(crate) fn resolve_environment(
    agent: &AgentDef,
    private: &Private,
    daemon: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
) -> Vec<(String, String)> {
    use tenure_api::InheritEnv::{All, Names};
    let wish = private.inherit_env.as_ref().or(agent.inherit_env.as_ref());
    let auth = agent.preset.map_or(&[][..], |p| p.auth_env);
    let wanted = |name: &str| match wish {
        Some(All(all)) => *all,
        Some(Names(names)) => names.iter().any(|n| n == name),
        None => USUAL.contains(&name) || name.starts_with("LC_") || auth.contains(&name),
    };
    let mut env: std::collections::BTreeMap<String, String> = daemon
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .filter(|(k, _)| wanted(k) && !k.starts_with("TENURE_"))
        .collect();
    let preset = agent.preset.map_or(&[][..], |p| p.env);
    for (k, v) in preset {
        env.entry((*k).to_owned()).or_insert_with(|| (*v).to_owned());
    }
    env.extend(agent.env.clone());
    for (k, v) in &private.env {
        match v {
            Some(v) => env.insert(k.clone(), v.clone()),
            None => env.remove(k),
        };
    }
    env.into_iter().collect()
}

/// Claude writes no transcript before the first prompt, and refuses to resume without one.
fn claude_resume(resume: ResumeHow, env: &[(String, String)]) -> ResumeHow {
    let ResumeHow::Resume(id) = resume else { return resume };
    match claude_transcript(env, &id) {
        Some(_) => ResumeHow::Resume(id),
        None => ResumeHow::NewAs(id),
    }
}

/// Where Claude keeps the transcript of a conversation, if it has one.
pub(crate) fn claude_transcript(env: &[(String, String)], id: &str) -> Option<PathBuf> {
    let get = |name: &str| env.iter().find(|(k, _)| k == name).map(|(_, v)| PathBuf::from(v));
    let root = get("CLAUDE_CONFIG_DIR").or_else(|| Some(get("HOME")?.join(".claude")))?;
    let file = format!("{id}.jsonl");
    if id.contains('/') {
        return None;
    }
    let projects = std::fs::read_dir(root.join("projects")).ok()?;
    projects.flatten().map(|project| project.path().join(&file)).find(|path| path.is_file())
}

fn missing(message: &str) -> ErrorInfo {
    ErrorInfo { code: "agent_missing".to_owned(), message: message.to_owned(), data: None }
}

fn launch_error(e: &LaunchError) -> ErrorInfo {
    let code = match e {
        LaunchError::NotFound { .. }
        | LaunchError::NotExecutable { .. }
        | LaunchError::InterpreterMissing { .. } => "agent_missing",
        LaunchError::CwdMissing { .. } => "invalid",
        _ => "internal",
    };
    ErrorInfo {
        code: code.to_owned(),
        message: format!("{e}; `tenure agents` shows what is installed"),
        data: None,
    }
}
