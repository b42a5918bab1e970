//! Errors on their way out: `application/problem+json`, always.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use tenure_api::{ErrorCode, Problem};
use tenure_log::LogError;

/// What a handler fails with.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) Box<Problem>);

/// What a handler answers.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Problem::invalid(field, detail).into()
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let code = match &error {
            LogError::Storage { .. } | LogError::Corrupt(_) => ErrorCode::Storage,
            LogError::CursorExpired { .. } => ErrorCode::CursorExpired,
            LogError::Closed => ErrorCode::NotReady,
            LogError::Conflict { .. } | LogError::Newer { .. } | LogError::Invalid(_) => ErrorCode::Internal,
        };
        let problem = Problem::new(code, error.to_string());
        match error {
            LogError::CursorExpired { after, first, last } => {
                let data = serde_json::json!({"after": after, "first": first, "last": last});
                problem.with_data(data).into()
            }
            _ => problem.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&*self.0).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// For paths that are none.
pub(crate) async fn no_such_path(uri: http::Uri) -> Failure {
    let detail = format!("there is nothing at {}; GET /openapi.json lists what there is", uri.path());
    Failure::new(ErrorCode::NotFound, detail)
}

/// For methods that a path does not have.
pub(crate) async fn no_such_method(method: Method, uri: http::Uri) -> Failure {
    let detail = format!("{} has no {method}; GET /openapi.json lists what there is", uri.path());
    let mut problem = Problem::new(ErrorCode::Invalid, detail);
    problem.status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
    "method not allowed".clone_into(&mut problem.title);
    problem.into()
}
