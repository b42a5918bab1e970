//! In which form a conversation is written down: the same for our sessions and for those of other tools.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use http::HeaderValue;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use serde::Deserialize;
use tenure_core::projection::{
    HTML_END, acp_message, html_begin, html_message, jsonl_row, markdown_message, markdown_title,
};
use tenure_event::Message;
use utoipa::ToSchema;

/// What an agent said runs nowhere and reaches nobody, whoever opens the page.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::http) enum TranscriptFormat {
    /// A JSON object per message.
    #[default]
    Jsonl,
    /// A notification of the Agent Client Protocol per line.
    Acp,
    /// For people.
    Markdown,
    /// For people, as a page that needs nothing else.
    Html,
}

impl TranscriptFormat {
    /// What stands before the first message.
    pub(in crate::http) fn begin(self, title: &str) -> String {
        match self {
            Self::Jsonl | Self::Acp => String::new(),
            Self::Markdown => markdown_title(title),
            Self::Html => html_begin(title),
        }
    }

    /// A message of a conversation; for `acp` one that is no session, for a session has rows of its events.
    pub(in crate::http) fn message(self, conversation: &str, message: &Message) -> String {
        match self {
            Self::Jsonl => jsonl_row(message).map(|row| row + "\n").unwrap_or_default(),
            Self::Acp => acp_message(conversation, message).into_iter().map(|row| row + "\n").collect(),
            Self::Markdown => markdown_message(message),
            Self::Html => html_message(message),
        }
    }

    /// What stands behind the last one.
    pub(in crate::http) fn end(self) -> &'static str {
        if self == Self::Html { HTML_END } else { "" }
    }

    /// The document, as it comes.
    pub(in crate::http) fn answer<E>(
        self,
        chunks: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Response
    where
        E: Into<axum::BoxError> + 'static,
    {
        let kind = match self {
            Self::Jsonl | Self::Acp => "application/x-ndjson",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        };
        let mut response = ([(CONTENT_TYPE, kind)], Body::from_stream(chunks)).into_response();
        if self == Self::Html {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        }
        response
    }
}
