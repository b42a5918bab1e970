//! A session's conversation as one document, streamed page by page.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tenure_api::Problem;
use tenure_core::projection::{AcpRows, Position, text_of};
use tenure_event::{Ephemeral, EphemeralKind, Message, Part, PartBody, Role, SessionId, TextKind};
use tenure_log::LogError;
use utoipa::IntoParams;

mod form;

pub(super) use form::TranscriptFormat;

use super::app::Shared;
use super::extract::{Params, Segments};
use super::problem::Answer;
use super::{conversation, lookup, messages, whole};
use crate::conversation::Wanted;
use crate::past::{self, parse};

/// Messages that are held at once.
const MESSAGES: usize = 50;

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TranscriptParams {
    /// `jsonl` (default), `acp`, `markdown` or `html`.
    #[serde(default)]
    #[param(inline)]
    format: TranscriptFormat,
    /// An epoch's number, or `all`; without it the current one. Not for `acp`, which is always all.
    epoch: Option<String>,
    /// `current` (default) or `all`: also what was taken back by a rewind. Not for `acp`, which is always all.
    branch: Option<String>,
}

/// The conversation as one document; a running message comes last with `partial: true` (`jsonl`).
#[utoipa::path(
    get, path = "/v1/sessions/{id}/transcript", tag = "messages",
    params(("id" = String, Path, description = "The session."), TranscriptParams),
    responses(
        (status = 200, description = "By format.", content(
            (String = "application/x-ndjson"),
            (String = "text/markdown"),
            (String = "text/html"),
        )),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn transcript(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
    Params(params): Params<TranscriptParams>,
) -> Answer<Response> {
    let (id, row) = lookup::readable(&app, &id).await?;
    let wanted = messages::wanted(&app, &id, params.epoch.as_deref(), params.branch.as_deref()).await?;
    let format = params.format;
    let title = row.title.unwrap_or_else(|| format!("Session {id}"));
    let (begin, end) = (Some(format.begin(&title)), Some(format.end()));
    let at = Some(Position::default());
    let writer = Writer { app, id, format, wanted, at, begin, end, acp: AcpRows::new() };
    let chunks = stream::unfold(writer, |mut writer| async move {
        let chunk = writer.next().await.transpose()?;
        Some((chunk.inspect_err(|error| tracing::warn!("a transcript broke off: {error}")), writer))
    });
    Ok(format.answer(chunks))
}

struct Writer {
    app: Shared,
    id: SessionId,
    format: TranscriptFormat,
    wanted: Wanted,
    at: Option<Position>,
    begin: Option<String>,
    end: Option<&'static str>,
    acp: AcpRows,
}

impl Writer {
    async fn next(&mut self) -> Result<Option<Bytes>, LogError> {
        if let Some(begin) = self.begin.take().filter(|text| !text.is_empty()) {
            return Ok(Some(begin.into()));
        }
        while let Some(at) = self.at {
            let text = match self.format {
                TranscriptFormat::Acp => self.rows(at).await?,
                _ => self.messages(at).await?,
            };
            if !text.is_empty() {
                return Ok(Some(text.into()));
            }
        }
        Ok(self.end.take().filter(|text| !text.is_empty()).map(Bytes::from))
    }

    async fn messages(&mut self, at: Position) -> Result<String, LogError> {
        let page = conversation::page(self.app.log(), &self.id, at, &self.wanted, MESSAGES).await?;
        self.at = page.next;
        let mut messages: VecDeque<Message> = page.items.into();
        if page.next.is_none() && self.format == TranscriptFormat::Jsonl {
            let open = self.app.node.live_text(&self.id).await.open;
            // What was completed in between stands in the log already.
            let known: Vec<_> = messages.iter().map(|message| message.id.clone()).collect();
            messages.extend(running(&open).into_iter().filter(|message| !known.contains(&message.id)));
        }
        let write = |message: &Message| self.format.message(self.id.as_str(), message);
        Ok(messages.iter().map(write).collect())
    }

    async fn rows(&mut self, at: Position) -> Result<String, LogError> {
        let page = past::page(self.app.log(), &self.id, at.after, &[]).await?;
        self.at = (page.scanned_to < page.last).then_some(Position { after: page.scanned_to, ..at });
        let mut text = String::new();
        for rendered in &page.events {
            let Some(mut event) = parse(&rendered.bytes) else { continue };
            whole::event(self.app.log(), &mut event).await?;
            for row in self.acp.event(&event) {
                text.push_str(&row);
                text.push('\n');
            }
        }
        Ok(text)
    }
}

/// The messages that are being written, from what a follower that joins would get.
fn running(open: &[Arc<Ephemeral>]) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for event in open {
        let EphemeralKind::MessageDelta(delta) = &event.kind else { continue };
        let at = messages.iter().position(|message| message.id == delta.message_id).unwrap_or_else(|| {
            messages.push(Message {
                id: delta.message_id.clone(),
                native_ids: Vec::new(),
                role: Role::Assistant,
                parts: Vec::new(),
                text: String::new(),
                turn_id: event.turn_id.clone(),
                seq: None,
                ts: event.ts,
                model: None,
                usage: None,
                partial: true,
                origin: None,
                parent_tool_id: delta.parent_tool_id.clone(),
                epoch: 0,
            });
            messages.len() - 1
        });
        let text = delta.text.clone();
        let body = match delta.kind {
            TextKind::Text => PartBody::Text { text },
            TextKind::Thought => PartBody::Thought { text },
        };
        let message = &mut messages[at];
        message.parts.push(Part { id: delta.part_id.clone(), body, bytes: None, blob: None });
        message.text = text_of(&message.parts);
    }
    messages
}
