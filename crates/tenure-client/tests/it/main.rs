//! The client against a tiny fake daemon.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod dialect;
mod fake;
mod finding;
mod following;
mod leaving;
mod starting;
mod versions;
