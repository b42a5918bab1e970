//! The program as its users meet it: whole processes, a scratch home each, the scripted agent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asking;
mod following;
mod help;
mod home;
mod killing;
mod listing;
mod past;
mod rewinding;
mod running;
mod servers;
mod starting;
mod terminal;
mod verbs;
mod workspace;
