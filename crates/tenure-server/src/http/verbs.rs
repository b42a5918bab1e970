//! The verbs that end or bring back something. Each answers when it is done: what it waits for is an
//! event in the log.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;
use tenure_api::{ErrorCode, Interrupt, Problem, VerbReply, VerbRequest, VerbWait};
use tenure_core::{Reply, Request, Until};
use tenure_event::{Axes, ErrorInfo, Event, HealthReason, Kind, Lifecycle, ProcessExited, Seq, SessionId};
use tenure_log::{EventLog, SqliteLog};

use super::app::{App, Shared};
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::problem::{Answer, Failure};
use super::wait::Wait;
use super::{answers, lookup};

/// Ends the running turn; answers at the turn's end. It never kills.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/interrupt", tag = "verbs", request_body = Interrupt,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 200, body = VerbReply),
        (status = 202, description = "Recorded (`wait: accepted`).", body = VerbReply),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn interrupt(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<Interrupt>,
) -> Answer<Response> {
    let Interrupt { queue, wait } = body.value;
    run(&app, &id, keyed, &body.hash, Request::Interrupt { queue }, wait).await
}

macro_rules! verb {
    ($(#[$doc:meta])* $name:ident, $path:literal, $request:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, tag = "verbs", request_body = VerbRequest,
            params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
            responses(
                (status = 200, body = VerbReply),
                (status = 202, description = "Recorded (`wait: accepted`).", body = VerbReply),
                (status = "default", body = Problem, content_type = "application/problem+json"),
            )
        )]
        pub(super) async fn $name(
            State(app): State<Shared>,
            Segments(id): Segments<String>,
            keyed: Keyed,
            body: Body<VerbRequest>,
        ) -> Answer<Response> {
            run(&app, &id, keyed, &body.hash, $request, body.value.wait).await
        }
    };
}

verb!(
    /// Ends the process and keeps everything; an input or `resume` brings one back.
    suspend, "/v1/sessions/{id}/suspend", Request::Suspend
);
verb!(
    /// Brings a process back; answers when its handshake is done.
    resume, "/v1/sessions/{id}/resume", Request::Resume
);
verb!(
    /// Ends the process and everything it started; inputs are refused until `resume`.
    close, "/v1/sessions/{id}/close", Request::Close
);
verb!(
    /// As close, without grace.
    kill, "/v1/sessions/{id}/kill", Request::Kill
);

pub(super) async fn run(
    app: &Shared,
    segment: &str,
    keyed: Keyed,
    hash: &str,
    request: Request,
    wait: VerbWait,
) -> Answer<Response> {
    let (id, _) = lookup::existing(app, segment).await?;
    let claim = keyed.claim(app, hash)?;
    let reply = app.node.call(&id, request, claim.key()).await?;
    let Reply::Done { hit, seq, until } = reply else { return Err(odd_reply()) };
    if wait == VerbWait::Accepted {
        let session = app.node.view(&id).await?;
        let reply = VerbReply { hit, remained: Vec::new(), session };
        return Ok((StatusCode::ACCEPTED, Json(reply)).into_response());
    }
    let end = match until {
        Until::Now => Ended::default(),
        Until::TurnEnd(turn) => turn_end(app, &id, seq, &turn).await?,
        Until::ProcessGone => process_gone(app, &id, seq, |_| true).await?,
        Until::Ready => {
            ready(app, &id, seq.0).await?;
            Ended::default()
        }
        Until::Cleared => cleared(app, &id, seq).await?,
        Until::Answers(_) | Until::Compacted(_) | Until::TaskEnd(..) => {
            answers::told(app, &id, seq, until).await?;
            Ended::default()
        }
    };
    Ok(Json(end.reply(app, &id, hit).await?).into_response())
}

/// Waits for the end of what `destroy` began.
pub(super) async fn destroyed(app: &App, id: &SessionId, reply: Reply) -> Answer<VerbReply> {
    let Reply::Done { hit, seq, until } = reply else { return Err(odd_reply()) };
    let end = match until {
        Until::Now => Ended::default(),
        _ => process_gone(app, id, seq, |kind| matches!(kind, Kind::SessionDestroyed(_))).await?,
    };
    // The event comes before the files go.
    app.node.settled(id).await;
    let mut reply = end.reply(app, id, hit).await?;
    reply.remained.extend(app.node.kept_workspace(&reply.session.workspace.id).await);
    Ok(reply)
}

