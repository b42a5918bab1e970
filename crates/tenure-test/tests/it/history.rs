//! What the readers of histories say against what the agents' own programs say, over the same files: the official SDK of
//! Claude Code, Codex's app-server, Pi's rpc mode. The files are made by running the programs, and by a generator that
//! is checked against those.

mod asked;
mod claude;
mod codex;
mod held;
mod pi;
mod projects;
mod sdk;
mod served;

use std::collections::HashMap;

use tenure_event::Message;
use tenure_history::{Found, Reader, Want, scan};

/// A conversation by its id.
fn found(reader: &dyn Reader, id: &str) -> Found {
    let (all, warnings) = scan(reader);
    let one = all.into_iter().find(|found| found.native_id == id);
    one.unwrap_or_else(|| panic!("{id} was not found; {warnings:?}"))
}

/// The messages that a resume would see.
fn messages(reader: &dyn Reader, id: &str) -> Vec<Message> {
    reader.messages(&found(reader, id), &Want::default()).unwrap().items
}

/// Which message each native id went into.
fn owners(messages: &[Message]) -> HashMap<&str, usize> {
    let ids =
        messages.iter().enumerate().flat_map(|(at, m)| m.native_ids.iter().map(move |id| (id.as_str(), at)));
    ids.collect()
}
