//! Agents by name: what is built in, what the configuration makes of it, and whether it is
//! installed on this machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenure_agents::catalog::{Preset, Protocol, known_supports};
use tenure_api::{AgentEntry, AuthState, InheritEnv};
use tenure_event::Capabilities;
use tenure_host::{Capture, run_capture};

use crate::config::{AgentConfig, Config, InheritConfig};

/// How long a program may take to print its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// How an agent is started and spoken with.
#[derive(Debug, Clone)]
pub(crate) struct AgentDef {
    pub name: String,
    pub protocol: Protocol,
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub inherit_env: Option<InheritEnv>,
    pub preset: Option<&'static Preset>,
    /// Commands of the agent may be run by Tenure.
    pub terminals: bool,
    pub configured: bool,
}

/// The agent of this name, if there is one.
pub(crate) fn find(config: &Config, name: &str) -> Option<AgentDef> {
    let configured = config.agents.get(name);
    let preset = Preset::find(name);
    if configured.is_none() && preset.is_none() {
        return None;
    }
    let own = AgentConfig::default();
    let over = configured.unwrap_or(&own);
    let wished = over.protocol.as_deref().and_then(Protocol::parse);
    let protocol = wished.or(preset.map(|p| p.protocol)).unwrap_or(Protocol::Acp);
    let inherit_env = over.inherit_env.as_ref().map(|i| match i {
        InheritConfig::All(all) => InheritEnv::All(*all),
        InheritConfig::Names(names) => InheritEnv::Names(names.clone()),
    });
    Some(AgentDef {
        name: name.to_owned(),
        protocol,
        command: over.command.clone().unwrap_or_else(|| default_command(protocol, preset)),
        env: over.env.clone(),
        inherit_env,
        preset,
        terminals: over.terminals,
        configured: configured.is_some(),
    })
}

/// An agent that is configured no more: it adds nothing to an environment.
pub(crate) fn nothing(name: &str) -> AgentDef {
    AgentDef {
        name: name.to_owned(),
        protocol: Protocol::Acp,
        command: Vec::new(),
        env: BTreeMap::new(),
        inherit_env: None,
        preset: None,
        terminals: false,
        configured: false,
    }
}

fn default_command(protocol: Protocol, preset: Option<&Preset>) -> Vec<String> {
    if protocol == Protocol::Scripted {
        // The shim is this very program, and becomes the agent.
        return vec!["/proc/self/exe".to_owned(), "scripted-agent".to_owned()];
    }
    preset.map(|p| p.command.iter().map(|w| (*w).to_owned()).collect()).unwrap_or_default()
}

/// Names of all agents, built in and configured.
pub(crate) fn names(config: &Config) -> Vec<String> {
    let mut names: Vec<String> = Preset::all().iter().map(|p| p.name.to_owned()).collect();
    names.extend(config.agents.keys().filter(|n| Preset::find(n).is_none()).cloned());
    names
}

/// Looks for an agent's program, as a shell would, in the `PATH` of its configuration or the daemon's own: never in
/// one that a client names, who could make another program of it. Gives where it was looked for otherwise.
pub(crate) fn look_for(def: &AgentDef) -> Result<PathBuf, Vec<PathBuf>> {
    let program = def.command.first().map_or("", String::as_str);
    if program.contains('/') {
        let path = PathBuf::from(program);
        return if is_program(&path) { Ok(path) } else { Err(vec![path]) };
    }
    let path = def.env.get("PATH").map(Into::into).or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let tried: Vec<PathBuf> = std::env::split_paths(&path).map(|dir| dir.join(program)).collect();
    tried.iter().find(|path| is_program(path)).cloned().ok_or(tried)
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// What is known of an agent's verbs before it was ever started.
pub(crate) fn known(protocol: Protocol) -> Option<Capabilities> {
    Some(Capabilities { supports: known_supports(protocol), ..Capabilities::default() })
}

/// What there is to know about an agent on this machine. Runs the program to ask its version.
pub(crate) async fn entry(def: &AgentDef, version: Option<String>) -> AgentEntry {
    let mut entry = AgentEntry {
        name: def.name.clone(),
        protocol: def.protocol.as_str().to_owned(),
        installed: false,
        path: None,
        version,
        auth: None,
        capabilities: None,
        looked_in: Vec::new(),
        how_to_install: None,
        configured: def.configured,
    };
    if def.protocol == Protocol::Scripted {
        entry.installed = true;
        entry.version = Some(env!("CARGO_PKG_VERSION").to_owned());
        entry.auth =
            Some(AuthState { logged_in: "yes".into(), source: Some("needs none".into()), how: None });
        return entry;
    }
    match look_for(def) {
        Ok(path) => {
            entry.installed = true;
            if entry.version.is_none() {
                entry.version = ask_version(def, &path).await;
            }
            entry.path = Some(path.display().to_string());
            entry.auth = Some(auth(def));
        }
        Err(looked_in) => {
            entry.looked_in = looked_in.iter().map(|path| path.display().to_string()).collect();
            entry.how_to_install = def.preset.map(|p| p.install.to_owned());
        }
    }
    entry
}

/// Whether a name that carries a login is set, for the daemon or in the agent's configuration. A login that the
/// program keeps for itself is not looked into.
fn auth(def: &AgentDef) -> AuthState {
    let names = def.preset.map_or(&[][..], |p| p.auth_env);
    let carries = |n: &&&str| n.contains("KEY") || n.contains("TOKEN");
    let set = |n: &&&str| def.env.contains_key(**n) || std::env::var_os(**n).is_some_and(|v| !v.is_empty());
    match names.iter().filter(carries).find(set) {
        Some(name) => AuthState { logged_in: "yes".into(), source: Some((*name).to_owned()), how: None },
        None => AuthState {
            logged_in: "unknown".into(),
            source: None,
            how: def.preset.map(|p| p.login.to_owned()),
        },
    }
}

async fn ask_version(def: &AgentDef, path: &Path) -> Option<String> {
    let args = def.preset.map_or(&["--version"][..], |p| p.version_args);
    let argv = std::iter::once(path.display().to_string()).chain(args.iter().map(|a| (*a).to_owned()));
    let env = ["PATH", "HOME"].into_iter().filter_map(|n| Some((n.to_owned(), std::env::var(n).ok()?)));
    let env = env.chain(def.env.clone()).collect();
    let capture = Capture { env, timeout: PATIENCE, ..Capture::new(argv) };
    let out = run_capture(capture).await.ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let first = text.lines().map(str::trim).find(|l| !l.is_empty())?;
    Some(first.chars().take(80).collect())
}
