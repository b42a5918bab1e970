//! Tokens that may do less than the home's own.

use tenure_api::{CreateToken, Page, TokenCreated, TokenEntry, TokenScope};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// Makes a token with a scope. Its secret is told this once.
    ///
    /// # Errors
    /// `conflict` when the name is taken, `invalid`, and those of any request.
    pub async fn token_add(&self, name: &str, scope: TokenScope) -> Result<TokenCreated, ClientError> {
        self.call(Call::post("/v1/tokens").json(&CreateToken { name: name.to_owned(), scope })?).await
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
    pub async fn token_remove(&self, name: &str) -> Result<TokenEntry, ClientError> {
        if !tenure_event::client_id_is_valid(name) {
            return Err(no_token(name));
        }
        self.call(Call::delete(format!("/v1/tokens/{name}"))).await
    }
}

fn no_token(name: &str) -> ClientError {
    tenure_api::Problem::new(tenure_api::ErrorCode::NotFound, format!("there is no token `{name}`")).into()
}
