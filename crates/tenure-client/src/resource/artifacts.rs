//! Artifacts: named outputs of a session, with versions.

use std::io;

use bytes::Bytes;
use futures_util::Stream;
use tenure_api::{Artifact, ArtifactVersion, KeepArtifact, Page};
use tenure_event::SessionId;

use super::files::FileBody;
use crate::ClientError;
use crate::client::{Call, Client};

impl Client {
    /// All artifacts of a session, each with its versions.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn artifacts(&self, id: &SessionId) -> Result<Page<Artifact>, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{id}/artifacts"))).await
    }

    /// The bytes of an artifact: of a version, or of the newest one.
    ///
    /// # Errors
    /// `not_found`, and those of any request.
    pub async fn read_artifact(
        &self,
        id: &SessionId,
        key: &str,
        version: Option<u64>,
    ) -> Result<FileBody, ClientError> {
        let call = Call::get(format!("/v1/sessions/{id}/artifacts/{key}"));
        self.body_of(call.query_opt("version", version.as_ref())).await
    }

    /// Keeps bytes as a version of an artifact.
    ///
    /// # Errors
    /// `invalid` for a key that is none, `too_large`, and those of any request.
    pub async fn write_artifact(
        &self,
        id: &SessionId,
        key: &str,
        body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<ArtifactVersion, ClientError> {
        self.upload(Call::put(format!("/v1/sessions/{id}/artifacts/{key}")), body).await
    }

    /// Keeps a file of the session's directory as a version of an artifact.
    ///
    /// # Errors
    /// `not_found`, `forbidden` for a path outside, and those of any request.
    pub async fn keep_artifact(
        &self,
        id: &SessionId,
        key: &str,
        file: &KeepArtifact,
    ) -> Result<ArtifactVersion, ClientError> {
        self.call(Call::put(format!("/v1/sessions/{id}/artifacts/{key}")).json(file)?).await
    }
}
