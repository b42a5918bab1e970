//! Work that blocks, away from the async threads.
//!
//! A thread of its own and not the runtime's pool: the pool panics when the system
//! refuses a thread, and a machine full of processes is when it matters most that
//! some can still be ended.

use std::io;

use tokio::sync::oneshot;

/// Runs a closure on a new thread.
///
/// # Errors
/// Those of starting a thread; `Other` if the closure panicked.
pub(crate) async fn off_thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more if the future was dropped; the work is done all the same.
        let _ = sender.send(work());
    })?;
    receiver.await.map_err(io::Error::other)
}
