//! A session's tool servers: how they stand, replacing them, and connecting to one again.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use tenure_api::{ErrorCode, McpServersSet, Page, Problem, SetMcpServers, VerbReply, VerbRequest};
use tenure_core::machine::McpRequest;
use tenure_core::{Reply, Request, Until};
use tenure_event::{Kind, McpChange, McpServer, McpVerb, SessionId};

use super::app::{App, Shared};
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::problem::{Answer, Failure};
use super::{answers, lookup, verbs};

/// How long the agent may take to tell how its servers stand, before what it told last is shown.
const TOLD_IN: Duration = Duration::from_secs(5);

/// Tool servers as they stand: of an agent that can be asked, as it says now, and otherwise as it told last. One that is
/// wanted and of which the agent tells nothing is `pending`; one whose process was seen and has ended is `failed`, whatever
/// the agent says.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/mcp", tag = "control",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Page<McpServer>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Page<McpServer>>> {
    let (id, _) = lookup::existing(&app, &id).await?;
    if let Ok(told) = tokio::time::timeout(TOLD_IN, app.node.refresh_servers(&id)).await {
        told?;
    }
    Ok(Json(Page { items: app.node.servers(&id).await?, next: None }))
}

/// Replaces the tool servers that such requests have set; those that the session was created with stay. With a running
/// agent it answers when the agent has them, or has found that it cannot; without one the next process starts with them.
#[utoipa::path(
    put, path = "/v1/sessions/{id}/mcp", tag = "control", request_body = SetMcpServers,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses((status = 200, body = McpServersSet), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn set(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    keyed: Keyed,
    body: Body<SetMcpServers>,
) -> Answer<Json<McpServersSet>> {
    let (id, row) = lookup::existing(&app, &id).await?;
    verbs::past_its_start(&app, &id).await?;
    let claim = keyed.claim(&app, &body.hash)?;
    let reply = app.node.set_servers(&id, &row.agent, body.value, claim.key()).await?;
    let Reply::Done { hit, seq, until } = reply else {
        return Err(Failure::new(ErrorCode::Internal, "the session answered something else than was asked"));
    };
    if hit.is_empty() {
        return Ok(Json(McpServersSet::default()));
    }
    // Without a process it is done with the reply, and its event is the last one.
    let after = if matches!(until, Until::Now) { seq.0.saturating_sub(1) } else { seq.0 };
    if !matches!(until, Until::Now) {
        answers::told(&app, &id, seq, until).await?;
    }
    let McpChange { added, removed, errors, .. } = change_after(&app, &id, after).await?;
    Ok(Json(McpServersSet { added, removed, errors }))
}

/// The first replacement after `seq`; it is in the log.
async fn change_after(app: &App, id: &SessionId, seq: u64) -> Answer<McpChange> {
    let found = verbs::waiting(app, id, seq, &["mcp.changed"]).until(|event| match &event.kind {
        Kind::McpChanged(data) => data.change.clone().filter(|change| change.verb == McpVerb::Set),
        _ => None,
    });
    let lost =
        || Failure::new(ErrorCode::Timeout, "the servers were set, and what came of it is in the events");
    found.await?.ok_or_else(lost)
}

macro_rules! verb {
    ($(#[$doc:meta])* $name:ident, $path:literal, $request:ident) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path, tag = "control", request_body = VerbRequest,
            params(
                ("id" = String, Path, description = "The session."),
                ("name" = String, Path, description = "The tool server."),
                ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key."),
            ),
            responses(
                (status = 200, body = VerbReply),
                (status = 202, description = "Recorded (`wait: accepted`).", body = VerbReply),
                (status = "default", body = Problem, content_type = "application/problem+json"),
            )
        )]
        pub(super) async fn $name(
            State(app): State<Shared>,
            Segments((id, name)): Segments<(String, String)>,
            keyed: Keyed,
            body: Body<VerbRequest>,
        ) -> Answer<Response> {
            let (known, _) = lookup::existing(&app, &id).await?;
            verbs::past_its_start(&app, &known).await?;
            let request = Request::Mcp(McpRequest::$request { name });
            verbs::run(&app, &id, keyed, &body.hash, request, body.value.wait).await
        }
    };
}

verb!(
    /// Connects to a tool server again; answers when it is connected. One that cannot be reached is 409 with the agent's
    /// words, and shows `failed`.
    reconnect, "/v1/sessions/{id}/mcp/{name}/reconnect", Reconnect
);
verb!(
    /// Uses a tool server again that was disabled.
    enable, "/v1/sessions/{id}/mcp/{name}/enable", Enable
);
verb!(
    /// Uses a tool server no more, until it is enabled.
    disable, "/v1/sessions/{id}/mcp/{name}/disable", Disable
);
