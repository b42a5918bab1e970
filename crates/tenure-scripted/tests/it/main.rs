//! Drives the real program over pipes: every step, every flag, and what another process finds after a kill.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without may fail it")]

mod asks;
mod cancels;
mod children;
mod driver;
mod endings;
mod handshake;
mod odd;
mod pours;
mod recorded;
mod resumes;
mod says;
mod starts;
mod steering;
mod tools;
