//! From a request to a command that can be started: everything is checked before anything runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use tenure_api::{ErrorCode, ExecRequest, Problem};
use tenure_event::SessionId;
use tenure_host::ExecSpec;
use tenure_log::SessionRow;
use tenure_workspace::{DirError, Root};
use tokio::sync::OwnedSemaphorePermit;

use crate::node::Shared;
use crate::node::agents::AgentDef;
use crate::owner::{HOME_MARK, Private, SESSION_MARK, off_thread, resolve_environment, session_dir};
use crate::problem;

/// Commands that may run at once, over all sessions.
pub(crate) const PLACES: usize = 256;
/// Commands of one session that may run at once.
const PLACES_OF_SESSION: usize = 32;
/// Milliseconds that a command may take unless its request says otherwise.
const USUAL_MS: u64 = 120_000;
/// Milliseconds that a command may take at most.
const LONGEST_MS: u64 = 86_400_000;
/// The shell of `shell`.
const SHELL: &str = "/bin/sh";

/// A command that can be started.
pub(crate) struct Order {
    pub spec: ExecSpec,
    pub stdin: Bytes,
    /// None for ever.
    pub timeout: Option<Duration>,
    /// Its place among all commands.
    pub place: OwnedSemaphorePermit,
}

impl Order {
    /// Checks a request of a client.
    pub(crate) async fn of(
        shared: &Arc<Shared>,
        row: &SessionRow,
        request: ExecRequest,
    ) -> Result<Self, Problem> {
        let ExecRequest { command, shell, cwd, env, timeout_ms, stdin, stdin_base64 } = request;
        let argv = words(command, shell)?;
        let timeout = timeout_ms.unwrap_or(USUAL_MS);
        if !(1..=LONGEST_MS).contains(&timeout) {
            return Err(Problem::invalid("timeout_ms", format!("give 1 to {LONGEST_MS} milliseconds")));
        }
        let stdin = match (stdin, stdin_base64) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid("stdin_base64", "give `stdin` or `stdin_base64`, not both"));
            }
            (Some(text), None) => Bytes::from(text),
            (None, Some(text)) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map(Bytes::from)
                .map_err(|e| Problem::invalid("stdin_base64", format!("this is no base64: {e}")))?,
            (None, None) => Bytes::new(),
        };
        let env = env.into_iter().collect();
        let timeout = Some(Duration::from_millis(timeout));
        Self::new(shared, row, Wish { argv, cwd, env, stdin, timeout, merged: false }).await
    }

    /// A command whose words were checked.
    pub(crate) async fn new(shared: &Arc<Shared>, row: &SessionRow, wish: Wish) -> Result<Self, Problem> {
        let Wish { argv, cwd, env: own, stdin, timeout, merged } = wish;
        check_env(&own)?;
        let place = place(shared, &row.id)?;
        let cwd = directory(row.cwd.clone(), cwd).await?;
        let mut env = environment(shared, row).await?;
        for (name, value) in own {
            env.retain(|(known, _)| *known != name);
            env.extend(value.map(|value| (name, value)));
        }
        mark(&mut env, shared, &row.id);
        let cgroup = shared.config().sessions.cgroups;
        let spec = ExecSpec { argv, cwd, env, merged, cgroup, gently: None, program: shared.program.clone() };
        Ok(Self { spec, stdin, timeout, place })
    }
}

/// What is to run, before it is known whether it can.
pub(crate) struct Wish {
    pub argv: Vec<String>,
    /// Below the session's directory.
    pub cwd: Option<String>,
    /// Over the session's environment; none unsets.
    pub env: Vec<(String, Option<String>)>,
    pub stdin: Bytes,
    pub timeout: Option<Duration>,
    /// Both outputs as one, in their order.
    pub merged: bool,
}

fn check_argv(argv: &[String], field: &str) -> Result<(), Problem> {
    if argv.first().is_none_or(String::is_empty) {
        return Err(Problem::invalid(
            format!("{field}[0]"),
            "the command is empty; its first word is a program",
        ));
    }
    if field == "shell" && argv.last().is_none_or(|text| text.trim().is_empty()) {
        return Err(Problem::invalid("shell", "the text for the shell is empty"));
    }
    match argv.iter().position(|word| word.contains('\0')) {
        Some(_) if field == "shell" => Err(Problem::invalid(field, "it has a zero byte")),
        Some(at) => Err(Problem::invalid(format!("{field}[{at}]"), "it has a zero byte")),
        None => Ok(()),
    }
}

