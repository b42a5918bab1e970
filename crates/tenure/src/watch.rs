//! A person (or a pipe) looks on while a session works: the stream, the keys, the asks, Ctrl-C and the status line
//! come together here. `run`, `attach`, `send --wait` and `demo` are this with different ends.

mod desk;
mod look;
mod run;

pub(crate) use desk::{Answer, Desk, allow, deny, read_choice};
pub(crate) use look::{Goal, Look, Observer};
pub(crate) use run::{End, watch};
