//! What the contract promises, on the scripted agent: each promise a test, most of them over a kill of the
//! daemon.

mod absent;
mod asks;
mod checkpoints;
mod control;
mod idempotent;
mod kills;
mod limits;
mod lists;
mod policy;
mod removal;
mod resets;
mod secrets;
mod streams;
mod verbs;
