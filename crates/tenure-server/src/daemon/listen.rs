//! Where the daemon listens: an address, and a socket that only its user reaches.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::DaemonError;
use crate::hex::hex;
use crate::http::{HomeSocket, Listener};

const USUAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7420);
/// Longest path that a socket can have, in bytes.
const LONGEST: usize = 107;

/// An address that is listened on.
pub(super) struct Tcp {
    pub(super) listener: Listener,
    pub(super) address: SocketAddr,
}

impl Tcp {
    /// How this machine reaches it.
    pub(super) fn url(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("http://{address}")
    }
}

/// Listens where it was asked, or at the usual address, or on a free port when that is taken.
pub(super) async fn tcp(asked: Option<SocketAddr>) -> Result<Tcp, DaemonError> {
    let address = asked.unwrap_or(USUAL);
    let bound = match TcpListener::bind(address).await {
        Err(error) if asked.is_none() && error.kind() == io::ErrorKind::AddrInUse => {
            let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
            tracing::warn!("{address} is taken by another program; a free port is used instead");
            bound
        }
        bound => bound,
    };
    let cannot = |source| DaemonError::Listen { address, source };
    let bound = bound.map_err(cannot)?;
    let address = bound.local_addr().map_err(cannot)?;
    Ok(Tcp { listener: Listener::Tcp(bound), address })
}

/// Listens on the home's socket; one that a dead daemon left is replaced, which the lock makes safe.
pub(super) fn unix(home: &Path) -> Result<(Listener, PathBuf), DaemonError> {
    let path = socket_path(home)?;
    let socket = HomeSocket::bind(path.clone())
        .map_err(|source| DaemonError::Socket { path: path.clone(), source })?;
    Ok((Listener::Home(socket), path))
}

fn socket_path(home: &Path) -> Result<PathBuf, DaemonError> {
    let own = home.join("tenure.sock");
    if own.as_os_str().len() <= LONGEST {
        return Ok(own);
    }
    let hash = Sha256::digest(home.as_os_str().as_bytes());
    let hash = hex(&hash[..8]);
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_dir());
    let dir = runtime.unwrap_or_else(std::env::temp_dir).join(format!("tenure-{hash}"));
    let cannot = |source| DaemonError::Socket { path: dir.clone(), source };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(cannot(error)),
        _ => {}
    }
    // In a directory that all may write, somebody else may have been faster.
    let found = fs::symlink_metadata(&dir).map_err(cannot)?;
    let ours = fs::metadata(home).map_err(cannot)?.uid();
    if !found.is_dir() || found.uid() != ours {
        return Err(cannot(io::Error::other("it belongs to somebody else; set XDG_RUNTIME_DIR")));
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).map_err(cannot)?;
    Ok(dir.join("tenure.sock"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_with_a_long_path_has_its_socket_elsewhere() {
        let scratch = tempfile::tempdir().expect("a directory");
        let short = scratch.path().join("home");
        assert_eq!(socket_path(&short).expect("short"), short.join("tenure.sock"));
        let long = scratch.path().join("x".repeat(120));
        fs::create_dir(&long).expect("made");
        let path = socket_path(&long).expect("elsewhere");
        assert!(path.as_os_str().len() <= LONGEST && !path.starts_with(&long));
        let dir = path.parent().expect("a directory");
        assert_eq!(fs::metadata(dir).expect("made").permissions().mode() & 0o777, 0o700);
        fs::remove_dir(dir).expect("removed");
    }
}
