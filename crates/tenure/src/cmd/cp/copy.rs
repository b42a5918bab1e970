//! Moving the bytes: one file after the other, each streamed, each put in place when it is whole.

use std::io::{Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use tenure_api::{FileEntry, FileKind};
use tenure_client::{Client, ClientError, FileBody};
use tenure_event::SessionId;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Copied;
use super::place::{Spot, What};
use crate::exit::{Exit, Failure};
use crate::out;

/// Bytes that are read at once.
const BLOCK: usize = 64 * 1024;
/// Directories below one another that are entered.
const DEEPEST: usize = 128;

pub(super) struct Copying {
    pub(super) client: Client,
    pub(super) done: Copied,
}

/// A place where something is to be made.
#[derive(Debug, Clone)]
enum Target {
    Session { id: SessionId, path: String },
    Local(PathBuf),
}

/// What can be copied.
enum Source {
    Session { id: SessionId, path: String },
    Local(PathBuf),
}

impl Copying {
    pub(super) async fn run(&mut self, from: Spot, to: Spot) -> Result<(), Failure> {
        match (from, to) {
            (Spot::Stream, Spot::Session { id, path, what }) => {
                if matches!(what, What::Directory | What::NewDirectory) {
                    return Err(Failure::usage("standard input has no name; name the file that it goes to"));
                }
                // Whoever writes into the pipe may take its time; the daemon lets no body stand still.
                let mut held = tempfile::tempfile()?;
                std::io::copy(&mut std::io::stdin().lock(), &mut held)?;
                held.rewind()?;
                let held = tokio::fs::File::from_std(held);
                let entry = self.client.write_file(&id, &path, None, pieces(held)).await?;
                self.count(entry.bytes);
                Ok(())
            }
            (Spot::Session { id, path, what }, Spot::Stream) => {
                if what == What::Directory {
                    return Err(Failure::usage(
                        "a directory does not go to standard output; name one to copy it to",
                    ));
                }
                let mut body = self.client.read_file(&id, &path).await?;
                while let Some(bytes) = body.next().await? {
                    out::print_bytes(&bytes)?;
                }
                Ok(())
            }
            (from, to) => {
                let (source, what, name) = source(from)?;
                let target = target(to, &name)?;
                match what {
                    What::Directory => self.directory(source, target).await,
                    _ => self.file(&source, &target).await,
                }
            }
        }
    }

    fn count(&mut self, bytes: u64) {
        self.done.files += 1;
        self.done.bytes += bytes;
    }

    async fn file(&mut self, from: &Source, to: &Target) -> Result<(), Failure> {
        let bytes = match (from, to) {
            (Source::Local(from), Target::Session { id, path }) => {
                let named = |error| Failure::failed(format!("{}: {error}", from.display()));
                let file = tokio::fs::File::open(from).await.map_err(named)?;
                let mode = file.metadata().await.map_err(named)?.permissions().mode() & 0o777;
                self.client.write_file(id, path, Some(mode), pieces(file)).await?.bytes
            }
            (Source::Session { id, path }, Target::Local(to)) => {
                let mode = self.mode(id, path).await?;
                let body = self.client.read_file(id, path).await?;
                save(body, to, mode).await?
            }
            (Source::Session { id, path }, Target::Session { id: other, path: to }) => {
                let mode = self.mode(id, path).await?;
                let body = self.client.read_file(id, path).await?;
                self.client.write_file(other, to, mode, relayed(body)).await?.bytes
            }
            (Source::Local(_), Target::Local(_)) => 0,
        };
        self.count(bytes);
        Ok(())
    }

    /// Permission bits; of a link it has none of its own.
    async fn mode(&self, id: &SessionId, path: &str) -> Result<Option<u32>, ClientError> {
        let entry = self.client.stat_file(id, path).await?;
        let bits = u32::from_str_radix(&entry.mode, 8).ok().map(|mode| mode & 0o777);
        Ok(bits.filter(|_| entry.kind == FileKind::File))
    }

    async fn directory(&mut self, from: Source, to: Target) -> Result<(), Failure> {
        let mut todo = vec![(from, to, 1)];
        while let Some((from, to, depth)) = todo.pop() {
            if depth > DEEPEST {
                self.skip(&from, "more than 128 directories below one another");
                continue;
            }
            self.make(&to).await?;
            self.done.directories += 1;
            for (source, kind, name) in self.held(&from).await? {
                let to = below(&to, &name);
                match kind {
                    FileKind::Directory => todo.push((source, to, depth + 1)),
                    FileKind::File => match self.file(&source, &to).await {
                        // It went meanwhile, or has a name that cannot be said.
                        Err(failure) if failure.exit == Exit::NotFound => self.skip(&source, "it is gone"),
                        other => other?,
                    },
                    FileKind::Symlink => self.skip(&source, "a link"),
                    FileKind::Pipe | FileKind::Socket | FileKind::Device => self.skip(&source, "no file"),
                }
            }
        }
        Ok(())
    }

    fn skip(&mut self, what: &Source, why: &str) {
        let name = match what {
            Source::Session { path, .. } => path.clone(),
            Source::Local(path) => path.display().to_string(),
        };
        self.done.skipped.push(format!("{name} ({why})"));
    }

    async fn make(&self, at: &Target) -> Result<(), Failure> {
        match at {
            Target::Session { id, path } => self.client.make_dir(id, path).await.map(drop)?,
            Target::Local(path) => std::fs::create_dir_all(path)
                .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?,
        }
        Ok(())
    }

    /// What a directory holds.
    async fn held(&self, at: &Source) -> Result<Vec<(Source, FileKind, String)>, Failure> {
        match at {
            Source::Local(path) => held_here(path),
            Source::Session { id, path } => {
                let mut all = Vec::new();
                let mut cursor = None;
                loop {
                    let page = self.client.list_files(id, path, cursor.as_deref(), Some(1000)).await?;
                    all.extend(page.items.into_iter().filter_map(|entry| held_there(id, path, entry)));
                    cursor = page.next;
                    if cursor.is_none() {
                        return Ok(all);
                    }
                }
            }
        }
    }
}

fn held_here(path: &Path) -> Result<Vec<(Source, FileKind, String)>, Failure> {
    let named = |error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
    let mut all = Vec::new();
    for entry in std::fs::read_dir(path).map_err(named)? {
        let entry = entry.map_err(named)?;
        let kind = entry.file_type().map_err(named)?;
        let kind = match (kind.is_file(), kind.is_dir(), kind.is_symlink()) {
            (true, ..) => FileKind::File,
            (_, true, _) => FileKind::Directory,
            (.., true) => FileKind::Symlink,
            _ => FileKind::Pipe,
        };
        let Ok(name) = entry.file_name().into_string() else {
            let what = format!("{}: its name is not UTF-8, so it cannot be sent", entry.path().display());
            return Err(Failure::failed(what));
        };
        all.push((Source::Local(entry.path()), kind, name));
    }
    all.sort_by(|a, b| a.2.cmp(&b.2));
    Ok(all)
}

/// A name that a daemon tells must be one name, whatever it says.
fn held_there(id: &SessionId, path: &str, entry: FileEntry) -> Option<(Source, FileKind, String)> {
    let name = entry.name;
    if name.is_empty() || name.contains('/') || matches!(name.as_str(), "." | "..") {
        return None;
    }
    let path = join(path, &name);
    Some((Source::Session { id: id.clone(), path }, entry.kind, name))
}

fn source(spot: Spot) -> Result<(Source, What, String), Failure> {
    let refuse = |what: What, name: &str| match what {
        What::File | What::Directory => Ok(()),
        What::Nothing | What::NewDirectory => {
            Err(Failure::new(Exit::NotFound, format!("there is nothing at {name}")))
        }
        What::Other => Err(Failure::usage(format!("{name} is neither a file nor a directory"))),
    };
    match spot {
        Spot::Session { id, path, what } => {
            refuse(what, &path)?;
            let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
            Ok((Source::Session { id, path }, what, last))
        }
        Spot::Local { path, what } => {
            refuse(what, &path.display().to_string())?;
            let last = path.canonicalize().ok().and_then(|real| Some(real.file_name()?.to_str()?.to_owned()));
            let given = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            let name = given.or(last).unwrap_or_default();
            Ok((Source::Local(path), what, name))
        }
        Spot::Stream => {
            Err(Failure::usage("standard input goes into a session, and out of one to standard output"))
        }
    }
}

/// Where it goes: into a directory under its own name, else as the name says.
fn target(spot: Spot, name: &str) -> Result<Target, Failure> {
    let (at, what) = match spot {
        Spot::Session { id, path, what } => (Target::Session { id, path }, what),
        Spot::Local { path, what } => (Target::Local(path), what),
        Spot::Stream => return Err(Failure::usage("standard output takes what comes out of a session")),
    };
    let into = matches!(what, What::Directory | What::NewDirectory);
    // `SESSION:` has no name of its own: what it holds goes there.
    let named = !matches!(name, "" | "." | "..");
    Ok(if into && named { below(&at, name) } else { at })
}

fn below(target: &Target, name: &str) -> Target {
    match target {
        Target::Session { id, path } => Target::Session { id: id.clone(), path: join(path, name) },
        Target::Local(path) => Target::Local(path.join(name)),
    }
}

fn join(path: &str, name: &str) -> String {
    let path = path.trim_end_matches('/');
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

fn pieces(
    from: impl AsyncRead + Unpin + Send + 'static,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    try_unfold(from, |mut from| async move {
        let mut block = BytesMut::with_capacity(BLOCK);
        let got = from.read_buf(&mut block).await?;
        Ok((got > 0).then(|| (block.freeze(), from)))
    })
}

fn relayed(body: FileBody) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    try_unfold(body, |mut body| async move {
        let bytes = body.next().await.map_err(std::io::Error::other)?;
        Ok(bytes.map(|bytes| (bytes, body)))
    })
}

/// Writes a file of this machine beside the old one, then over it.
async fn save(mut body: FileBody, to: &Path, mode: Option<u32>) -> Result<u64, Failure> {
    let named = |error: std::io::Error| Failure::failed(format!("{}: {error}", to.display()));
    let dir = match to.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new().prefix(".tenure-cp-").tempfile_in(dir).map_err(named)?;
    let mut bytes = 0;
    while let Some(piece) = body.next().await? {
        file.write_all(&piece).map_err(named)?;
        bytes += piece.len() as u64;
    }
    let mode = mode.unwrap_or(0o644);
    file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).map_err(named)?;
    file.persist(to).map_err(|error| named(error.error))?;
    Ok(bytes)
}
