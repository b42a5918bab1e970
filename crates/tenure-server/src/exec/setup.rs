//! The command that makes a new worktree ready, before its session is there.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tenure_api::{ErrorCode, ExecResult, Problem, WorktreeSetup};
use tenure_event::SessionId;
use tenure_host::ExecSpec;
use tokio_util::sync::CancellationToken;

use super::order::{environment_of, mark, place, words};
use super::{Order, start};
use crate::node::Shared;
use crate::node::agents::AgentDef;
use crate::owner::Private;

/// Milliseconds that it may take unless its request says otherwise.
const USUAL_MS: u64 = 600_000;
/// Milliseconds that it may take at most.
const LONGEST_MS: u64 = 3_600_000;
/// Bytes of each output that are kept: of what it said last.
const KEPT: usize = 16 << 10;

/// A command that can be started once its directory is there.
pub(crate) struct Setup {
    argv: Vec<String>,
    env: Vec<(String, String)>,
    timeout: Duration,
    session: SessionId,
}

impl Setup {
    /// Checks a request; the command gets what other commands of its session will get.
    pub(crate) fn of(
        request: &WorktreeSetup,
        session: &SessionId,
        agent: &AgentDef,
        private: &Private,
    ) -> Result<Self, Problem> {
        let within = |e: Problem| {
            let field = e.field.clone().unwrap_or_default();
            Problem { field: Some(format!("workspace.worktree.setup.{field}")), ..e }
        };
        let argv = words(request.command.clone(), request.shell.clone()).map_err(within)?;
        let timeout = request.timeout_ms.unwrap_or(USUAL_MS);
        if !(1..=LONGEST_MS).contains(&timeout) {
            let what = format!("give 1 to {LONGEST_MS} milliseconds");
            return Err(within(Problem::invalid("timeout_ms", what)));
        }
        let env = environment_of(agent, private);
        Ok(Self { argv, env, timeout: Duration::from_millis(timeout), session: session.clone() })
    }
}

/// Runs it to its end, which must be a good one.
pub(crate) async fn set_up(shared: &Arc<Shared>, dir: &Path, setup: Setup) -> Result<ExecResult, Problem> {
    let Setup { argv, mut env, timeout, session } = setup;
    mark(&mut env, shared, &session);
    let (place, program) = (place(shared, &session)?, shared.program.clone());
    let cgroup = shared.config().sessions.cgroups;
    let spec = ExecSpec { argv, cwd: dir.to_owned(), env, merged: false, cgroup, gently: None, program };
    let order = Order { spec, stdin: Bytes::new(), timeout: Some(timeout), place };
    let failed = |what: String| Problem {
        field: Some("workspace.worktree.setup".to_owned()),
        ..Problem::new(ErrorCode::Invalid, what)
    };
    let run = start(shared, &session, order, CancellationToken::new()).await;
    let run = run.map_err(|e| failed(format!("the setup cannot be started: {e}")))?;
    let mut said = run.gather().await;
    let cut = [last_part(&mut said.stdout), last_part(&mut said.stderr)];
    said.truncated |= cut.contains(&true);
    (said.stdout_base64, said.stderr_base64) = (None, None);
    if said.exit_code == Some(0) && !said.timed_out && !said.cancelled {
        return Ok(said);
    }
    let how = match (said.exit_code, said.timed_out) {
        (_, true) => "did not end in time".to_owned(),
        (Some(code), _) => format!("ended with {code}"),
        (None, _) => "was ended by a signal".to_owned(),
    };
    let words =
        [&said.stderr, &said.stdout].into_iter().map(|text| text.trim()).find(|text| !text.is_empty());
    let last = words.and_then(|text| text.lines().last()).unwrap_or("nothing");
    let what = format!("the setup {how}, so nothing was made; it said at last: {last}");
    Err(failed(what).with_data(serde_json::json!({"setup": said})))
}

/// Whether something had to go.
fn last_part(text: &mut String) -> bool {
    let from = text.len().saturating_sub(KEPT);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.drain(..from);
    from > 0
}
