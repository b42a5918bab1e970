//! What the daemon and the shim of a command say to each other over their socket:
//! the order with the command's three streams, then bytes one way and lines of JSON
//! the other. Both ends are the same program, so it has no versions.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::start::Gently;
use crate::process::PidRef;
use crate::shim::{Order as ShimOrder, StartFailure};

/// Ask the command to end.
pub(crate) const TERM: u8 = b't';
/// Kill its tree.
pub(crate) const KILL: u8 = b'k';
/// Nobody waits for it any more: as if the daemon were gone.
pub(crate) const LEAVE: u8 = b'l';
/// The kernel takes no more than 6 MB of arguments and environment together.
const MAX_ORDER: usize = 16 << 20;

/// A command to start, and its streams: input, output, error.
pub(crate) struct Order {
    pub(crate) order: ShimOrder,
    pub(crate) gently: Option<Gently>,
    pub(crate) streams: [OwnedFd; 3],
}

/// What the shim says, in this order: whether it started the command, and how that ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    Started(Running),
    Failed(StartFailure),
    Ended(Ended),
}

/// Who runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) shim: Option<PidRef>,
    pub(crate) command: PidRef,
}

/// How a command ended, after nothing of its tree was left.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code, if it exited.
    pub code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Processes of its tree that were signalled.
    pub hit: Vec<i32>,
    /// Those that could not be ended in time.
    pub remained: Vec<i32>,
}

/// Hands an order over: its length with the streams, then its text.
pub(crate) fn send(
    socket: &mut (impl Write + AsFd),
    order: &ShimOrder,
    gently: Option<&Gently>,
    streams: [BorrowedFd<'_>; 3],
) -> io::Result<()> {
    let text = serde_json::to_vec(&(order, gently))?;
    let length = u32::try_from(text.len()).ok().filter(|len| *len as usize <= MAX_ORDER);
    let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it is too long"))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !rights.push(SendAncillaryMessage::ScmRights(&streams)) {
        return Err(io::Error::other("the streams cannot be handed over"));
    }
    // Four bytes are never sent in part.
    sendmsg(socket.as_fd(), &[IoSlice::new(&length.to_le_bytes())], &mut rights, SendFlags::NOSIGNAL)?;
    socket.write_all(&text)
}

/// Takes an order. Blocks until it is there whole, or the other end is gone.
pub(crate) fn receive(socket: &OwnedFd) -> io::Result<Order> {
    let torn = || io::Error::new(io::ErrorKind::InvalidData, "the order is torn");
    let mut length = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut length)], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    if got.bytes != length.len() {
        return Err(torn());
    }
    let streams: Vec<OwnedFd> = rights
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        })
        .flatten()
        .collect();
    let streams = <[OwnedFd; 3]>::try_from(streams).map_err(|_| torn())?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_ORDER {
        return Err(torn());
    }
    let mut text = vec![0; length];
    std::fs::File::from(socket.try_clone()?).read_exact(&mut text)?;
    let (order, gently): (ShimOrder, Option<Gently>) = serde_json::from_slice(&text)?;
    if order.argv.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the command is empty"));
    }
    Ok(Order { order, gently, streams })
}

/// Says one line. If nobody listens any more there is nobody to tell.
pub(crate) fn send_line(socket: &OwnedFd, report: &Report) {
    let Ok(mut text) = serde_json::to_vec(report) else { return };
    text.push(b'\n');
    let mut rest = text.as_slice();
    while !rest.is_empty() {
        match rustix::net::send(socket, rest, SendFlags::NOSIGNAL) {
            Ok(sent) => rest = &rest[sent..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