/// The words of a command: as they are given, or those of a shell.
pub(super) fn words(command: Option<Vec<String>>, shell: Option<String>) -> Result<Vec<String>, Problem> {
    let (argv, field) = match (command, shell) {
        (Some(argv), None) => (argv, "command"),
        (None, Some(text)) => (vec![SHELL.to_owned(), "-c".to_owned(), text], "shell"),
        _ => {
            let what = "give exactly one of `command` (a list: program and arguments) and `shell` (a text for /bin/sh)";
            return Err(Problem::invalid("command", what));
        }
    };
    check_argv(&argv, field)?;
    Ok(argv)
}

fn check_env(env: &[(String, Option<String>)]) -> Result<(), Problem> {
    for (name, value) in env {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Problem::invalid("env", format!("`{name}` is no name of an environment variable")));
        }
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            return Err(Problem::invalid("env", format!("the value of `{name}` has a zero byte")));
        }
    }
    Ok(())
}

pub(super) fn place(shared: &Shared, session: &SessionId) -> Result<OwnedSemaphorePermit, Problem> {
    let overloaded = |most: usize, whose: &str| {
        let what = format!(
            "{most} commands {whose} run already; wait for one, or cancel one (GET /v1/processes lists them)"
        );
        Problem::new(ErrorCode::Overloaded, what).about(session)
    };
    if shared.execs.count(session) >= PLACES_OF_SESSION {
        return Err(overloaded(PLACES_OF_SESSION, "of this session"));
    }
    Arc::clone(&shared.exec_places).try_acquire_owned().map_err(|_| overloaded(PLACES, "of this daemon"))
}

/// The directory to work in: the session's, or one below it by its real path.
async fn directory(root: String, cwd: Option<String>) -> Result<PathBuf, Problem> {
    let resolve = move || Ok(Root::open(&root).map(|root| root.real_dir(cwd.as_deref().unwrap_or("."))));
    match off_thread(resolve).await {
        Ok(Ok(Ok(path))) => Ok(path),
        Ok(Ok(Err(error))) => Err(refused(&error)),
        Ok(Err(error)) => {
            Err(Problem::new(ErrorCode::NotFound, format!("the session's directory is gone: {error}")))
        }
        Err(error) => Err(problem::internal(&error.to_string())),
    }
}

fn refused(error: &DirError) -> Problem {
    let code = match error {
        DirError::Outside { .. } => ErrorCode::Forbidden,
        DirError::NotFound { .. } | DirError::NotADirectory { .. } | DirError::Io { .. } => {
            ErrorCode::Invalid
        }
    };
    Problem { field: Some("cwd".to_owned()), ..Problem::new(code, error.to_string()) }
}

/// The session's environment: what its agent would get, without the variables by which the agent's program logs
/// in, unless the session or the configuration names them.
async fn environment(shared: &Arc<Shared>, row: &SessionRow) -> Result<Vec<(String, String)>, Problem> {
    let dir = session_dir(&shared.home, &row.id);
    let private = off_thread(move || Private::read(&dir)).await;
    let private =
        private.map_err(|e| problem::internal(&format!("the session's own file cannot be read: {e}")))?;
    Ok(environment_of(&shared.agent_or_none(&row.agent), &private))
}

/// The same for a session that may not be there yet.
pub(super) fn environment_of(agent: &AgentDef, private: &Private) -> Vec<(String, String)> {
    let mut env = resolve_environment(agent, private, std::env::vars_os());
    let logins = agent.preset.map_or(&[][..], |preset| preset.auth_env);
    if private.inherit_env.is_none() && agent.inherit_env.is_none() {
        let named = |name: &String| agent.env.contains_key(name) || private.env.contains_key(name);
        env.retain(|(name, _)| named(name) || !logins.contains(&name.as_str()));
    }
    env
}

/// Marks whose a process is: nobody else's word for it.
pub(super) fn mark(env: &mut Vec<(String, String)>, shared: &Shared, session: &SessionId) {
    env.retain(|(name, _)| name != HOME_MARK && name != SESSION_MARK);
    env.push((HOME_MARK.to_owned(), shared.home_mark.clone()));
    env.push((SESSION_MARK.to_owned(), session.to_string()));
}
