//! Bad input, and what it gets: each with the code, the status and a message that says what to do. What
//! misbehaves is the scripted agent, a real process.

mod agents;
mod clients;
mod damage;
mod disk;
mod homes;
mod large;
mod lines;
mod requests;
mod torn;

pub(crate) use homes::{eventually, hang_up};
