//! What a log says, read for people and programs: messages, a turn's result, rows of a
//! transcript. Pure folds over events; nothing here is stored, and nothing reads a log by
//! itself: whoever folds hands in the events page by page.
//!
//! Parts that stand in a blob are left as they are. A caller that must give them whole
//! fetches the blob and calls [`fill_part`] or [`fill_tool`].

mod acp;
mod blob;
mod html;
mod markdown;
mod merge;
mod messages;
mod result;
mod rows;
#[cfg(test)]
mod tests;

pub use acp::{AcpRows, acp_message};
pub use blob::{fill_part, fill_tool};
pub use html::{HTML_END, html_begin, html_message};
pub use markdown::{markdown_message, markdown_title};
pub use messages::{EpochChoice, Flow, MessageFold, MessagePage, Position, Span};
pub use result::{TurnFold, turn_result};
pub use rows::{JsonlRow, jsonl_row};

use tenure_event::{Part, PartBody};

/// The text parts joined, one per line.
#[must_use]
pub fn text_of(parts: &[Part]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match &part.body {
            PartBody::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n")
}
