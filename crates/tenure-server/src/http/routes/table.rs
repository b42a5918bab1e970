//! The two things that the table of routes is made into: what answers, and the OpenAPI document. The document's side is
//! not part of the binary, which serves the committed file; a test holds the two against each other.

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};
use tenure_api::TokenScope;
use utoipa::Path;
use utoipa::openapi::HttpMethod;
use utoipa::openapi::security::SecurityRequirement;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::check_scope;
use crate::http::app::Shared;

/// Takes one route after another.
pub(super) trait Table: Sized {
    /// Adds a route that only callers with this scope reach; without one, everybody does.
    fn route<P, H, A>(
        self,
        scope: Option<TokenScope>,
        handler: H,
        documented: fn() -> UtoipaMethodRouter<Shared>,
    ) -> Self
    where
        P: Path,
        H: Handler<A, Shared>,
        A: 'static;
}

impl Table for Router<Shared> {
    fn route<P, H, A>(
        self,
        scope: Option<TokenScope>,
        handler: H,
        _: fn() -> UtoipaMethodRouter<Shared>,
    ) -> Self
    where
        P: Path,
        H: Handler<A, Shared>,
        A: 'static,
    {
        let filters = P::methods().into_iter().map(filter);
        let Some(methods) = filters.reduce(MethodFilter::or) else { return self };
        let handler = on(methods, handler);
        let guarded = match scope {
            Some(scope) => handler.route_layer(from_fn_with_state(scope, check_scope)),
            None => handler,
        };
        Self::route(self, &P::path(), guarded)
    }
}

impl Table for OpenApiRouter<Shared> {
    fn route<P, H, A>(
        self,
        scope: Option<TokenScope>,
        _: H,
        documented: fn() -> UtoipaMethodRouter<Shared>,
    ) -> Self
    where
        P: Path,
        H: Handler<A, Shared>,
        A: 'static,
    {
        let (schemas, mut paths, router) = documented();
        if let Some(scope) = scope {
            for item in paths.paths.values_mut() {
                let operations =
                    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
                for operation in operations.into_iter().flatten() {
                    operation.security = Some(vec![SecurityRequirement::new("bearer", [scope.as_str()])]);
                }
            }
        }
        self.routes((schemas, paths, router))
    }
}

fn filter(method: HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}

/// Adds rows of `SCOPE module::handler` to a table; `-` stands for no scope.
macro_rules! rows {
    ($table:expr; $($scope:tt $module:ident :: $handler:ident,)+) => {
        pastey::paste! {
            $table $(.route::<super::$module::[<__path_ $handler>], _, _>(
                rows!(@scope $scope),
                super::$module::$handler,
                || utoipa_axum::routes!(super::$module::$handler),
            ))+
        }
    };
    (@scope -) => { None };
    (@scope $scope:ident) => { Some(tenure_api::TokenScope::$scope) };
}
pub(super) use rows;
