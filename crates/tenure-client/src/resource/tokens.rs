//! Tokens that may do less than the home's own.

use serde::{Deserialize, Serialize};
use tenure_api::Page;

use crate::ClientError;
use crate::client::{Call, Client};

/// A token as it is listed: never its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenEntry {
    /// Its name.
    pub name: String,
    /// `read`, `sessions`, `workspace` or `admin`.
    pub scope: String,
    /// When it was made, RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
}

/// A token that was just made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCreated {
    /// Its name.
    pub name: String,
    /// Its scope.
    pub scope: String,
    /// Its text; shown this once.
    pub token: String,
}

#[derive(Serialize)]
struct NewToken<'a> {
    name: &'a str,
    scope: &'a str,
}

impl Client {
    /// Makes a token with a scope.
    ///
    /// # Errors
    /// `conflict` when the name is taken, `invalid`, and those of any request.
    pub async fn token_add(&self, name: &str, scope: &str) -> Result<TokenCreated, ClientError> {
        self.call(Call::post("/v1/tokens").json(&NewToken { name, scope })?).await
    }

    /// Every token but the home's.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn tokens(&self) -> Result<Page<TokenEntry>, ClientError> {
        self.call(Call::get("/v1/tokens")).await
    }

    /// Makes a token void.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn token_remove(&self, name: &str) -> Result<(), ClientError> {
        self.bytes(Call::delete(format!("/v1/tokens/{name}"))).await.map(drop)
    }
}
