//! The holes that others had, each held shut by a test, on a whole daemon as an attacker meets it. Which rule of
//! `docs/security.md` a file holds stands at its top; what a rule means inside one crate is tested there.

// A test fails by panicking, its helpers too; clippy.toml's exemption covers functions marked as tests alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod argv;
mod forms;
mod hosts;
mod isolation;
mod limits;
mod paths;
mod routes;
mod scopes;
mod secrets;
mod session_tokens;
mod socket;
mod tokens;
mod trust;
mod waiting;
mod wire;
