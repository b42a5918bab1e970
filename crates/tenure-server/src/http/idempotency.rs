//! `Idempotency-Key`: a POST that is repeated with the same key has one effect. The reply is stored
//! by whoever makes the effect, in its transaction; here a key is made unique to its caller and held
//! while its first request runs.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Serialize;
use tenure_api::ErrorCode;
use tenure_log::{EventLog, IdempotencyRow, Write};

use super::app::{App, Shared};
use super::problem::{Answer, Failure};
use crate::auth::Caller;
use crate::clock;
use crate::node::IdempotencyKey;

/// Longest key that is taken.
const MAX_KEY: usize = 255;

/// Keys whose first request has not been answered.
#[derive(Debug, Default)]
pub(crate) struct InFlight(Mutex<HashSet<String>>);

/// The header of a request, made unique by method, path and caller.
pub(crate) struct Keyed(Option<String>);

impl FromRequestParts<Shared> for Keyed {
    type Rejection = Failure;
    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Answer<Self> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let wrong = || {
            let detail = format!("Idempotency-Key must be 1 to {MAX_KEY} visible ASCII characters");
            Failure::invalid("Idempotency-Key", detail)
        };
        let key = value.to_str().map_err(|_| wrong())?.trim();
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(wrong());
        }
        let caller = parts.extensions.get::<Caller>().map_or("", |caller| caller.name.as_str());
        Ok(Self(Some(format!("{} {} {caller} {key}", parts.method, parts.uri.path()))))
    }
}

/// A key that is held until its request has been answered, or its caller has gone.
pub(crate) struct Claim {
    key: Option<IdempotencyKey>,
    held_in: Arc<InFlight>,
}

impl Keyed {
    /// Holds the key for a request with this body; `busy` while another request holds it.
    pub(crate) fn claim(self, app: &Shared, body_hash: &str) -> Answer<Claim> {
        self.hold(&app.in_flight, body_hash)
    }

    fn hold(self, held_in: &Arc<InFlight>, body_hash: &str) -> Answer<Claim> {
        let held_in = Arc::clone(held_in);
        let Some(key) = self.0 else { return Ok(Claim { key: None, held_in }) };
        let fresh = held_in.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        if !fresh {
            let detail = "the first request with this Idempotency-Key has not been answered yet; ask again";
            return Err(Failure::new(ErrorCode::Busy, detail));
        }
        let key = IdempotencyKey { key, body_hash: body_hash.to_owned() };
        Ok(Claim { key: Some(key), held_in })
    }
}

impl Claim {
    /// The key for whoever makes the effect.
    pub(crate) fn key(&self) -> Option<IdempotencyKey> {
        self.key.clone()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.held_in.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key.key);
        }
    }
}

/// What was answered to this key before, where answers are kept as they were sent.
pub(super) async fn remembered(app: &App, claim: &Claim) -> Answer<Option<Response>> {
    let Some(key) = &claim.key else { return Ok(None) };
    let Some(row) = app.log().idempotency(&key.key, clock::now()).await? else { return Ok(None) };
    if row.body_hash != key.body_hash {
        let other = "this Idempotency-Key was used with another body";
        return Err(Failure::new(ErrorCode::Conflict, other));
    }
    let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::OK);
    Ok(Some((status, [(CONTENT_TYPE, "application/json")], row.body).into_response()))
}

/// The row that keeps an answer, for a request with a key.
pub(super) fn row_of(claim: &Claim, status: StatusCode, answer: &impl Serialize) -> Answer<Option<Write>> {
    let Some(IdempotencyKey { key, body_hash }) = claim.key() else { return Ok(None) };
    let body = serde_json::to_string(answer);
    let body = body.map_err(|error| Failure::new(ErrorCode::Internal, error.to_string()))?;
    Ok(Some(Write::Idempotency(IdempotencyRow {
        key,
        body_hash,
        status: status.as_u16(),
        body,
        at: clock::now(),
    })))
}

/// Sends an answer whose effect is outside of the log, and keeps it.
pub(super) async fn answered(app: &App, claim: &Claim, answer: &impl Serialize) -> Answer<Response> {
    if let Some(row) = row_of(claim, StatusCode::OK, answer)? {
        app.log().put(vec![row]).await?;
    }
    Ok(Json(answer).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(keys: &Arc<InFlight>, key: Option<&str>) -> Answer<Claim> {
        Keyed(key.map(str::to_owned)).hold(keys, "hash")
    }

    #[test]
    fn a_key_is_held_until_its_request_was_answered_or_given_up() {
        let keys = Arc::<InFlight>::default();
        let first = hold(&keys, Some("k")).expect("free");
        assert!(hold(&keys, Some("k")).is_err_and(|failure| failure.0.code == ErrorCode::Busy));
        assert!(hold(&keys, Some("other")).is_ok() && hold(&keys, None).is_ok() && hold(&keys, None).is_ok());
        drop(first);
        assert!(hold(&keys, Some("k")).is_ok());
    }
}
