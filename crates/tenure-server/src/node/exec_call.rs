//! Commands of clients: started for a session, cancelled, and their answers kept for whoever repeats a request.

use tenure_api::{ErrorCode, ExecCancelled, ExecRequest, Problem};
use tenure_event::SessionId;
use tenure_host::LaunchError;
use tenure_log::SessionRow;
use tokio_util::sync::CancellationToken;

use super::Node;
use crate::exec::{self, Order, Run};
use crate::problem;

/// A command that was checked and has its place, and is not started yet.
pub(crate) struct Ordered {
    session: SessionId,
    order: Order,
    /// What names the program.
    field: &'static str,
}

impl Node {
    /// Checks a command for a session.
    pub(crate) async fn order(&self, row: &SessionRow, request: ExecRequest) -> Result<Ordered, Problem> {
        let field = if request.shell.is_some() { "shell" } else { "command[0]" };
        let order = Order::of(&self.shared, row, request).await?;
        Ok(Ordered { session: row.id.clone(), order, field })
    }

    /// Starts a command where a session works; dropping the run kills it, and so does `cancel`.
    pub(crate) async fn exec(&self, ordered: Ordered, cancel: CancellationToken) -> Result<Run, Problem> {
        let Ordered { session, order, field } = ordered;
        let run = exec::start(&self.shared, &session, order, cancel).await;
        let run = run.map_err(|e| not_started(&e, field).about(&session))?;
        // Whoever destroyed it meanwhile may have looked for its commands before this one was there. It goes with the run.
        self.shared.must_exist(&session).await?;
        Ok(run)
    }

    /// Kills a command of a session and waits until nothing of it is left.
    pub(crate) async fn cancel_exec(
        &self,
        session: &SessionId,
        exec_id: &str,
    ) -> Result<ExecCancelled, Problem> {
        let none = || {
            let what = format!("session {session} runs no command `{exec_id}`; GET /v1/processes lists them");
            Problem::new(ErrorCode::NotFound, what).about(session)
        };
        let process = self.shared.execs.cancel(session, exec_id).ok_or_else(none)?;
        let ended = process.kill_and_wait().await;
        let named = |pids: &[i32]| pids.iter().map(|pid| format!("process:{pid}")).collect::<Vec<_>>();
        let mut hit = vec![format!("exec:{exec_id}")];
        hit.extend(named(&ended.hit));
        Ok(ExecCancelled { hit, remained: named(&ended.remained) })
    }
}

fn not_started(error: &LaunchError, field: &str) -> Problem {
    let invalid = |field: &str| Problem::invalid(field, error.to_string());
    match error {
        LaunchError::NotFound { .. } => {
            let data = serde_json::json!({"reason": "not_found"});
            invalid(field).with_data(data)
        }
        LaunchError::NotExecutable { .. } | LaunchError::InterpreterMissing { .. } => {
            let data = serde_json::json!({"reason": "not_executable"});
            invalid(field).with_data(data)
        }
        LaunchError::CwdMissing { .. } => invalid("cwd"),
        // The system's bound on arguments and environment.
        LaunchError::System { source, .. } if source.raw_os_error() == Some(7) => invalid(field),
        other => problem::internal(&other.to_string()),
    }
}
