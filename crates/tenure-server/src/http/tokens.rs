//! Tokens narrower than the home's own.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use tenure_api::{CreateToken, ErrorCode, Page, Problem, TokenCreated, TokenEntry};

use super::app::Shared;
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::problem::{Answer, Failure};
use crate::auth::TokenError;
use crate::clock;

fn refused(error: TokenError) -> Failure {
    let code = match &error {
        TokenError::Taken(_) | TokenError::TooMany(_) => ErrorCode::Conflict,
        TokenError::Unknown(_) => ErrorCode::NotFound,
        TokenError::Io { .. } => ErrorCode::Storage,
        TokenError::Empty(_) | TokenError::Damaged { .. } | TokenError::Random(_) => ErrorCode::Internal,
    };
    Failure::new(code, error.to_string())
}

/// Every token but the home's own.
#[utoipa::path(
    get, path = "/v1/tokens", tag = "tokens",
    responses((status = 200, body = Page<TokenEntry>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(State(app): State<Shared>) -> Json<Page<TokenEntry>> {
    Json(Page { items: app.tokens.list(), next: None })
}

/// Makes a token; its secret is shown this once.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "tokens", request_body = CreateToken,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 201, body = TokenCreated),
        (status = 200, description = "The same request was made before.", body = TokenCreated),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(app): State<Shared>,
    keyed: Keyed,
    body: Body<CreateToken>,
) -> Answer<(StatusCode, Json<TokenCreated>)> {
    let claim = keyed.claim(&app, &body.hash)?;
    let CreateToken { name, scope } = body.value;
    if !tenure_event::client_id_is_valid(&name) {
        return Err(Failure::invalid("name", "use 1 to 64 of A-Z a-z 0-9 . _ -, but neither `.` nor `..`"));
    }
    let key = claim.key();
    let key = key.as_ref().map(|key| key.key.as_str());
    let (made, new) = app.tokens.add(&name, scope, key, clock::now()).map_err(refused)?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(made)))
}

/// Removes a token: requests with it are refused from now on.
#[utoipa::path(
    delete, path = "/v1/tokens/{name}", tag = "tokens",
    params(("name" = String, Path, description = "The token's name.")),
    responses((status = 200, body = TokenEntry), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn remove(
    State(app): State<Shared>,
    Segments(name): Segments<String>,
) -> Answer<Json<TokenEntry>> {
    app.tokens.remove(&name).map(Json).map_err(refused)
}
