//! Artifacts of a session: their bytes beside its log, named by their hash, and their versions in the log.
//!
//! The bytes are on the disk before the event that names them. They do not lie among the blobs of events: those
//! stay with a transcript that is kept, artifacts go with their session.

use std::fs::File;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tenure_api::{Artifact, ArtifactVersion, ErrorCode, Problem};
use tenure_core::{ArtifactRequest, Reply, Request};
use tenure_event::{ArtifactSource, Kind, SessionId};
use tenure_log::EventLog;
use tenure_workspace::Root;
use tokio::sync::oneshot;

use super::{Node, Shared, make_private_dir};
use crate::hex::hex;
use crate::owner::{Mail, Private, off_thread, session_dir};
use crate::{past, problem};

/// Largest artifact that a rule keeps, in bytes.
const LARGEST: u64 = 1 << 30;
/// Versions of a session that are looked at, at most.
const MOST: usize = 100_000;

/// Bytes on their way to become an artifact. Dropped before they are kept, they are gone.
pub(crate) struct Keeping {
    file: tempfile::NamedTempFile,
    hash: Sha256,
    bytes: u64,
}

/// Bytes that are kept, and not yet told of.
pub(crate) struct Kept {
    hash: String,
    bytes: u64,
}

impl Keeping {
    /// Begins in a session's directory. Blocks.
    pub(crate) fn begin(home: &Path, session: &SessionId) -> std::io::Result<Self> {
        let dir = dir_of(home, session);
        make_private_dir(&dir)?;
        let file = tempfile::Builder::new().prefix(".part-").tempfile_in(dir)?;
        Ok(Self { file, hash: Sha256::new(), bytes: 0 })
    }

    /// Adds bytes. Blocks.
    pub(crate) fn add(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Puts them where they stay. Blocks.
    pub(crate) fn keep(self) -> std::io::Result<Kept> {
        let Self { file, hash, bytes } = self;
        let hash = hex(&hash.finalize());
        file.as_file().sync_all()?;
        let dir = file.path().parent().map(Path::to_owned).unwrap_or_default();
        // The same bytes again replace themselves.
        file.persist(dir.join(&hash)).map_err(|error| error.error)?;
        File::open(dir)?.sync_all()?;
        Ok(Kept { hash, bytes })
    }
}

fn dir_of(home: &Path, session: &SessionId) -> PathBuf {
    session_dir(home, session).join("artifacts")
}

impl Node {
    /// Records kept bytes as an artifact; the same bytes as its newest version are no new one. Tells the version,
    /// and whether it is new.
    pub(crate) async fn record_artifact(
        &self,
        session: &SessionId,
        key: &str,
        kept: Kept,
        source: ArtifactSource,
        path: Option<String>,
    ) -> Result<(u64, bool), Problem> {
        let request = request(key, kept, source, path);
        told(self.call(session, request, None).await?)
    }

    /// All artifacts of a session, by key.
    pub(crate) async fn artifacts(&self, session: &SessionId) -> Result<Vec<Artifact>, Problem> {
        list(&self.shared, session).await
    }

