//! Bytes too large for an event: files named by the SHA-256 of what is in them, one directory
//! per session. They are on the disk before the commit that names them. Nothing here knows the log.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tenure_event::SessionId;

use crate::LogError;

/// Makes names of unfinished files differ within this process.
static UNFINISHED: AtomicU64 = AtomicU64::new(0);

/// The hash by which a blob is known: 64 lower-case hex digits.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a text can be the hash of a blob.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where the blobs of a session are. An id that would lead elsewhere has none.
fn dir_of(home: &Path, session: &SessionId) -> Option<PathBuf> {
    let name = session.as_str();
    (!matches!(name, "." | "..")).then(|| home.join("sessions").join(name).join("blobs"))
}

/// Stores bytes durably and returns their hash.
pub(crate) fn put(home: &Path, session: &SessionId, bytes: &[u8]) -> Result<String, LogError> {
    let dir = dir_of(home, session)
        .ok_or_else(|| LogError::Invalid(format!("`{session}` cannot name a session")))?;
    let hash = hash_of(bytes);
    write(home, &dir, &hash, bytes).map_err(|e| failed(&e))?;
    Ok(hash)
}

fn write(home: &Path, dir: &Path, hash: &str, bytes: &[u8]) -> io::Result<()> {
    make_dirs(home, dir)?;
    let path = dir.join(hash);
    if fs::metadata(&path).is_ok_and(|m| m.len() == bytes.len() as u64) {
        return sync_dir(dir);
    }
    let unfinished =
        dir.join(format!(".{hash}.{}.{}", std::process::id(), UNFINISHED.fetch_add(1, Ordering::Relaxed)));
    let written = write_synced(&unfinished, bytes).and_then(|()| fs::rename(&unfinished, &path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written.and_then(|()| sync_dir(dir))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the directories below `home` and syncs the parents of new ones.
fn make_dirs(home: &Path, dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for parent in dir.ancestors().skip(1).take_while(|p| p.starts_with(home)) {
        sync_dir(parent)?;
    }
    Ok(())
}

/// Makes the names in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The bytes of a blob of this session.
pub(crate) fn get(home: &Path, session: &SessionId, hash: &str) -> Result<Option<Bytes>, LogError> {
    let Some(dir) = dir_of(home, session).filter(|_| is_hash(hash)) else { return Ok(None) };
    let mut bytes = Vec::new();
    match File::open(dir.join(hash)).and_then(|mut f| f.read_to_end(&mut bytes)) {
        Ok(_) if hash_of(&bytes) == hash => Ok(Some(bytes.into())),
        Ok(_) => Err(LogError::Corrupt(format!("blob {hash} of {session} is not what was stored"))),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(failed(&e)),
    }
}

/// Removes every blob of a session.
pub(crate) fn erase(home: &Path, session: &SessionId) -> Result<(), LogError> {
    let Some(dir) = dir_of(home, session) else { return Ok(()) };
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(&e)),
        _ => Ok(()),
    }
}

fn failed(e: &io::Error) -> LogError {
    let full = matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
    LogError::Storage { message: e.to_string(), full }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_changed_on_disk_is_told() {
        let home = tempfile::tempdir().expect("scratch");
        let session = SessionId::parse("s").expect("valid");
        let hash = put(home.path(), &session, b"hello").expect("stored");
        let path = home.path().join("sessions/s/blobs").join(&hash);
        fs::write(path, b"hullo").expect("written");
        assert!(matches!(get(home.path(), &session, &hash), Err(LogError::Corrupt(_))));
    }

    #[test]
    fn ids_that_lead_elsewhere_have_no_blobs() {
        let home = tempfile::tempdir().expect("scratch");
        for id in [".", ".."] {
            let session: SessionId = serde_json::from_value(id.into()).expect("a text");
            assert!(matches!(put(home.path(), &session, b"x"), Err(LogError::Invalid(_))));
            assert!(matches!(get(home.path(), &session, &hash_of(b"x")), Ok(None)));
        }
    }
}
