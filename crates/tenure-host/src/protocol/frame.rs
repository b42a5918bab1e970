//! Frames: their types, their bytes, and a reader that never holds more of a
//! command than the piece at hand. No I/O.

use serde::{Deserialize, Serialize};

use crate::process::PidRef;
use crate::record::ExitRecord;

/// Length and kind.
pub const HEADER_BYTES: usize = 5;
/// Header and number of a command frame.
pub const COMMAND_HEAD: usize = HEADER_BYTES + 8;
/// Longest payload of any frame but a command.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;
/// Longest command: an input of 64 MB in base64, and room around it.
pub const MAX_COMMAND_BYTES: usize = 128 * 1024 * 1024;

/// The kind of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// First frame of the daemon.
    Hello = 0x01,
    /// Bytes for the agent.
    Command = 0x02,
    /// Spool bytes before an offset are no longer needed.
    Release = 0x03,
    /// End the agent by the ladder.
    End = 0x04,
    /// End the tree at once.
    Kill = 0x05,
    /// First frame of the shim.
    Welcome = 0x41,
    /// The shim's state.
    Progress = 0x42,
    /// A command was out of order.
    Refused = 0x43,
    /// The agent ended and its exit is recorded.
    Exited = 0x44,
}

impl Kind {
    /// The kind of this byte.
    pub fn of(byte: u8) -> Option<Kind> {
        Some(match byte {
            0x01 => Kind::Hello,
            0x02 => Kind::Command,
            0x03 => Kind::Release,
            0x04 => Kind::End,
            0x05 => Kind::Kill,
            0x41 => Kind::Welcome,
            0x42 => Kind::Progress,
            0x43 => Kind::Refused,
            0x44 => Kind::Exited,
            _ => return None,
        })
    }
}

/// The daemon's greeting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest version that the daemon speaks.
    pub protocol: u32,
}

/// The shim's answer to Hello.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that the shim speaks.
    pub protocol: u32,
    /// The highest command that was applied.
    pub applied: u64,
    /// The end of the last complete line in the spool.
    pub spool_end: u64,
    /// The release point that the shim knows.
    pub open: u64,
    /// The agent.
    pub agent: PidRef,
    /// How it ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitRecord>,
}

/// A command that was not applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The command's number.
    pub n: u64,
    /// The highest command that was applied.
    pub applied: u64,
    /// Why.
    pub reason: String,
}

/// The shim's state, sent whenever it changed and the last one was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// The highest command that was applied.
    pub applied: u64,
    /// The end of the last complete line in the spool.
    pub spool_end: u64,
    /// The quota is reached and the agent waits.
    pub full: bool,
    /// The agent's input is closed; further commands cannot reach it.
    pub stdin_closed: bool,
    /// The error number of the spool's last write, if it failed; the agent waits.
    pub spool_errno: Option<i32>,
}

impl Progress {
    const BYTES: usize = 21;

    /// The payload.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..8].copy_from_slice(&self.applied.to_le_bytes());
        out[8..16].copy_from_slice(&self.spool_end.to_le_bytes());
        out[16] = u8::from(self.full) | u8::from(self.stdin_closed) << 1;
        out[17..].copy_from_slice(&self.spool_errno.unwrap_or(0).to_le_bytes());
        out
    }

    /// Reads the payload; later versions may append to it.
    pub fn decode(payload: &[u8]) -> Option<Progress> {
        let (applied, rest) = payload.split_first_chunk::<8>()?;
        let (spool_end, rest) = rest.split_first_chunk::<8>()?;
        let (flags, rest) = rest.split_first()?;
        let (errno, _) = rest.split_first_chunk::<4>()?;
        let errno = i32::from_le_bytes(*errno);
        Some(Progress {
            applied: u64::from_le_bytes(*applied),
            spool_end: u64::from_le_bytes(*spool_end),
            full: flags & 1 != 0,
            stdin_closed: flags & 2 != 0,
            spool_errno: (errno != 0).then_some(errno),
        })
    }
}

/// A whole frame with a raw payload.
pub fn frame(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
    out.extend_from_slice(&header(kind, payload.len()));
    out.extend_from_slice(payload);
    out
}

/// A whole frame with a JSON payload.
///
/// # Errors
/// Those of the value's own serialisation.
pub fn json_frame<T: Serialize>(kind: Kind, value: &T) -> serde_json::Result<Vec<u8>> {
    Ok(frame(kind, &serde_json::to_vec(value)?))
}

/// The first bytes of a command frame; the `len` bytes for the agent follow.
pub fn command_head(n: u64, len: usize) -> [u8; COMMAND_HEAD] {
    let mut out = [0; COMMAND_HEAD];
    out[..HEADER_BYTES].copy_from_slice(&header(Kind::Command, len + 8));
    out[HEADER_BYTES..].copy_from_slice(&n.to_le_bytes());
    out
}

