//! The HTTP interface on a real node in a scratch home. No agent runs here: sessions are not started, or
//! written into the log as an owner would.

mod app;
mod asks;
mod checkpoints;
mod connection;
mod contract;
mod events;
mod gate;
mod idempotency;
mod inputs;
mod lists;
mod messages;
mod requests;
mod script;
mod sessions;
mod tokens;
