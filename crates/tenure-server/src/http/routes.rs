//! Every route with the scope that it needs.

mod table;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;
use tenure_api::{ErrorCode, Problem, TokenScope};
use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use self::table::{Table, rows};
use super::app::App;
use super::document;
use super::problem::{Answer, Failure, no_such_method, no_such_path};
use crate::auth::Caller;

/// All routes.
fn all<T: Table>(table: T) -> T {
    of_the_workspace(of_sessions(of_the_node(table)))
}

/// What the OpenAPI document tells of them.
pub(super) fn documented() -> OpenApi {
    all(OpenApiRouter::with_openapi(document::Base::openapi())).into_openapi()
}

/// The daemon itself, and all that is there beside single sessions.
fn of_the_node<T: Table>(table: T) -> T {
    rows!(table;
        - info::healthz,
        Read info::info,
        Read document::document,
        Read metrics::metrics,
        Read agents::list,
        Read processes::list,
        Read processes::of_session,
        Admin processes::reap,
        Read projects::list,
        Sessions projects::create,
        Read workspaces::list,
        Read workspaces::get,
        Workspace workspaces::diff,
        Workspace workspaces::merge,
        Workspace workspaces::discard,
        Read past::list,
        Read past::get,
        Read past::messages,
        Read past_transcript::transcript,
        Sessions adopt::adopt,
        Read past_index::index,
        Admin past_index::rebuild,
        Read search::search,
        Read search::usage,
        Admin tokens::list,
        Admin tokens::create,
        Admin tokens::remove,
    )
}

/// Sessions, and what is asked of one.
fn of_sessions<T: Table>(table: T) -> T {
    rows!(table;
        Read sessions::list,
        Sessions sessions::create,
        Read sessions::get,
        Sessions sessions::patch,
        Sessions sessions::destroy,
        Read sessions::capabilities,
        Read config::get,
        Sessions config::patch,
        Read inside::metrics,
        Read inside::todos,
        Read mcp::list,
        Sessions mcp::set,
        Sessions mcp::reconnect,
        Sessions mcp::enable,
        Sessions mcp::disable,
        Read tasks::list,
        Read tasks::show,
        Sessions tasks::stop,
        Sessions commands::run,
        Sessions commands::compact,
        Sessions verbs::clear,
        Sessions inputs::send,
        Sessions fork::fork,
        Read inputs::list,
        Sessions inputs::edit,
        Sessions inputs::cancel,
        Sessions verbs::interrupt,
        Sessions verbs::suspend,
        Sessions verbs::resume,
        Sessions verbs::close,
        Sessions verbs::kill,
        Read checkpoints::list,
        Workspace checkpoints::create,
        Workspace checkpoints::diff,
        Workspace rewind::rewind,
        Workspace rewind::restore,
        Workspace rewind::undo,
        Read events::page,
        Read stream::of_session,
        Read stream::of_all,
        Read raw::raw,
        Read raw::blob,
        Read messages::page,
        Read transcript::transcript,
        Read asks::list,
        Read asks::of_session,
        Sessions asks::answer,
    )
}

/// Files and commands where a session works.
fn of_the_workspace<T: Table>(table: T) -> T {
    rows!(table;
        Workspace exec::exec,
        Workspace exec::cancel,
        Workspace files::read,
        Workspace files::put,
        Workspace files::remove,
        Workspace files::list,
        Workspace files::stat,
        Workspace files::find,
        Workspace files::grep,
        Workspace artifacts::list,
        Workspace artifacts::get,
        Workspace artifacts::put,
    )
}

/// The routes, ready to answer.
pub(super) fn router(app: Arc<App>) -> Router {
    all(Router::new()).fallback(no_such_path).method_not_allowed_fallback(no_such_method).with_state(app)
}

async fn check_scope(State(scope): State<TokenScope>, request: Request, next: Next) -> Answer<Response> {
    let caller = request.extensions().get::<Caller>().cloned();
    if let Some(caller) = caller {
        require(&caller, scope)?;
        check_artifacts(&caller, request.uri().path())?;
        return Ok(next.run(request).await);
    }
    Err(too_narrow(scope))
}

/// Refuses a session's tool server anything but the artifacts of its session.
fn check_artifacts(caller: &Caller, path: &str) -> Answer<()> {
    let Some(session) = &caller.artifacts_of else { return Ok(()) };
    let own = path.strip_prefix("/v1/sessions/").and_then(|rest| rest.strip_prefix(session.as_str()));
    match own.and_then(|rest| rest.strip_prefix("/artifacts")) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Ok(()),
        _ => {
            let what = format!("this token reaches the artifacts of session {session} and nothing else");
            Err(Failure::new(ErrorCode::Forbidden, what))
        }
    }
}

/// Refuses a caller whose scope does not reach so far.
pub(super) fn require(caller: &Caller, scope: TokenScope) -> Answer<()> {
    if caller.scope >= scope { Ok(()) } else { Err(too_narrow(scope)) }
}

fn too_narrow(scope: TokenScope) -> Failure {
    let detail = format!(
        "this token's scope does not reach here: it takes `{0}`; make one with `tenure token add NAME --scope {0}`",
        scope.as_str()
    );
    let problem = Problem::new(ErrorCode::Forbidden, detail);
    problem.with_data(json!({"scope": scope})).into()
}
