//! Moving the bytes: one file after the other, each streamed, each put in place when it is whole.

use std::collections::HashMap;
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

/// What a directory holds.
struct Held {
    source: Source,
    kind: FileKind,
    /// None if it is not UTF-8: then it cannot be said.
    name: Option<String>,
}

const NOT_UTF8: &str = "its name is not UTF-8";

impl Copying {
    pub(super) async fn run(&mut self, from: Spot, to: Spot) -> Result<(), Failure> {
        match (from, to) {
            (Spot::Stream, Spot::Session { id, path, what, .. }) => {
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
            (Spot::Session { id, path, what, .. }, Spot::Stream) => {
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
                let (from_at, to_at) = (from.position(), to.position());
                let (source, what, name) = source(from)?;
                let into = goes_into(&to, &name);
                let to_at = to_at.map(|at| if into { at.join(&name) } else { at });
                let target = target(to, into.then_some(&name))?;
                match what {
                    What::Directory if from_at.zip(to_at).is_some_and(|(from, to)| to.is_in(&from)) => {
                        Err(Failure::usage(
                            "a directory cannot be copied into itself; name a place outside of it",
                        ))
                    }
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
            let held = match self.held(&from).await {
                // The first is what was asked for, and a daemon that is gone has nothing more.
                Err(failure) if depth > 1 && failure.exit != Exit::Unreachable => {
                    self.skip(&from, &why_not(&from, &failure));
                    continue;
                }
                held => held?,
            };
            self.make(&to).await?;
            self.done.directories += 1;
            for Held { source, kind, name } in held {
                let Some(name) = name else {
                    self.skip(&source, NOT_UTF8);
                    continue;
                };
                let to = below(&to, &name);
                match kind {
                    FileKind::Directory => todo.push((source, to, depth + 1)),
                    FileKind::File => match self.file(&source, &to).await {
                        Err(failure) if failure.exit == Exit::NotFound => {
                            self.skip(&source, &why_not(&source, &failure));
                        }
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
    async fn held(&self, at: &Source) -> Result<Vec<Held>, Failure> {
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
                        return Ok(told_apart(all));
                    }
                }
            }
        }
    }
}

/// Why something that was listed was not copied.
fn why_not(what: &Source, failure: &Failure) -> String {
    let said_for = |path: &str| path.contains(char::REPLACEMENT_CHARACTER);
    match what {
        _ if failure.exit != Exit::NotFound => failure.message.clone(),
        Source::Session { path, .. } if said_for(path) => NOT_UTF8.to_owned(),
        _ => "it is gone".to_owned(),
    }
}

fn held_here(path: &Path) -> Result<Vec<Held>, Failure> {
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
        let name = entry.file_name().into_string().ok();
        all.push(Held { source: Source::Local(entry.path()), kind, name });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// A name that a daemon tells must be one name, whatever it says.
fn held_there(id: &SessionId, path: &str, entry: FileEntry) -> Option<Held> {
    let name = entry.name;
    if name.is_empty() || name.contains('/') || matches!(name.as_str(), "." | "..") {
        return None;
    }
    let path = join(path, &name);
    let source = Source::Session { id: id.clone(), path };
    Some(Held { source, kind: entry.kind, name: Some(name) })
}

/// A daemon tells what is not UTF-8 in a name as U+FFFD, so that several may look the same: which of them is read by
/// that name cannot be known.
fn told_apart(mut all: Vec<Held>) -> Vec<Held> {
    let mut times = HashMap::new();
    all.iter().for_each(|held| *times.entry(held.name.clone()).or_insert(0) += 1);
    for held in &mut all {
        if times.get(&held.name).is_some_and(|times| *times > 1) {
            held.name = None;
        }
    }
    all
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
        Spot::Session { id, path, what, .. } => {
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

/// Whether something with this name goes into the place that was given, or takes its place.
fn goes_into(place: &Spot, name: &str) -> bool {
    // `SESSION:` has no name of its own: what it holds goes there.
    let named = !matches!(name, "" | "." | "..");
    match place {
        Spot::Session { what, .. } | Spot::Local { what, .. } => {
            named && matches!(what, What::Directory | What::NewDirectory)
        }
        Spot::Stream => false,
    }
}

/// Where it goes: into a directory under its own name, else as the name says.
fn target(spot: Spot, name: Option<&String>) -> Result<Target, Failure> {
    let at = match spot {
        Spot::Session { id, path, .. } => Target::Session { id, path },
        Spot::Local { path, .. } => Target::Local(path),
        Spot::Stream => return Err(Failure::usage("standard output takes what comes out of a session")),
    };
    Ok(name.map_or_else(|| at.clone(), |name| below(&at, name)))
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