    /// The bytes of a version.
    pub(crate) async fn artifact_file(
        &self,
        session: &SessionId,
        version: &ArtifactVersion,
    ) -> Result<File, Problem> {
        let path = dir_of(&self.shared.home, session).join(&version.hash);
        let opened = off_thread(move || File::open(path)).await;
        opened.map_err(|e| problem::internal(&format!("the bytes of an artifact cannot be read: {e}")))
    }
}

fn request(key: &str, kept: Kept, source: ArtifactSource, path: Option<String>) -> Request {
    let Kept { hash, bytes } = kept;
    Request::KeepArtifact(Box::new(ArtifactRequest { key: key.to_owned(), hash, bytes, source, path }))
}

fn told(reply: Reply) -> Result<(u64, bool), Problem> {
    match reply {
        Reply::Artifact { version, new } => Ok((version, new)),
        _ => Err(problem::internal("an artifact got an odd reply")),
    }
}

async fn list(shared: &Shared, session: &SessionId) -> Result<Vec<Artifact>, Problem> {
    let mut all: std::collections::BTreeMap<String, Vec<ArtifactVersion>> = std::collections::BTreeMap::new();
    let (mut after, mut seen) = (0, 0);
    loop {
        let page = past::page(&shared.log, session, after, &["artifact.created"]).await;
        let page = page.map_err(|error| problem::from_log(&error))?;
        for event in page.events.iter().filter_map(|stored| past::parse(&stored.bytes)) {
            let Kind::ArtifactCreated(data) = event.kind else { continue };
            all.entry(data.key).or_default().push(ArtifactVersion {
                version: data.version,
                bytes: data.bytes,
                hash: data.hash,
                source: data.source,
                path: data.path,
                created_at: event.ts,
            });
            seen += 1;
        }
        if page.scanned_to >= page.last || page.scanned_to <= after || seen >= MOST {
            break;
        }
        after = page.scanned_to;
    }
    let artifact = |(key, versions): (String, Vec<ArtifactVersion>)| {
        Some(Artifact { key, latest: versions.last()?.clone(), versions })
    };
    Ok(all.into_iter().filter_map(artifact).collect())
}

/// Keeps what the session's rules name and has changed. A file that is not there, or not to be had, is no artifact.
pub(crate) async fn collect(shared: Arc<Shared>, session: SessionId) {
    let dir = session_dir(&shared.home, &session);
    let Ok(private) = off_thread(move || Private::read(&dir)).await else { return };
    if private.artifacts.is_empty() {
        return;
    }
    let Ok(Some(row)) = shared.log.session(&session).await else { return };
    let Ok(known) = list(&shared, &session).await else { return };
    for rule in private.artifacts {
        let newest = known.iter().find(|artifact| artifact.key == rule.key).map(|a| a.latest.hash.clone());
        let (home, cwd, path, id) =
            (shared.home.clone(), row.cwd.clone(), rule.path.clone(), session.clone());
        let kept = off_thread(move || take(&home, &id, &cwd, &path, newest.as_deref())).await;
        match kept {
            Ok(Some(kept)) => {
                let request = request(&rule.key, kept, ArtifactSource::Rule, Some(rule.path));
                let Some(owner) = shared.registry.get(&session) else { return };
                let (reply, answer) = oneshot::channel();
                if owner.send(Mail::Request { request, key: None, reply }).await.is_ok() {
                    // Refused, it is kept with the next turn.
                    let _ = answer.await;
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%session, key = rule.key, %error, "an artifact could not be kept");
            }
        }
    }
}

/// Keeps a file of the session's directory, unless it is what was kept last.
fn take(
    home: &Path,
    session: &SessionId,
    cwd: &str,
    path: &str,
    newest: Option<&str>,
) -> std::io::Result<Option<Kept>> {
    let Ok(root) = Root::open(cwd) else { return Ok(None) };
    let Ok((mut file, entry)) = root.open_file(path) else { return Ok(None) };
    if entry.bytes > LARGEST {
        return Err(std::io::Error::other("it has more than 1 GB"));
    }
    let hash = hash_of(&mut file)?;
    if newest == Some(hash.as_str()) {
        return Ok(None);
    }
    std::io::Seek::rewind(&mut file)?;
    copy(home, session, &mut file).map(Some)
}

/// Keeps what a reader gives, at most as much as an artifact may have.
pub(crate) fn copy(home: &Path, session: &SessionId, from: &mut impl Read) -> std::io::Result<Kept> {
    let mut keeping = Keeping::begin(home, session)?;
    let mut block = vec![0; 64 * 1024];
    loop {
        match from.read(&mut block)? {
            0 => return keeping.keep(),
            got if keeping.bytes + got as u64 > LARGEST => {
                return Err(std::io::Error::from(std::io::ErrorKind::FileTooLarge));
            }
            got => keeping.add(&block[..got])?,
        }
    }
}

fn hash_of(file: &mut File) -> std::io::Result<String> {
    let mut hash = Sha256::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        match file.read(&mut block)? {
            0 => break,
            got => hash.update(&block[..got]),
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Whether a rule or a path says a key that an artifact can have.
pub(crate) fn check_key(key: &str, field: &str) -> Result<(), Problem> {
    if tenure_event::client_id_is_valid(key) {
        return Ok(());
    }
    let what = "a key has 1 to 64 of `A-Z a-z 0-9 . _ -`, and is neither `.` nor `..`";
    Err(Problem { field: Some(field.to_owned()), ..Problem::new(ErrorCode::Invalid, what) })
}
