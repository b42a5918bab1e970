//! The daemon itself and its processes.

use tenure_api::{Info, Page, Process, Reaped};

use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// What the daemon says of itself.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn info(&self) -> Result<Info, ClientError> {
        self.call(Call::get("/v1/info")).await
    }

    /// Every process: running ones, and ended ones that were not reaped.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn processes(&self) -> Result<Page<Process>, ClientError> {
        self.call(Call::get("/v1/processes")).await
    }

    /// Takes ended processes off the list and ends orphans.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn reap(&self) -> Result<Reaped, ClientError> {
        self.call(Call::post("/v1/processes/reap")).await
    }

    /// The OpenAPI document, as the daemon generates it.
    ///
    /// # Errors
    /// Those of any request.
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        self.call(Call::get("/openapi.json")).await
    }
}
