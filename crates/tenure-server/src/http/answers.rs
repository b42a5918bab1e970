//! Waiting for what an agent answers to a command. The answer is an event with the command's number, or the process
//! ends before it has answered.

use std::collections::BTreeSet;

use tenure_api::{ErrorCode, Problem};
use tenure_core::Until;
use tenure_event::{ConfigChanged, Kind, McpChanged, RequestRefused, Seq, SessionId};

use super::app::App;
use super::problem::{Answer, Failure};
use super::verbs::waiting;

/// Waits for all that `until` names; a refusal is the agent's own word as a problem.
pub(super) async fn told(app: &App, id: &SessionId, seq: Seq, until: Until) -> Answer<()> {
    let types = [
        "config.changed",
        "mcp.changed",
        "request.refused",
        "compaction.completed",
        "task.completed",
        "process.exited",
    ];
    let mut wait = waiting(app, id, seq.0, &types);
    // A summary takes as long as its model does; that the agent lives is watched elsewhere.
    let summary = matches!(until, Until::Compacted(_));
    wait.at_most = (!summary).then_some(app.limits.verb_time);
    let mut missing: BTreeSet<u64> = numbers(&until).into_iter().collect();
    let agent = app.node.stored(id).await?.agent;
    let ended = wait.until(|event| match &event.kind {
        Kind::ProcessExited(_) => Some(Err(gone(id))),
        Kind::RequestRefused(no) if missing.contains(&no.command) => Some(Err(refused(id, &agent, no))),
        Kind::ConfigChanged(ConfigChanged { command, .. }) | Kind::McpChanged(McpChanged { command, .. }) => {
            missing.remove(&(*command)?);
            missing.is_empty().then_some(Ok(()))
        }
        Kind::CompactionCompleted(data) if summary => Some(match &data.error {
            None => Ok(()),
            Some(error) => {
                Err(Problem::new(ErrorCode::Conflict, format!("not compacted: {error}")).about(id).into())
            }
        }),
        Kind::TaskCompleted(data) => {
            matches!(&until, Until::TaskEnd(task, _) if *task == data.task_id).then_some(Ok(()))
        }
        _ => None,
    });
    let late = "the agent has not answered; it was asked, and what it does shows in the session's events";
    ended.await?.unwrap_or_else(|| Err(Problem::new(ErrorCode::Timeout, late).about(id).into()))
}

fn numbers(until: &Until) -> Vec<u64> {
    match until {
        Until::Answers(numbers) => numbers.clone(),
        Until::Compacted(n) | Until::TaskEnd(_, n) => vec![*n],
        _ => Vec::new(),
    }
}

fn gone(id: &SessionId) -> Failure {
    let what = "the agent's process ended before it answered";
    Problem::new(ErrorCode::AgentExited, what).about(id).into()
}

fn refused(id: &SessionId, agent: &str, no: &RequestRefused) -> Failure {
    let words = format!("{agent} refused {}: {}", no.verb, no.error.message);
    let mut problem = match no.error.code.as_str() {
        "invalid" => Problem::invalid(no.verb.trim_start_matches("set_"), words),
        "not_found" => Problem::new(ErrorCode::NotFound, words),
        "rate_limited" => Problem::new(ErrorCode::RateLimited, words),
        "auth_required" => Problem::new(ErrorCode::AuthRequired, words),
        "unsupported" => Problem::unsupported(agent, &no.verb, &no.error.message),
        _ => Problem::new(ErrorCode::Conflict, words),
    }
    .about(id);
    problem.data = no.error.data.clone();
    problem.into()
}
