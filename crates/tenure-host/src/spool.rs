//! The spool: everything an agent wrote to its standard output, byte for byte, in
//! segments named by their start offset. Offsets count bytes of one agent process
//! from 0.
//!
//! A segment starts at the start of a line, always. Only complete lines are ever
//! announced. A line over the limit is kept up to one byte more than the limit,
//! so that a reader can tell and skip it. Nothing is flushed to disk by force:
//! after a power loss a spool may be shorter than what was read from it.
//!
//! It is no log: what was read and committed elsewhere is released and deleted.

mod reader;
mod segment;
mod writer;

pub use reader::{LineKind, SpoolLine, SpoolReader, Tail, read_tail};
pub use segment::{KEPT_BYTES, SPOOL_DIR};

pub(crate) use writer::SpoolWriter;

#[cfg(test)]
mod tests;
