//! Files where a session works: streamed both ways, listed, searched.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tenure_api::{FileEntry, FilesFound, GrepFound, Page};
use tenure_event::SessionId;
use tokio::time::timeout;

use crate::ClientError;
use crate::client::{Call, Client};

/// How long a daemon may be silent while bytes move.
const SILENCE: Duration = Duration::from_secs(60);

/// The bytes of a file on their way.
#[derive(Debug)]
pub struct FileBody {
    answer: reqwest::Response,
    place: String,
}

/// How a search through files goes. What is none is left to the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct FileSearch {
    pub path: Option<String>,
    pub glob: Option<String>,
    pub honour_ignore: bool,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

impl FileSearch {
    fn apply(&self, call: Call) -> Call {
        call.query_opt("path", self.path.as_ref())
            .query_opt("glob", self.glob.as_ref())
            .query("honour_ignore", self.honour_ignore)
            .query_opt("cursor", self.cursor.as_ref())
            .query_opt("limit", self.limit.as_ref())
    }
}

/// What `grep` looks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the query")]
pub struct GrepPattern {
    pub pattern: String,
    pub fixed: bool,
    pub ignore_case: bool,
}

impl Client {
    /// The bytes of a file.
    ///
    /// # Errors
    /// `not_found`, `forbidden` for a path outside, `invalid` for what is no file, and those of any request.
    pub async fn read_file(&self, id: &SessionId, path: &str) -> Result<FileBody, ClientError> {
        self.body_of(Call::get(format!("/v1/sessions/{id}/files")).query("path", path)).await
    }

    pub(super) async fn body_of(&self, call: Call) -> Result<FileBody, ClientError> {
        let link = self.link();
        let answer = timeout(SILENCE, self.request(&link, &call, None)).await;
        let answer = answer.map_err(|_| ClientError::Timeout { limit: SILENCE })??;
        Ok(FileBody { answer, place: link.place.clone() })
    }

    pub(super) async fn upload<T: serde::de::DeserializeOwned>(
        &self,
        call: Call,
        body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<T, ClientError> {
        let link = self.link();
        let answer = self.request_with(&link, &call, None, Some(reqwest::Body::wrap_stream(body))).await?;
        let bytes = answer.bytes().await.map_err(|e| ClientError::of_transport(&e, &link.place, SILENCE))?;
        serde_json::from_slice(&bytes).map_err(ClientError::unintelligible)
    }

    /// Writes a file, all of it or nothing. `mode` are its permission bits; none keeps those of the old file.
    ///
    /// # Errors
    /// `forbidden` for a path outside, `too_large`, `storage`, and those of any request; a body that fails is not
    /// written.
    pub async fn write_file(
        &self,
        id: &SessionId,
        path: &str,
        mode: Option<u32>,
        body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<FileEntry, ClientError> {
        let mode = mode.map(|mode| format!("{:o}", mode & 0o777));
        let call = Call::put(format!("/v1/sessions/{id}/files")).query("path", path);
        self.upload(call.query_opt("mode", mode.as_ref()), body).await
    }

    /// Makes a directory, and those on the way to it.
    ///
    /// # Errors
    /// `forbidden` for a path outside, `conflict` if something else is there, and those of any request.
    pub async fn make_dir(&self, id: &SessionId, path: &str) -> Result<FileEntry, ClientError> {
        let call = Call::put(format!("/v1/sessions/{id}/files")).query("path", path).query("directory", true);
        self.call(call).await
    }

    /// Takes away a file, a link or an empty directory; with `recursive` a full one.
    ///
    /// # Errors
    /// `not_found`, `conflict` for a directory that is not empty, and those of any request.
    pub async fn remove_file(
        &self,
        id: &SessionId,
        path: &str,
        recursive: bool,
    ) -> Result<FileEntry, ClientError> {
        let call = Call::delete(format!("/v1/sessions/{id}/files")).query("path", path);
        self.call(call.query("recursive", recursive)).await
    }

    /// What stands at a path; a link is not followed.
    ///
    /// # Errors
    /// `not_found`, `forbidden` for a path outside, and those of any request.
    pub async fn stat_file(&self, id: &SessionId, path: &str) -> Result<FileEntry, ClientError> {
        self.call(Call::get(format!("/v1/sessions/{id}/files/stat")).query("path", path)).await
    }

    /// A page of what a directory holds, by name.
    ///
    /// # Errors
    /// `not_found`, `forbidden` for a path outside, and those of any request.
    pub async fn list_files(
        &self,
        id: &SessionId,
        path: &str,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Result<Page<FileEntry>, ClientError> {
        let call = Call::get(format!("/v1/sessions/{id}/files/list")).query("path", path);
        self.call(call.query_opt("cursor", cursor.as_ref()).query_opt("limit", limit.as_ref())).await
    }

    /// A page of names below a directory.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `forbidden` for a path outside, and those of any request.
    pub async fn find_files(&self, id: &SessionId, search: &FileSearch) -> Result<FilesFound, ClientError> {
        self.call(search.apply(Call::get(format!("/v1/sessions/{id}/files/find")))).await
    }

    /// A page of lines that match.
    ///
    /// # Errors
    /// `not_found`, `invalid`, `forbidden` for a path outside, and those of any request.
    pub async fn grep_files(
        &self,
        id: &SessionId,
        pattern: &GrepPattern,
        search: &FileSearch,
    ) -> Result<GrepFound, ClientError> {
        let call = Call::get(format!("/v1/sessions/{id}/files/grep")).query("pattern", &pattern.pattern);
        let call = call.query("fixed", pattern.fixed).query("ignore_case", pattern.ignore_case);
        self.call(search.apply(call)).await
    }
}

impl FileBody {
    /// The next bytes; none at the end. A file that shrinks while it is read ends in an error.
    ///
    /// # Errors
    /// `Unreachable` when the connection breaks before the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let silent =
            || ClientError::Unreachable { place: self.place.clone(), why: "it fell silent".to_owned() };
        let chunk = timeout(SILENCE, self.answer.chunk()).await.map_err(|_| silent())?;
        chunk.map_err(|e| ClientError::of_transport(&e, &self.place, SILENCE))
    }
}
