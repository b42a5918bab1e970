//! What happens to a request before it is routed: its Host and Origin are checked, preflights are
//! answered, and whoever asks must show who they are. Only `/healthz` is open.

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use tenure_api::ErrorCode;
use tower::ServiceExt;

use super::app::{App, Shared};
use super::hosts::{self, OriginKind};
use super::problem::{Answer, Failure};
use super::serve::Peer;
use super::{routes, stream};
use crate::auth::{Caller, of_session};

/// Everything behind a connection: the checks, then the routes.
#[derive(Clone)]
pub struct Gate {
    app: Shared,
    router: Router,
}

impl Gate {
    /// In front of an app.
    #[must_use]
    pub fn new(app: Arc<App>) -> Self {
        let router = routes::router(Arc::clone(&app));
        Self { app, router }
    }

    /// What it stands in front of.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Answers a request. A handler that panics answers 500 and harms nobody else.
    pub async fn answer(&self, peer: &Peer, request: Request) -> Response {
        self.app.count_request();
        let origin = request.headers().get(header::ORIGIN).cloned();
        let listed = origin.filter(|origin| self.origin_kind(origin) == OriginKind::Listed);
        let answer = AssertUnwindSafe(self.checked(peer, request)).catch_unwind().await;
        let mut response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => failure.into_response(),
            Err(_) => {
                tracing::error!("a handler panicked; the request was answered with 500");
                let detail = "something went wrong inside the daemon; its log says more";
                Failure::new(ErrorCode::Internal, detail).into_response()
            }
        };
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        if let Some(origin) = listed {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            let seen = HeaderValue::from_static(stream::SEEN);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, seen);
        }
        response
    }

    async fn checked(&self, peer: &Peer, mut request: Request) -> Answer<Response> {
        if !peer.is_local_owner() {
            self.check_host(&request)?;
        }
        self.check_origin(request.headers())?;
        if is_preflight(&request) {
            return Ok(preflight());
        }
        if request.uri().path() != "/healthz" {
            let caller = match peer.is_local_owner() {
                true => Caller::owner(),
                false => self.caller(request.headers()).await?,
            };
            peer.is_known();
            request.extensions_mut().insert(caller);
        }
        let never = |never: std::convert::Infallible| match never {};
        self.router.clone().oneshot(request).await.map_err(never)
    }

    /// Every name by which a request calls this daemon must be ours: whoever stands in between may believe
    /// another of them than we do.
    fn check_host(&self, request: &Request) -> Answer<()> {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
        if hosts.next().is_some() {
            return Err(Failure::invalid("Host", "a request has one Host; send it once"));
        }
        let absolute = request.uri().authority().map(http::uri::Authority::as_str);
        let config = self.app.config.now();
        let allowed = |name: &str| hosts::allowed(name, self.app.listen, &config.http);
        let mut named = [absolute, host].into_iter().flatten().peekable();
        let foreign = if named.peek().is_none() { Some("") } else { named.find(|name| !allowed(name)) };
        let Some(named) = foreign else { return Ok(()) };
        let detail = format!(
            "the Host `{}` is not this daemon's; use its address, or list the name under [http] hosts",
            printable(named)
        );
        Err(Failure::new(ErrorCode::Forbidden, detail))
    }

    fn check_origin(&self, headers: &HeaderMap) -> Answer<()> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        if self.origin_kind(origin) != OriginKind::Foreign {
            return Ok(());
        }
        let detail = format!(
            "pages of `{}` may not ask this daemon; list the origin under [http] origins if they should",
            printable(origin.to_str().unwrap_or("?"))
        );
        Err(Failure::new(ErrorCode::Forbidden, detail))
    }

    fn origin_kind(&self, origin: &HeaderValue) -> OriginKind {
        let config = self.app.config.now();
        origin.to_str().map_or(OriginKind::Foreign, |text| hosts::origin(text, self.app.listen, &config.http))
    }

    async fn caller(&self, headers: &HeaderMap) -> Answer<Caller> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        // Of two, it cannot be known which one was meant.
        let value = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
        let bearer = value.and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        let unauthorized = |detail: &str| Failure::new(ErrorCode::Unauthorized, detail);
        let missing =
            "give `Authorization: Bearer TOKEN`; the token is in the file `token` of the daemon's home";
        let token = bearer.ok_or_else(|| unauthorized(missing))?;
        let known = match self.app.tokens.check(token) {
            None => of_session(self.app.node.home(), token).await,
            known => known,
        };
        known.ok_or_else(|| unauthorized("this token is not, or no longer, known here"))
    }
}

fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

// Of an origin that is not listed only our own come so far; without the allow-origin header the browser stops.
fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    let names = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, range, \
                 tenure-log-generation";
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(names));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

fn printable(text: &str) -> String {
    text.chars().take(100).map(|c| if c.is_control() { '?' } else { c }).collect()
}
