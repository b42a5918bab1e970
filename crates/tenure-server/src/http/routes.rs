//! Every route with the scope that it needs.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use serde_json::json;
use tenure_api::{ErrorCode, Problem, TokenScope};
use utoipa::OpenApi;
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;

use super::app::{App, Shared};
use super::problem::{Answer, Failure, no_such_method, no_such_path};
use super::{
    agents, artifacts, asks, checkpoints, commands, config, document, events, exec, files, fork, info,
    inputs, inside, mcp, messages, metrics, past, processes, projects, raw, rewind, search, sessions, stream,
    tasks, tokens, transcript, verbs, workspaces,
};
use crate::auth::Caller;

/// The table.
pub(super) fn table() -> OpenApiRouter<Shared> {
    of_the_workspace(of_sessions(of_the_node(OpenApiRouter::with_openapi(document::Base::openapi()))))
}

/// The daemon itself, and all that is there beside single sessions.
fn of_the_node(table: OpenApiRouter<Shared>) -> OpenApiRouter<Shared> {
    use TokenScope::{Admin, Read, Sessions, Workspace};
    table
        .routes(routes!(info::healthz))
        .routes(needs(Read, routes!(info::info)))
        .routes(needs(Read, routes!(document::document)))
        .routes(needs(Read, routes!(metrics::metrics)))
        .routes(needs(Read, routes!(agents::list)))
        .routes(needs(Read, routes!(processes::list)))
        .routes(needs(Read, routes!(processes::of_session)))
        .routes(needs(Admin, routes!(processes::reap)))
        .routes(needs(Read, routes!(projects::list)))
        .routes(needs(Sessions, routes!(projects::create)))
        .routes(needs(Read, routes!(workspaces::list)))
        .routes(needs(Read, routes!(workspaces::get)))
        .routes(needs(Workspace, routes!(workspaces::diff)))
        .routes(needs(Workspace, routes!(workspaces::merge)))
        .routes(needs(Workspace, routes!(workspaces::discard)))
        .routes(needs(Read, routes!(past::list)))
        .routes(needs(Read, routes!(past::get)))
        .routes(needs(Read, routes!(past::messages)))
        .routes(needs(Read, routes!(past::transcript)))
        .routes(needs(Read, routes!(past::index)))
        .routes(needs(Admin, routes!(past::rebuild)))
        .routes(needs(Read, routes!(search::search)))
        .routes(needs(Read, routes!(search::usage)))
        .routes(needs(Admin, routes!(tokens::list)))
        .routes(needs(Admin, routes!(tokens::create)))
        .routes(needs(Admin, routes!(tokens::remove)))
}

/// Sessions, and what is asked of one.
fn of_sessions(table: OpenApiRouter<Shared>) -> OpenApiRouter<Shared> {
    use TokenScope::{Read, Sessions, Workspace};
    table
        .routes(needs(Read, routes!(sessions::list)))
        .routes(needs(Sessions, routes!(sessions::create)))
        .routes(needs(Read, routes!(sessions::get)))
        .routes(needs(Sessions, routes!(sessions::patch)))
        .routes(needs(Sessions, routes!(sessions::destroy)))
        .routes(needs(Read, routes!(sessions::capabilities)))
        .routes(needs(Read, routes!(config::get)))
        .routes(needs(Sessions, routes!(config::patch)))
        .routes(needs(Read, routes!(inside::metrics)))
        .routes(needs(Read, routes!(inside::todos)))
        .routes(needs(Read, routes!(mcp::list)))
        .routes(needs(Sessions, routes!(mcp::set)))
        .routes(needs(Sessions, routes!(mcp::reconnect)))
        .routes(needs(Sessions, routes!(mcp::enable)))
        .routes(needs(Sessions, routes!(mcp::disable)))
        .routes(needs(Read, routes!(tasks::list)))
        .routes(needs(Sessions, routes!(tasks::stop)))
        .routes(needs(Sessions, routes!(commands::run)))
        .routes(needs(Sessions, routes!(commands::compact)))
        .routes(needs(Sessions, routes!(verbs::clear)))
        .routes(needs(Sessions, routes!(inputs::send)))
        .routes(needs(Sessions, routes!(fork::fork)))
        .routes(needs(Read, routes!(inputs::list)))
        .routes(needs(Sessions, routes!(inputs::edit)))
        .routes(needs(Sessions, routes!(inputs::cancel)))
        .routes(needs(Sessions, routes!(verbs::interrupt)))
        .routes(needs(Sessions, routes!(verbs::suspend)))
        .routes(needs(Sessions, routes!(verbs::resume)))
        .routes(needs(Sessions, routes!(verbs::close)))
        .routes(needs(Sessions, routes!(verbs::kill)))
        .routes(needs(Read, routes!(checkpoints::list)))
        .routes(needs(Workspace, routes!(checkpoints::create)))
        .routes(needs(Workspace, routes!(checkpoints::diff)))
        .routes(needs(Workspace, routes!(rewind::rewind)))
        .routes(needs(Workspace, routes!(rewind::restore)))
        .routes(needs(Workspace, routes!(rewind::undo)))
        .routes(needs(Read, routes!(events::page)))
        .routes(needs(Read, routes!(stream::of_session)))
        .routes(needs(Read, routes!(stream::of_all)))
        .routes(needs(Read, routes!(raw::raw)))
        .routes(needs(Read, routes!(raw::blob)))
        .routes(needs(Read, routes!(messages::page)))
        .routes(needs(Read, routes!(transcript::transcript)))
        .routes(needs(Read, routes!(asks::list)))
        .routes(needs(Read, routes!(asks::of_session)))
        .routes(needs(Sessions, routes!(asks::answer)))
}

/// Files and commands where a session works.
fn of_the_workspace(table: OpenApiRouter<Shared>) -> OpenApiRouter<Shared> {
    use TokenScope::Workspace;
    table
        .routes(needs(Workspace, routes!(exec::exec)))
        .routes(needs(Workspace, routes!(exec::cancel)))
        .routes(needs(Workspace, routes!(files::read)))
        .routes(needs(Workspace, routes!(files::put)))
        .routes(needs(Workspace, routes!(files::remove)))
        .routes(needs(Workspace, routes!(files::list)))
        .routes(needs(Workspace, routes!(files::stat)))
        .routes(needs(Workspace, routes!(files::find)))
        .routes(needs(Workspace, routes!(files::grep)))
        .routes(needs(Workspace, routes!(artifacts::list)))
        .routes(needs(Workspace, routes!(artifacts::get)))
        .routes(needs(Workspace, routes!(artifacts::put)))
}

/// The routes, ready to answer.
pub(super) fn router(app: Arc<App>) -> Router {
    let (router, _) = table().split_for_parts();
    router.fallback(no_such_path).method_not_allowed_fallback(no_such_method).with_state(app)
}

/// A route that only callers with this scope reach; the document says so too.
fn needs(scope: TokenScope, routes: UtoipaMethodRouter<Shared>) -> UtoipaMethodRouter<Shared> {
    let (schemas, mut paths, router) = routes;
    let requirement = || vec![SecurityRequirement::new("bearer", [scope.as_str()])];
    for item in paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            operation.security = Some(requirement());
        }
    }
    (schemas, paths, router.route_layer(from_fn_with_state(scope, check_scope)))
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
