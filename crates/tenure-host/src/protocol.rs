//! The protocol between a shim and the daemon, version 1.
//!
//! A stream socket `shim.sock` in the shim's directory, one connection at a time;
//! a new one replaces the old. A frame is
//!
//! ```text
//! u32  length of the payload, little endian
//! u8   kind
//! …    payload
//! ```
//!
//! | kind | name | direction | payload |
//! |---|---|---|---|
//! | 0x01 | Hello | to the shim | JSON [`Hello`]; the first frame, answered by Welcome |
//! | 0x02 | Command | to the shim | u64 n little endian, then the bytes for the agent's stdin |
//! | 0x03 | Release | to the shim | u64 little endian: spool bytes before it are no longer needed |
//! | 0x04 | End | to the shim | JSON [`crate::Ladder`] |
//! | 0x05 | Kill | to the shim | empty: SIGKILL to the whole tree at once |
//! | 0x41 | Welcome | to the daemon | JSON [`Welcome`] |
//! | 0x42 | Progress | to the daemon | [`Progress`], 21 bytes |
//! | 0x43 | Refused | to the daemon | JSON [`Refused`]: a command was not the next one |
//! | 0x44 | Exited | to the daemon | JSON [`crate::ExitRecord`], after it was recorded |
//!
//! Commands are numbered 1, 2, 3 … per agent process. The shim applies only the
//! next one, acknowledges older ones without applying them, and refuses gaps; a
//! half-received frame is dropped with its connection. So resending is always
//! safe. Acknowledged means: in the shim's hands, which outlives the daemon.
//!
//! Progress is the state, not a change: a slow reader gets fewer frames, never a
//! backlog. A frame that is malformed or of an unknown kind ends the connection
//! and nothing else. Unknown JSON fields are ignored.
//!
//! **Versions.** The shim answers Hello with its own version, whatever was asked;
//! the daemon speaks every version ever released. Bytes recorded with each version
//! are kept in the tests.

mod frame;

pub use frame::{
    COMMAND_HEAD, Deframer, HEADER_BYTES, Hello, Kind, MAX_COMMAND_BYTES, MAX_FRAME_BYTES, Malformed, Piece,
    Progress, Refused, Welcome, command_head, frame, json_frame,
};

/// The version that this code speaks as a shim.
pub const VERSION: u32 = 1;

#[cfg(test)]
mod tests;
