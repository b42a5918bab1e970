//! A scripted model on loopback, for driving real agent programs in tests.
//!
//! It speaks Anthropic Messages, OpenAI Chat Completions and OpenAI Responses, each streamed and whole. What it
//! answers is written in the prompt: a [`Script`] between `@@` marks, whose n-th [`Step`] answers the n-th
//! call after that prompt. Which step is due is counted from the conversation that the request carries, so
//! the endpoint remembers nothing: a resumed, forked or delegated conversation plays on by itself. (The two
//! exceptions are named where they stand: faults that happen a limited number of times, and gates.)
//!
//! ```
//! use serde_json::json;
//! use tenure_model::Script;
//!
//! let prompt = Script::new()
//!     .tool("Bash", json!({"command": "echo hi"}))
//!     .text("The command said hi.")
//!     .prompt("Please run it.");
//! assert!(prompt.starts_with("Please run it. @@["));
//! ```
//!
//! It is not a simulation of any vendor's service: it sends the frames that clients need, refuses the key
//! `sk-bad`, and checks nothing else.

mod dialect;
mod faults;
mod gates;
mod history;
mod model;
mod player;
mod recorded;
mod reply;
mod routes;
mod script;

pub use dialect::Dialect;
pub use model::{Model, WaitError};
pub use recorded::{MAX_RECORDED, RecordedRequest};
pub use script::{Script, ScriptError, Step, ToolCall, find_script};
