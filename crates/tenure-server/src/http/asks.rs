//! Asks: the agents' requests to people. Anyone may answer one, once.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use tenure_api::{AnswerAsk, AskAnswered, ErrorCode, Page, Problem};
use tenure_core::{AnswerRequest, Reply, Request};
use tenure_event::{Ask, AskId, AskState, SessionId};
use tenure_log::{EventLog, StoredAsk};
use utoipa::IntoParams;

use super::app::{App, Shared};
use super::events::{clamp, split};
use super::extract::{Body, Params, Segments};
use super::idempotency::Keyed;
use super::lookup;
use super::problem::{Answer, Failure};

/// Which asks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct AskParams {
    /// Any of `open`, `resolved`, `expired`, `withdrawn`, separated by commas; without it all.
    state: Option<String>,
    /// At most so many (default 100, at most 1000).
    limit: Option<usize>,
}

/// Asks of all sessions, newest first.
#[utoipa::path(
    get, path = "/v1/asks", tag = "asks", params(AskParams),
    responses((status = 200, body = Page<Ask>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Params(params): Params<AskParams>,
) -> Answer<Json<Page<Ask>>> {
    found(&app, None, params).await
}

/// Asks of a session, newest first.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/asks", tag = "asks",
    params(("id" = String, Path, description = "The session."), AskParams),
    responses((status = 200, body = Page<Ask>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn of_session(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<AskParams>,
) -> Answer<Json<Page<Ask>>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    found(&app, Some(&id), params).await
}

async fn found(app: &App, id: Option<&SessionId>, params: AskParams) -> Answer<Json<Page<Ask>>> {
    let mut states = Vec::new();
    for word in split(params.state) {
        let state = serde_json::from_value::<AskState>(json!(word));
        let known = "give any of `open`, `resolved`, `expired`, `withdrawn`";
        states.push(state.map_err(|_| Failure::invalid("state", known))?);
    }
    let rows = app.log().asks(id, &states, clamp(params.limit)?).await?;
    let items = rows.iter().map(view).collect::<Answer<_>>()?;
    Ok(Json(Page { items, next: None }))
}

fn view(row: &StoredAsk) -> Answer<Ask> {
    serde_json::from_str(&row.view).map_err(|error| {
        Failure::new(ErrorCode::Internal, format!("the stored ask {} cannot be read: {error}", row.id))
    })
}

/// Answers an ask. The first answer wins; a second gets 409 with the first one's decision in `data`.
#[utoipa::path(
    post, path = "/v1/asks/{ask_id}", tag = "asks", request_body = AnswerAsk,
    params(("ask_id" = String, Path, description = "The ask."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = AskAnswered), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn answer(
    State(app): State<Shared>,
    Segments(segment): Segments<String>,
    keyed: Keyed,
    body: Body<AnswerAsk>,
) -> Answer<Json<AskAnswered>> {
    let unknown = || Failure::new(ErrorCode::NotFound, format!("there is no ask `{segment}`"));
    let ask_id = AskId::parse(&segment).map_err(|_| unknown())?;
    let row = app.log().ask(&ask_id).await?.ok_or_else(unknown)?;
    let claim = keyed.claim(&app, &body.hash)?;
    let known = "give `allow`, `deny` or `cancel` (or `once`, `always`, `reject`)";
    let (decision, scope) = body.value.decided().ok_or_else(|| Failure::invalid("decision", known))?;
    let AnswerAsk { message, updated_input, answers, option_id, .. } = body.value;
    let request =
        AnswerRequest { ask_id: ask_id.clone(), decision, scope, message, updated_input, answers, option_id };
    // A key may bring back the reply of the answer that ended it.
    if row.state != AskState::Open && claim.key().is_none() {
        return Err(over(&view(&row)?));
    }
    match app.node.call(&row.session_id, Request::Answer(request), claim.key()).await {
        Ok(Reply::Answered(ask)) => Ok(Json(AskAnswered { ask: *ask })),
        Ok(_) => Err(Failure::new(ErrorCode::Internal, "the session answered something else than was asked")),
        Err(problem) if problem.code == ErrorCode::Conflict && problem.data.is_none() => {
            // Somebody else was faster.
            let row = app.log().ask(&ask_id).await?.filter(|row| row.state != AskState::Open);
            Err(row.map_or(Ok(problem.into()), |row| view(&row).map(|ask| over(&ask)))?)
        }
        Err(problem) => Err(problem.into()),
    }
}

fn over(ask: &Ask) -> Failure {
    let how = match ask.state {
        AskState::Resolved => "was answered already",
        AskState::Expired => "has expired and was denied",
        AskState::Withdrawn => "was withdrawn: nobody waits for its answer",
        AskState::Open => "is open",
    };
    let data = json!({"state": ask.state, "decision": ask.decision, "scope": ask.scope});
    Problem::new(ErrorCode::Conflict, format!("ask {} {how}", ask.id))
        .about(&ask.session_id)
        .with_data(data)
        .into()
}
