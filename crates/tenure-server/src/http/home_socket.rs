//! The home's socket: only its user reaches it, and who does is known by it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often it is looked whether the socket is still there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A listening socket of a path that is kept. It is the only way by which a home's clients find the daemon, so that one which is removed
/// under it (a cleaner of temporary files does that) is made again.
#[derive(Debug)]
pub struct HomeSocket {
    path: PathBuf,
    listener: UnixListener,
    owner: u32,
    looks: Interval,
}

impl HomeSocket {
    /// Listens at a path; what lies there is replaced.
    ///
    /// # Errors
    /// The system's, when the socket cannot be made.
    pub fn bind(path: PathBuf) -> io::Result<Self> {
        let (listener, owner) = listen(&path)?;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { path, listener, owner, looks })
    }

    /// The next connection; none where it was somebody else's. Nothing is lost if it is not waited for to the end.
    pub(super) async fn accept(&mut self) -> io::Result<Option<UnixStream>> {
        loop {
            tokio::select! {
                biased;
                accepted = self.listener.accept() => {
                    let (stream, _) = accepted?;
                    let is_owner = tenure_host::peer_uid(&stream).is_ok_and(|uid| uid == self.owner);
                    return Ok(is_owner.then_some(stream));
                }
                _ = self.looks.tick() => self.put_back(),
            }
        }
    }

    fn put_back(&mut self) {
        if !fs::symlink_metadata(&self.path).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
            return;
        }
        match listen(&self.path) {
            Ok((listener, owner)) => {
                tracing::warn!("{} was removed and is there again", self.path.display());
                (self.listener, self.owner) = (listener, owner);
            }
            Err(error) => tracing::debug!("{} was removed: {error}", self.path.display()),
        }
    }
}

fn listen(path: &Path) -> io::Result<(UnixListener, u32)> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok((listener, fs::metadata(path)?.uid()))
}
