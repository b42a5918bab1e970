//! How a session looks as it goes on: events in, text out. Pure: knows no terminal, no clock and no daemon.

mod ask;
mod diff;
mod differences;
mod form;
mod line;
mod status;
mod todo;
mod tool;
mod transcript;
mod wrap;

pub(crate) use ask::{ask_block, ask_keys, can_always, how_to_answer, shows_changes};
pub(crate) use differences::differences;
pub(crate) use form::{fields, filled};
pub(crate) use line::{event_line, message_line, word};
pub(crate) use status::Status;
pub(crate) use todo::changed as todos_changed;
pub(crate) use transcript::Transcript;