fn header(kind: Kind, len: usize) -> [u8; HEADER_BYTES] {
    // Both maxima are far below 4 GB, and a longer frame is refused by the reader.
    let len = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
    [len[0], len[1], len[2], len[3], kind as u8]
}

/// Bytes that are not of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A kind that this version does not know.
    #[error("unknown frame kind {0:#04x}")]
    Kind(u8),
    /// A payload longer than allowed, or shorter than it must be.
    #[error("frame of kind {kind:#04x} with a payload of {len} bytes")]
    Length {
        /// The kind.
        kind: u8,
        /// The announced length.
        len: usize,
    },
    /// A payload that does not hold what its kind says, or comes out of turn.
    #[error("frame of kind {0:#04x} that is not understood")]
    Payload(u8),
}

/// What [`Deframer::feed`] found.
#[derive(Debug)]
pub enum Piece<'a> {
    /// A whole frame that is no command, with its payload.
    Frame(Kind, &'a [u8]),
    /// A command begins.
    CommandStart {
        /// Its number.
        n: u64,
    },
    /// More of the command under way.
    CommandBytes(&'a [u8]),
    /// The command is whole.
    CommandEnd,
}

/// Cuts a byte stream into frames. Small frames are gathered, a command is passed
/// on piece by piece.
#[derive(Debug, Default)]
pub struct Deframer {
    head: [u8; COMMAND_HEAD],
    have: usize,
    body: Vec<u8>,
    /// Bytes of the running command that are still to come.
    command_left: Option<usize>,
}

impl Deframer {
    /// Takes the next bytes of the stream, and hands on what they complete.
    ///
    /// # Errors
    /// [`Malformed`] for bytes that are not of this protocol, or from `on`; nothing after it can be trusted.
    pub fn feed(
        &mut self,
        mut input: &[u8],
        mut on: impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        while !input.is_empty() {
            if let Some(left) = self.command_left {
                let (now, later) = input.split_at(left.min(input.len()));
                on(Piece::CommandBytes(now))?;
                input = later;
                self.command_left = Some(left - now.len());
                self.finish_command(&mut on)?;
                continue;
            }
            let want = self.head_bytes();
            if self.have < want {
                let (now, later) = input.split_at((want - self.have).min(input.len()));
                self.head[self.have..self.have + now.len()].copy_from_slice(now);
                self.have += now.len();
                input = later;
                if self.have == HEADER_BYTES {
                    self.check_head()?;
                }
                if self.have < self.head_bytes() {
                    continue;
                }
            }
            input = self.body(input, &mut on)?;
        }
        Ok(())
    }

    /// A command's number is gathered together with its header.
    fn head_bytes(&self) -> usize {
        let command = self.have >= HEADER_BYTES && self.head[4] == Kind::Command as u8;
        if command { COMMAND_HEAD } else { HEADER_BYTES }
    }

    /// How many bytes may be read without touching a command: none at all once one
    /// has started.
    pub(crate) fn small_left(&self) -> usize {
        match self.have {
            _ if self.command_left.is_some() => 0,
            have if have < HEADER_BYTES => HEADER_BYTES - have,
            _ if self.head[4] == Kind::Command as u8 => 0,
            _ => self.payload_len() - self.body.len(),
        }
    }

    fn payload_len(&self) -> usize {
        u32::from_le_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]) as usize
    }

    fn check_head(&self) -> Result<(), Malformed> {
        let (byte, len) = (self.head[4], self.payload_len());
        let allowed = match Kind::of(byte).ok_or(Malformed::Kind(byte))? {
            Kind::Command => 8..=MAX_COMMAND_BYTES,
            _ => 0..=MAX_FRAME_BYTES,
        };
        if allowed.contains(&len) { Ok(()) } else { Err(Malformed::Length { kind: byte, len }) }
    }

    /// With a whole head: starts a command, or gathers a small frame.
    fn body<'a>(
        &mut self,
        input: &'a [u8],
        on: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<&'a [u8], Malformed> {
        let kind = Kind::of(self.head[4]).ok_or(Malformed::Kind(self.head[4]))?;
        let len = self.payload_len();
        if kind == Kind::Command {
            let mut n = [0; 8];
            n.copy_from_slice(&self.head[HEADER_BYTES..]);
            self.command_left = Some(len - 8);
            self.have = 0;
            on(Piece::CommandStart { n: u64::from_le_bytes(n) })?;
            self.finish_command(on)?;
            return Ok(input);
        }
        let (now, later) = input.split_at((len - self.body.len()).min(input.len()));
        self.body.extend_from_slice(now);
        if self.body.len() == len {
            let body = std::mem::take(&mut self.body);
            self.have = 0;
            on(Piece::Frame(kind, &body))?;
        }
        Ok(later)
    }

    fn finish_command(
        &mut self,
        on: &mut impl FnMut(Piece<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if self.command_left == Some(0) {
            self.command_left = None;
            on(Piece::CommandEnd)?;
        }
        Ok(())
    }
}
