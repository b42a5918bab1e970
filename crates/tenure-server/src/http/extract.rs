//! Bodies, query strings and path segments, with errors that name the field.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::request::Parts;
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tenure_api::{ErrorCode, Problem};
use tokio::time::timeout;

use super::app::Shared;
use super::problem::{Answer, Failure};
use crate::hex::hex;

/// A JSON body of at most the usual size; an empty one counts as `{}`.
pub(crate) struct Body<T> {
    pub(crate) value: T,
    /// Hash of the bytes, for repeated requests.
    pub(crate) hash: String,
}

/// A JSON body as large as an input may be.
pub(crate) struct InputBody<T>(pub(crate) Body<T>);

impl<T: DeserializeOwned> FromRequest<Shared> for Body<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, app: &Shared) -> Answer<Self> {
        parse(&read(request, app, app.limits.body_bytes).await?)
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for InputBody<T> {
    type Rejection = Failure;
    async fn from_request(request: Request, app: &Shared) -> Answer<Self> {
        parse(&read(request, app, app.limits.input_bytes).await?).map(Self)
    }
}

/// The JSON body of a request that may have other kinds, too.
pub(super) async fn json_of<T: DeserializeOwned>(request: Request, app: &Shared) -> Answer<T> {
    Ok(parse(&read(request, app, app.limits.body_bytes).await?)?.value)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Answer<Body<T>> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        // It would be taken for the fields in their order.
        return Err(refused("", "the body is a list; give an object with the fields by name"));
    }
    let text: &[u8] = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}" } else { bytes };
    let mut json = serde_json::Deserializer::from_slice(text);
    let value = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| refused(&error.path().to_string(), &error.inner().to_string()))?;
    json.end().map_err(|error| refused("", &error.to_string()))?;
    let hash = hex(&Sha256::digest(bytes));
    Ok(Body { value, hash })
}

/// `invalid` that names the field, which for an unknown or missing one stands in the message.
fn refused(path: &str, message: &str) -> Failure {
    let named = ["unknown field `", "missing field `"].iter().find_map(|start| {
        let rest = message.split_once(start)?.1;
        rest.split_once('`').map(|(name, _)| name)
    });
    let path = if path == "." || path == "?" { "" } else { path };
    let field = match named {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
        _ => path.to_owned(),
    };
    let detail = if field.is_empty() { message.to_owned() } else { format!("`{field}`: {message}") };
    Failure::invalid(if field.is_empty() { "body" } else { &field }, detail)
}

async fn read(request: Request, app: &Shared, limit: u64) -> Answer<Bytes> {
    let limits = &app.limits;
    let (parts, mut body) = request.into_parts();
    let told = parts.headers.get(http::header::CONTENT_LENGTH);
    let told: Option<u64> = told.and_then(|value| value.to_str().ok()?.parse().ok());
    let mut bytes = BytesMut::new();
    let reading = async {
        if told.is_some_and(|length| length > limit) {
            return Err(too_large(&mut body, limit).await);
        }
        loop {
            let frame = timeout(limits.body_idle, body.frame()).await.map_err(|_| too_slow())?;
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|error| {
                Failure::invalid("body", format!("the body broke off before its end: {error}"))
            })?;
            let Ok(data) = frame.into_data() else { continue };
            if (bytes.len() + data.len()) as u64 > limit {
                return Err(too_large(&mut body, limit).await);
            }
            bytes.extend_from_slice(&data);
        }
    };
    timeout(limits.body_time, reading).await.map_err(|_| too_slow())??;
    Ok(bytes.freeze())
}

pub(super) fn too_slow() -> Failure {
    let mut problem = Problem::new(ErrorCode::Timeout, "the body came too slowly; send it again");
    problem.status = StatusCode::REQUEST_TIMEOUT.as_u16();
    problem.into()
}

/// Most of what is still to come is read and dropped, so that a client which only listens after it has sent
/// everything hears the answer.
pub(super) async fn too_large(body: &mut axum::body::Body, limit: u64) -> Failure {
    const DRAINED: u64 = 96 << 20;
    let drain = async {
        let mut dropped = 0_u64;
        while let Some(Ok(frame)) = body.frame().await {
            dropped += frame.data_ref().map_or(0, |data| data.len() as u64);
            if dropped > DRAINED {
                break;
            }
        }
    };
    let _ = timeout(Duration::from_secs(5), drain).await;
    Failure::new(ErrorCode::TooLarge, format!("the body is larger than the {limit} bytes allowed here"))
}

/// The query string; unknown names are refused.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Shared> for Params<T> {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Answer<Self> {
        Query::try_from_uri(&parts.uri).map(|Query(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            // A path before the message has no blanks.
            let (path, message) =
                text.split_once(": ").filter(|(path, _)| !path.contains(' ')).unwrap_or(("", text));
            refused(path, message)
        })
    }
}

/// The one or two variable segments of a path. What cannot be an id names nothing that exists.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Segments<T> {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Answer<Self> {
        let found = Path::from_request_parts(parts, app).await;
        found.map(|Path(value)| Self(value)).map_err(|rejection| {
            Failure::new(ErrorCode::NotFound, format!("{}: {}", parts.uri.path(), rejection.body_text()))
        })
    }
}