/// What was seen of a process's end.
#[derive(Debug, Default)]
struct Ended {
    hit: Vec<u32>,
    remained: Vec<u32>,
}

impl Ended {
    async fn reply(self, app: &App, id: &SessionId, mut hit: Vec<String>) -> Answer<VerbReply> {
        let named = |pid: &u32| format!("process:{pid}");
        for name in self.hit.iter().map(named) {
            if !hit.contains(&name) {
                hit.push(name);
            }
        }
        let remained = self.remained.iter().map(named).collect();
        Ok(VerbReply { hit, remained, session: app.node.view(id).await? })
    }
}

verb!(
    /// Begins an empty conversation in a new process; what was said stays readable as an epoch of its own.
    clear, "/v1/sessions/{id}/clear", Request::Clear
);

async fn turn_end(app: &App, id: &SessionId, seq: Seq, turn: &tenure_event::TurnId) -> Answer<Ended> {
    let mut wait = waiting(app, id, seq.0, &["turn.completed", "session.destroyed"]);
    wait.at_most = Some(app.limits.interrupt_time);
    let ended = wait.until(|event| match &event.kind {
        Kind::TurnCompleted(data) => (data.turn_id == *turn).then_some(()),
        Kind::SessionDestroyed(_) => Some(()),
        _ => None,
    });
    let late = || {
        let detail =
            "the agent does not react to the interrupt; it was recorded, and `kill` ends the process";
        Problem::new(ErrorCode::Timeout, detail).about(id).with_data(json!({"use": "kill"}))
    };
    ended.await?.ok_or_else(late)?;
    Ok(Ended::default())
}

async fn cleared(app: &App, id: &SessionId, seq: Seq) -> Answer<Ended> {
    let mut wait = waiting(app, id, seq.0, &["session.cleared", "session.closed", "session.destroyed"]);
    wait.at_most = Some(app.limits.verb_time);
    let ended = wait.until(|event| Some(matches!(event.kind, Kind::SessionCleared(_))));
    let late = "the old process did not end in time; `kill` ends it without grace";
    match ended.await? {
        Some(true) => Ok(Ended::default()),
        Some(false) => {
            let what = "the session was closed before it was cleared; `resume` it and try again";
            Err(Problem::new(ErrorCode::Closed, what).about(id).into())
        }
        None => Err(Problem::new(ErrorCode::Timeout, late).about(id).into()),
    }
}

async fn process_gone(app: &App, id: &SessionId, seq: Seq, counts: impl Fn(&Kind) -> bool) -> Answer<Ended> {
    let types = ["session.suspended", "session.closed", "session.failed", "session.destroyed"];
    let mut wait = waiting(app, id, seq.0, &types);
    wait.at_most = Some(app.limits.verb_time);
    let mut seen = Ended::default();
    let ended = wait.until(|event| {
        if let Kind::SessionClosed(data) = &event.kind {
            seen = Ended { hit: data.hit.clone(), remained: data.remained.clone() };
        }
        let last = matches!(event.kind, Kind::SessionDestroyed(_)) || counts(&event.kind);
        last.then_some(())
    });
    let late = || {
        let detail = "the process did not end in time; `kill` ends it without grace";
        Problem::new(ErrorCode::Timeout, detail).about(id)
    };
    ended.await?.ok_or_else(late)?;
    Ok(seen)
}

/// Waits for the handshake of a process that is just starting; what has to be asked of the agent can be asked then.
pub(super) async fn past_its_start(app: &App, id: &SessionId) -> Answer<()> {
    let view = app.node.stored(id).await?;
    if view.process.is_some() && view.axes.health.why == Some(HealthReason::Starting) {
        ready(app, id, view.last_seq.0.saturating_sub(1)).await?;
    }
    Ok(())
}

