//! A conversation as one document.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tenure_api::Problem;
use tenure_history::{Messages, Want};
use utoipa::IntoParams;

use super::{PastBranch, Source};
use crate::http::app::Shared;
use crate::http::extract::{Params, Segments};
use crate::http::problem::Answer;
use crate::http::transcript::TranscriptFormat;

/// Messages that are held at once.
const MESSAGES: usize = 200;

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct PastTranscriptParams {
    /// `jsonl` (default), `acp`, `markdown` or `html`.
    #[serde(default)]
    #[param(inline)]
    format: TranscriptFormat,
    /// `current` (default): what the agent would see if it took the conversation up now; `all`: whatever was said.
    #[serde(default)]
    #[param(inline)]
    branch: PastBranch,
    /// What a subagent said, by the agent's id of it.
    subagent: Option<String>,
}

/// A conversation as one document.
#[utoipa::path(
    get, path = "/v1/history/{agent}/{native_id}/transcript", tag = "history",
    params(("agent" = String, Path, description = "The agent."), ("native_id" = String, Path, description = "The agent's own id of it."), PastTranscriptParams),
    responses(
        (status = 200, description = "By format.", content(
            (String = "application/x-ndjson"),
            (String = "text/markdown"),
            (String = "text/html"),
        )),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn transcript(
    State(app): State<Shared>,
    Segments((agent, native_id)): Segments<(String, String)>,
    Params(params): Params<PastTranscriptParams>,
) -> Answer<Response> {
    let source = Source::find(&app, &agent, &native_id).await?;
    let format = params.format;
    let want =
        Want { branch: params.branch.into(), subagent: params.subagent, limit: MESSAGES, ..Want::default() };
    // What cannot be read at all is an answer, not a document that breaks off.
    let first = source.read(&app, want.clone()).await?;
    let begin = format.begin(&source.title());
    let writer =
        Writer { app, source, format, want, begin: Some(begin), page: Some(first), end: Some(format.end()) };
    let chunks = stream::unfold(writer, |mut writer| async move {
        let chunk = writer.next().await?;
        Some((chunk.inspect_err(|error| tracing::warn!("a transcript broke off: {error}")), writer))
    });
    Ok(format.answer(chunks))
}

struct Writer {
    app: Shared,
    source: Source,
    format: TranscriptFormat,
    want: Want,
    begin: Option<String>,
    /// A page that was read and not written.
    page: Option<Messages>,
    end: Option<&'static str>,
}

impl Writer {
    async fn next(&mut self) -> Option<std::io::Result<Bytes>> {
        if let Some(begin) = self.begin.take().filter(|text| !text.is_empty()) {
            return Some(Ok(begin.into()));
        }
        while self.end.is_some() {
            let page = match self.page.take() {
                Some(page) => page,
                None => match self.source.read(&self.app, self.want.clone()).await {
                    Ok(page) => page,
                    Err(_) => {
                        self.end = None;
                        return Some(Err(std::io::Error::other("a conversation could not be read any more")));
                    }
                },
            };
            if page.items.is_empty() {
                break;
            }
            self.want.skip += page.items.len();
            let id = self.source.native_id();
            let text: String = page.items.iter().map(|message| self.format.message(id, message)).collect();
            if !text.is_empty() {
                return Some(Ok(text.into()));
            }
        }
        self.end.take().filter(|text| !text.is_empty()).map(|text| Ok(text.into()))
    }
}
