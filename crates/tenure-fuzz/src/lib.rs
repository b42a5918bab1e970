//! What is fuzzed: one function of bytes for each reader of data from outside. `fuzz/` hands
//! them to cargo-fuzz; the tests of this crate run the same functions over the committed
//! corpora and over mutations of them, on any toolchain.
//!
//! A function panics when a promise is broken, and says nothing else. It is no place for
//! examples: those are tests of the crate that reads.

mod codec;
mod framing;
mod history;
mod recording;
mod request;
mod store;
mod text;

pub use codec::{
    acp_lines, acp_recording, claude_lines, claude_recording, codex_lines, codex_recording, pi_lines,
    pi_recording,
};
pub use framing::{frames, spool, sse};
pub use history::{claude_history, codex_history, pi_history};
pub use request::{BODIES, cursors, events, http_bodies};
pub use store::{state, store};
pub use text::{config, places, script};

/// A function that takes bytes and panics if they break something.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 22] = [
    ("acp_lines", acp_lines),
    ("acp_recording", acp_recording),
    ("claude_history", claude_history),
    ("claude_lines", claude_lines),
    ("claude_recording", claude_recording),
    ("codex_history", codex_history),
    ("codex_lines", codex_lines),
    ("codex_recording", codex_recording),
    ("config", config),
    ("cursors", cursors),
    ("events", events),
    ("frames", frames),
    ("http_bodies", http_bodies),
    ("pi_history", pi_history),
    ("pi_lines", pi_lines),
    ("pi_recording", pi_recording),
    ("places", places),
    ("script", script),
    ("spool", spool),
    ("sse", sse),
    ("state", state),
    ("store", store),
];

/// Takes numbers from bytes; zeros once there are no more.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> usize {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        usize::from(first)
    }

    fn short(&mut self) -> usize {
        self.byte() | self.byte() << 8
    }
}