/// Waits for a handshake after `seq`. An agent that exits before it is an error with its last words.
pub(super) async fn ready(app: &App, id: &SessionId, seq: u64) -> Answer<()> {
    let types = ["session.*", "process.exited"];
    let mut wait = waiting(app, id, seq, &types);
    wait.at_most = Some(app.limits.verb_time);
    let mut exit = None;
    let outcome = wait.until(|event| match &event.kind {
        Kind::ProcessExited(data) => {
            exit = Some(data.clone());
            None
        }
        Kind::SessionFailed(data) => Some(Err(failed(id, &data.error, exit.as_ref()))),
        Kind::SessionSuspended(_) | Kind::SessionClosed(_) => Some(Err(ended_early(id, exit.as_ref()))),
        Kind::SessionDestroyed(_) => Some(Err(lookup::destroyed(id))),
        _ => axes_of(event).filter(|axes| is_ready(axes)).map(|_| Ok(())),
    });
    let late = || {
        let detail = "the agent's handshake is not done yet; look at the session's events, or `kill` it";
        Problem::new(ErrorCode::Timeout, detail).about(id)
    };
    match outcome.await?.ok_or_else(late)? {
        Err(failure) => Err(with_names(app, id, failure).await),
        Ok(()) => Ok(()),
    }
}

/// A start that failed because the agent lacks something: who, and what.
async fn with_names(app: &App, id: &SessionId, mut failure: Failure) -> Failure {
    let problem = &mut failure.0;
    let told = problem.data.as_ref().and_then(|data| data["capability"].as_str()).map(ToOwned::to_owned);
    if problem.code == ErrorCode::Unsupported && told.is_some() {
        problem.agent = app.log().session(id).await.ok().flatten().map(|row| row.agent);
        problem.capability = told;
    }
    failure
}

/// Why a session failed, for whoever waits for something that failed with it.
pub(super) async fn failure_after(app: &App, id: &SessionId, seq: Seq) -> Answer<Option<Failure>> {
    let mut wait = waiting(app, id, seq.0, &["session.failed"]);
    // It stands in the same commit.
    wait.at_most = Some(std::time::Duration::from_secs(1));
    wait.until(|event| match &event.kind {
        Kind::SessionFailed(data) => Some(failed(id, &data.error, None)),
        _ => None,
    })
    .await
}

fn is_ready(axes: &Axes) -> bool {
    axes.lifecycle == Lifecycle::Live
        && axes.activity.is_some()
        && axes.health.why != Some(HealthReason::Starting)
}

fn axes_of(event: &Event) -> Option<&Axes> {
    match &event.kind {
        Kind::SessionCreated(data) => Some(&data.axes),
        Kind::SessionUpdated(data) => Some(&data.axes),
        Kind::SessionActivityChanged(data)
        | Kind::SessionHealthChanged(data)
        | Kind::SessionResumed(data) => Some(&data.axes),
        Kind::SessionNativeBound(data) => Some(&data.axes),
        _ => None,
    }
}

fn failed(id: &SessionId, error: &ErrorInfo, exit: Option<&ProcessExited>) -> Failure {
    let code = serde_json::from_value(json!(error.code)).unwrap_or(ErrorCode::AgentExited);
    let mut problem = Problem::new(code, error.message.clone()).about(id);
    problem.data = error.data.clone().or_else(|| exit.and_then(|exit| serde_json::to_value(exit).ok()));
    problem.into()
}

fn ended_early(id: &SessionId, exit: Option<&ProcessExited>) -> Failure {
    let words = exit.map(|exit| exit.stderr_tail.trim()).filter(|text| !text.is_empty());
    let detail = match words {
        Some(words) => format!("the agent ended before its handshake was done; it said: {words}"),
        None => "the agent ended before its handshake was done, and said nothing".to_owned(),
    };
    let mut problem = Problem::new(ErrorCode::AgentExited, detail).about(id);
    problem.data = exit.and_then(|exit| serde_json::to_value(exit).ok());
    problem.into()
}

pub(super) fn waiting<'a>(
    app: &'a App,
    session: &'a SessionId,
    after: u64,
    types: &'a [&'a str],
) -> Wait<'a, SqliteLog> {
    Wait { log: app.log(), session, after, types, at_most: None, stopping: &app.stopping }
}

fn odd_reply() -> Failure {
    Failure::new(ErrorCode::Internal, "the session answered something else than was asked")
}
