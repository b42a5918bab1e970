//! The built-in scripted agent: a real process that speaks ACP and does what the prompt says.

mod agent;
mod bench;
mod child;
mod clock;
mod demo;
mod flags;
mod help;
mod history;
mod lines;
mod play;
mod record;
mod rpc;
mod script;
mod session;
mod signals;
mod start;
mod turn;
mod wire;

pub use bench::BenchMark;
pub use clock::monotonic_ns;
pub use demo::{DEMO_AFTER, DEMO_BEFORE, DEMO_FILE, demo_prompt};
pub use record::{Act, Entry, Sent, read_record};
pub use script::script;
pub use start::main;
