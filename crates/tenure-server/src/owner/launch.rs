//! Starting an agent's process: its command, its environment, its start record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_agents::catalog::Protocol;
use tenure_agents::{claude, pi as pi_codec};
use tenure_core::agent::{Fork, StartRecord};
use tenure_core::machine::SpawnPlan;
use tenure_crash_point::crash_point;
use tenure_event::ErrorInfo;
use tenure_host::{LaunchError, LaunchSpec, Shim, SpoolLimits, launch};

use super::Owner;
use super::line::Line;
use super::mail::Work;
use super::redact::{Redactor, names_a_secret};
use super::stored::{Private, session_dir, write_private};
use crate::clock;
use crate::node::Shared;
use crate::node::agents::{self, AgentDef};
use crate::problem::{is_of_the_disk, remedy};

pub(crate) mod pi;
mod resume;

/// Set for every process that Tenure starts for a session: its home.
pub(crate) const HOME_MARK: &str = "TENURE_HOME_MARK";
/// Set for every process that Tenure starts for a session: the session.
pub(crate) const SESSION_MARK: &str = "TENURE_SESSION";

impl Owner {
    /// Starts a process; it comes back as [`Work::Launched`].
    pub(super) fn launch(&mut self, plan: SpawnPlan) {
        let generation = plan.generation;
        learn_secrets(&mut self.redactor, &self.shared, &self.machine.state().spec.agent, &self.private);
        let order = self.order(plan);
        self.launching = true;
        let (shared, out) = (Arc::clone(&self.shared), self.work_out.clone());
        self.shared.tasks.spawn(async move {
            let prepared = match order {
                Ok(order) => prepared(order).await,
                Err(error) => Err(error),
            };
            let work = match prepared {
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
        let fork = plan.fork;
        let record = StartRecord {
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
            mcp_servers: self.private.mcp_servers.iter().cloned().map(super::servers::marked).collect(),
            mcp_put: self.private.marked_set(&self.id, self.machine.state().servers.set),
            mcp_off: self.machine.state().servers.off.iter().cloned().collect(),
            project_trusted: spec.project_trusted,
            allow_bypass: spec.allow_bypass,
            preset: agent.preset.map(|p| p.name.to_owned()),
            terminals: agent.terminals,
        };
        let mut env = resolve_environment(&agent, &self.private, std::env::vars_os());
        let (scrub, given) = match agent.protocol {
            Protocol::Claude => (claude::scrub(), claude::environment(&record)),
            Protocol::Pi => (pi_codec::scrub(), pi_codec::environment()),
            Protocol::Acp | Protocol::Codex | Protocol::Scripted => (&[][..], Vec::new()),
        };
        env.retain(|(k, _)| !scrub.contains(&k.as_str()));
        for (k, v) in given {
            if !env.iter().any(|(name, _)| *name == k) {
                env.push((k, v));
            }
        }
        // They tell whose a process is: nobody else's word for it.
        env.retain(|(k, _)| k != HOME_MARK && k != SESSION_MARK);
        env.push((HOME_MARK.to_owned(), self.shared.home_mark.clone()));
        env.push((SESSION_MARK.to_owned(), self.id.to_string()));
        Ok(Order { dir, record, fork, agent, argv: Vec::new(), env })
    }

    pub(super) async fn launched(&mut self, generation: u32, result: Result<Shim, LaunchError>) {
        self.launching = false;
        let current = self.machine.state().process.as_ref().is_some_and(|p| p.generation == generation);
        match result {
            Ok(shim) if current => self.take_up(generation, shim).await,
            // Decided on before a crash of the store and decided again since: never two at once.
            Ok(shim) => shim.kill(),
            Err(LaunchError::Connect(e)) => {
                tracing::warn!(session = %self.id, error = %e, "the agent was started and cannot be reached yet");
                self.later(Work::Reattach { generation });
            }
            Err(e) => self.could_not_start(generation, launch_error(&e)).await,
        }
    }

    pub(super) async fn take_up(&mut self, generation: u32, shim: Shim) {
        // Its agent has left the configuration meanwhile: it is looked for until it is there again.
        let Some(protocol) = self.protocol() else { return self.later(Work::Reattach { generation }) };
        let dir = session_dir(&self.shared.home, &self.id);
        let opened = read_record(&dir, generation)
            .and_then(|record| Line::open(&generation_dir(&dir, generation), record, protocol, None));
        match opened {
            Ok(mut line) => {
                line.join(Some(shim), None);
                crash_point!("start.joined");
                self.line = Some(line);
                self.disk_told = false;
                self.register_process();
                self.announce(generation).await;
            }
            Err(e) => {
                tracing::error!(session = %self.id, error = %e, "a process was started and its files cannot be read; trying again");
                self.later(Work::Reattach { generation });
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
    /// How the conversation is begun again where the agent has kept nothing of it.
    fork: Option<Fork>,
    agent: AgentDef,
    /// Made last: what is on the disk decides on it.
    argv: Vec<String>,
    env: Vec<(String, String)>,
}

/// Does what touches the disk before a start, where blocking is allowed.
async fn prepared(order: Order) -> Result<Order, ErrorInfo> {
    let failed =
        |source| launch_error(&LaunchError::System { doing: "write the start record".to_owned(), source });
    let work = tokio::task::spawn_blocking(move || prepare(order, failed));
    work.await.unwrap_or_else(|e| Err(failed(std::io::Error::other(e))))
}

fn prepare(mut order: Order, failed: impl Fn(std::io::Error) -> ErrorInfo) -> Result<Order, ErrorInfo> {
    let kept = |id: &str| match order.agent.protocol {
        Protocol::Claude => Some(claude_transcript(&order.env, id).is_some()),
        Protocol::Pi => Some(pi::has_conversation(&order.env, id)),
        Protocol::Acp | Protocol::Codex | Protocol::Scripted => None,
    };
    order.record.resume = resume::as_kept(order.record.resume.clone(), order.fork.as_ref(), kept);
    order.argv = agent_command(&order.agent, &order.record)?;
    if order.agent.protocol == Protocol::Pi {
        let instructions = pi::instructions(&order.dir, &order.record).map_err(&failed)?;
        order.argv.extend(pi_codec::command_line(&order.record, &instructions));
    }
    let generation = order.record.generation;
    let record = serde_json::to_vec(&order.record).map_err(|e| failed(e.into()))?;
    crash_point!("start.before_record");
    write_private(&record_path(&order.dir, generation), &record).map_err(failed)?;
    crash_point!("start.recorded");
    // The end of every earlier process is stored, and all that came before it: one is kept, to be looked at.
    remove_before(&order.dir, generation.saturating_sub(1));
    Ok(order)
}

/// Removes what processes before this one left, and what a kill left of a record that was being written for this one or
/// an earlier one.
fn remove_before(dir: &Path, generation: u32) {
    let number = |name: &str, end: &str| name.strip_prefix("start-")?.strip_suffix(end)?.parse::<u32>().ok();
    let directory = |name: &str| name.strip_prefix('g')?.parse::<u32>().ok();
    let is_old = |name: &str| {
        number(name, ".json").or_else(|| directory(name)).is_some_and(|n| n < generation)
            || number(name, ".tmp").is_some_and(|n| n <= generation)
    };
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if !entry.file_name().to_str().is_some_and(is_old) {
            continue;
        }
        let path = entry.path();
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        if let Err(e) = removed {
            tracing::warn!(path = %path.display(), error = %e, "files of an earlier process are left");
        }
    }
}

async fn start(shared: &Shared, order: Order) -> Result<Shim, LaunchError> {
    let dir = generation_dir(&order.dir, order.record.generation);
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

/// What an agent is configured with, or inherits, under names that mean a secret is kept out of the log like the
/// session's own values.
pub(super) fn learn_secrets(redactor: &mut Redactor, shared: &Shared, agent: &str, private: &Private) {
    let Some(agent) = shared.agent(agent) else { return };
    let env = resolve_environment(&agent, private, std::env::vars_os());
    let given = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    redactor.learn(given.filter(|(name, _)| names_a_secret(name)));
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

/// The code of a start that the disk refused.
pub(super) const STORAGE: &str = "storage";

fn launch_error(e: &LaunchError) -> ErrorInfo {
    let code = match e {
        LaunchError::System { source, .. } if is_of_the_disk(source) => {
            let message = format!("{e}; {}", remedy(source, "make the home writable"));
            return ErrorInfo { code: STORAGE.to_owned(), message, data: None };
        }
        LaunchError::NotFound { .. }
        | LaunchError::NotExecutable { .. }
        | LaunchError::InterpreterMissing { .. } => "agent_missing",
        LaunchError::CwdMissing { .. } => "invalid",
        // Somebody killed the shim: there is no fault of ours in that.
        LaunchError::Silent { .. } => "agent_exited",
        _ => "internal",
    };
    ErrorInfo {
        code: code.to_owned(),
        message: format!("{e}; `tenure agents` shows what is installed"),
        data: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session that is resumed for years does not keep what every one of its processes said.
    #[test]
    fn only_the_last_process_is_kept_beside_the_new_one() {
        let dir = tempfile::tempdir().expect("scratch");
        for n in [1, 2, 9, 10, 11] {
            std::fs::create_dir(generation_dir(dir.path(), n)).expect("made");
            std::fs::write(record_path(dir.path(), n), "{}").expect("written");
        }
        let torn = ["start-9.tmp", "start-10.tmp", "start-11.tmp"];
        for other in ["private.json", "handshake.json", "start-x.json"].into_iter().chain(torn) {
            std::fs::write(dir.path().join(other), "{}").expect("written");
        }
        std::fs::create_dir(dir.path().join("blobs")).expect("made");
        remove_before(dir.path(), 10);
        let names = std::fs::read_dir(dir.path()).expect("read").flatten().map(|e| e.file_name());
        let mut left: Vec<String> = names.filter_map(|n| n.into_string().ok()).collect();
        left.sort();
        let wanted = [
            "blobs",
            "g10",
            "g11",
            "handshake.json",
            "private.json",
            "start-10.json",
            "start-11.json",
            "start-11.tmp",
            "start-x.json",
        ];
        assert_eq!(left, wanted);
    }
}
