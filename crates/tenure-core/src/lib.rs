//! The pure session machine: an input and a state in, effects out.
//!
//! There is no I/O here, no clock, no randomness and no runtime: the owner of a session
//! hands in what happened and when, and carries out what comes back. Everything in this
//! crate can be run a million times in a test.

pub mod agent;
pub mod machine;
pub mod projection;
mod request;

pub use request::{Admit, AnswerRequest, ArtifactRequest, Reply, Request, Until, UpdateRequest};
