//! The daemon at the other end of the socket: what it asks, what it is told. It may
//! come, go and be replaced at any byte.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendFlags, SocketFlags};

use super::stdin::{Stdin, Verdict};
use crate::protocol::{Deframer, Hello, Kind, Malformed, Piece, Progress, Refused, frame, json_frame};
use crate::record::Ladder;

/// Unsent bytes beyond which refusals are no longer answered.
const OUT_BOUND: usize = 64 * 1024;

/// What a daemon asks of the loop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Hello,
    Release(u64),
    End(Ladder),
    Kill,
}

/// One connection.
pub(crate) struct Peer {
    socket: OwnedFd,
    deframer: Deframer,
    pub(crate) greeted: bool,
    out: Vec<u8>,
    sent: usize,
    told: Option<Progress>,
    /// It no longer reads. What it sent before is still taken in.
    deaf: bool,
}

/// The connection is over.
#[derive(Debug)]
pub(crate) struct Gone;

/// Takes a waiting connection, if it is this user's.
pub(crate) fn accept(listener: &OwnedFd) -> Option<Peer> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::accept_with(listener, flags).ok()?;
    let uid = rustix::net::sockopt::socket_peercred(&socket).ok()?.uid;
    (uid == rustix::process::geteuid()).then(|| Peer {
        socket,
        deframer: Deframer::default(),
        greeted: false,
        out: Vec::new(),
        sent: 0,
        told: None,
        deaf: false,
    })
}

impl Peer {
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    pub(crate) fn has_unsent(&self) -> bool {
        self.sent < self.out.len()
    }

    /// Whether to read: not while the next thing is a command that there is no room
    /// for. Requests before it are still heard.
    pub(crate) fn wants_read(&self, stdin: &Stdin) -> bool {
        stdin.has_room() || self.deframer.small_left() > 0
    }

    /// Reads once and takes in what came; requests are appended.
    pub(crate) fn receive(
        &mut self,
        scratch: &mut [u8],
        stdin: &mut Stdin,
        requests: &mut Vec<Request>,
    ) -> Result<(), Gone> {
        let most = if stdin.has_room() { scratch.len() } else { self.deframer.small_left() };
        let most = most.min(scratch.len());
        let got = match rustix::io::read(&self.socket, &mut scratch[..most]) {
            Ok(0) if most == 0 => return Ok(()),
            Ok(0) => return Err(Gone),
            Ok(got) => got,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(_) => return Err(Gone),
        };
        let (greeted, out) = (&mut self.greeted, &mut self.out);
        self.deframer
            .feed(&scratch[..got], |piece| take(piece, greeted, out, stdin, requests))
            .map_err(|_| Gone)
    }

    /// Appends a frame.
    pub(crate) fn tell(&mut self, frame: &[u8]) {
        if !self.deaf {
            self.out.extend_from_slice(frame);
        }
    }

    /// Appends the state, if it is new and everything before was taken.
    pub(crate) fn tell_progress(&mut self, progress: Progress) {
        if self.greeted && !self.deaf && !self.has_unsent() && self.told != Some(progress) {
            self.told = Some(progress);
            self.out.extend_from_slice(&frame(Kind::Progress, &progress.encode()));
        }
    }

    /// Sends what the socket takes.
    pub(crate) fn flush(&mut self) {
        while self.has_unsent() {
            match rustix::net::send(&self.socket, &self.out[self.sent..], SendFlags::NOSIGNAL) {
                Ok(sent) => self.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => {
                    self.deaf = true;
                    break;
                }
            }
        }
        self.out.clear();
        self.out.shrink_to(1024);
        self.sent = 0;
    }
}

fn take(
    piece: Piece<'_>,
    greeted: &mut bool,
    out: &mut Vec<u8>,
    stdin: &mut Stdin,
    requests: &mut Vec<Request>,
) -> Result<(), Malformed> {
    match piece {
        Piece::Frame(kind, payload) => {
            let request = request(kind, payload)?;
            if *greeted == (request == Request::Hello) {
                return Err(Malformed::Payload(kind as u8));
            }
            *greeted = true;
            requests.push(request);
        }
        Piece::CommandStart { .. } if !*greeted => return Err(Malformed::Payload(Kind::Command as u8)),
        Piece::CommandStart { n } => {
            let reason = match stdin.start(n) {
                Verdict::Apply | Verdict::Known => return Ok(()),
                Verdict::Gap => "an earlier command is missing",
                Verdict::Closed => "the agent's input is closed",
            };
            let refused = Refused { n, applied: stdin.applied(), reason: reason.to_owned() };
            if out.len() < OUT_BOUND
                && let Ok(frame) = json_frame(Kind::Refused, &refused)
            {
                out.extend_from_slice(&frame);
            }
        }
        Piece::CommandBytes(bytes) => stdin.bytes(bytes),
        Piece::CommandEnd => stdin.finish(),
    }
    Ok(())
}

fn request(kind: Kind, payload: &[u8]) -> Result<Request, Malformed> {
    let malformed = Malformed::Payload(kind as u8);
    match kind {
        Kind::Hello => {
            serde_json::from_slice::<Hello>(payload).map(|_| Request::Hello).map_err(|_| malformed)
        }
        Kind::Release => match payload.try_into() {
            Ok(bytes) => Ok(Request::Release(u64::from_le_bytes(bytes))),
            Err(_) => Err(malformed),
        },
        Kind::End => serde_json::from_slice(payload).map(Request::End).map_err(|_| malformed),
        Kind::Kill => Ok(Request::Kill),
        Kind::Command | Kind::Welcome | Kind::Progress | Kind::Refused | Kind::Exited => Err(malformed),
    }
}
