//! What the kernel keeps for a connection.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Lets a TCP connection take no more to send once so many bytes wait unsent. What was sent and not acknowledged does
/// not count: a fast reader is served as before, however far away it is.
///
/// # Errors
/// Those of `setsockopt`, for anything but a TCP socket.
#[expect(unsafe_code, reason = "TCP_NOTSENT_LOWAT is not in rustix's interface")]
pub fn hold_little_unsent(socket: impl AsFd, bytes: u32) -> io::Result<()> {
    let (fd, value) = (socket.as_fd().as_raw_fd(), &raw const bytes);
    let size = libc::socklen_t::try_from(size_of::<u32>()).unwrap_or(4);
    // SAFETY: the descriptor is borrowed for the call, and the kernel reads `size` bytes at `value`.
    let done =
        unsafe { libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT, value.cast(), size) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
