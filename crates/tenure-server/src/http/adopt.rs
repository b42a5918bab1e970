//! Adopting conversations: sessions that go on in what another program began.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tenure_api::{AdoptConversation, Created, Problem};

use super::app::Shared;
use super::extract::{InputBody, Segments};
use super::idempotency::Keyed;
use super::past::Source;
use super::problem::Answer;
use super::sessions::{answer, check_begin};

/// Goes on in a conversation that another program began: a new session of the agent that keeps it, which shows what was said
/// before as `origin: native`. Refused while another process writes the conversation (409 `busy`, with its pid), and if a
/// session here holds it (409 `conflict`, with the session).
#[utoipa::path(
    post, path = "/v1/history/{agent}/{native_id}/adopt", tag = "history", request_body = AdoptConversation,
    params(
        ("agent" = String, Path, description = "The agent."), ("native_id" = String, Path, description = "The agent's own id of it."),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key."),
    ),
    responses(
        (status = 201, body = Created),
        (status = 200, description = "It was adopted before, with the same id and body.", body = Created),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn adopt(
    State(app): State<Shared>,
    Segments((agent, native_id)): Segments<(String, String)>,
    keyed: Keyed,
    InputBody(body): InputBody<AdoptConversation>,
) -> Answer<Response> {
    let source = Source::find(&app, &agent, &native_id).await?;
    let claim = keyed.claim(&app, &body.hash)?;
    let request = body.value;
    check_begin(request.id.as_deref(), request.input.as_ref(), request.start != Some(false), request.wait)?;
    let (wait, has_input) = (request.wait, request.input.is_some());
    let outcome = app.node.adopt(source.adoptee(&app)?, request, claim.key()).await?;
    let (status, created) = answer(&app, outcome, wait, has_input).await?;
    Ok((status, Json::<Created>(created)).into_response())
}
