//! The two sides of a copy: as they are written, and as they are found.

use std::path::{Component, Path, PathBuf};

use tenure_api::{ErrorCode, FileKind};
use tenure_client::{Client, ClientError};
use tenure_event::SessionId;

use crate::cli::Context;
use crate::exit::Failure;

/// As it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Session {
        session: String,
        path: String,
    },
    Local(PathBuf),
    /// Standard input or output.
    Stream,
}

/// As it is found.
#[derive(Debug, Clone)]
pub(super) enum Spot {
    Session { id: SessionId, path: String, what: What, position: Position },
    Local { path: PathBuf, what: What },
    Stream,
}

/// Where on which machine something lies; two of them can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Position {
    /// On this machine. A daemon that was given as an address may be on another.
    here: bool,
    path: PathBuf,
}

impl Position {
    /// Of a path of this machine, with its links followed as far as it exists.
    fn here(path: &Path) -> Self {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let known = path.ancestors().find_map(|known| Some((known.canonicalize().ok()?, known)));
        let whole = known.and_then(|(real, known)| Some(real.join(path.strip_prefix(known).ok()?)));
        Self { here: true, path: plain(&whole.unwrap_or(path)) }
    }

    /// Of a path below a session's directory.
    fn below(cwd: &str, path: &str, here: bool) -> Self {
        let path = Path::new(cwd).join(path);
        if here { Self::here(&path) } else { Self { here, path: plain(&path) } }
    }

    pub(super) fn join(self, name: &str) -> Self {
        Self { path: self.path.join(name), ..self }
    }

    /// Whether it is `other` or below it.
    pub(super) fn is_in(&self, other: &Self) -> bool {
        self.here == other.here && self.path.starts_with(&other.path)
    }
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

impl Spot {
    pub(super) fn position(&self) -> Option<Position> {
        match self {
            Self::Session { position, .. } => Some(position.clone()),
            Self::Local { path, .. } => Some(Position::here(path)),
            Self::Stream => None,
        }
    }
}

/// What stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Nothing,
    File,
    Directory,
    /// Nothing, and it is to be a directory.
    NewDirectory,
    /// A pipe, a device.
    Other,
}

impl Place {
    pub(super) fn parse(text: &str) -> Self {
        let local = || Self::Local(PathBuf::from(text));
        if text == "-" {
            return Self::Stream;
        }
        match text.split_once(':') {
            // A path that begins as paths do names no session.
            Some((session, path)) if !session.is_empty() && !text.starts_with(['/', '.']) => {
                Self::Session { session: session.to_owned(), path: path.to_owned() }
            }
            _ => local(),
        }
    }

    pub(super) async fn found(self, context: &Context, client: &Client) -> Result<Spot, Failure> {
        match self {
            Self::Stream => Ok(Spot::Stream),
            Self::Local(path) => {
                let slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
                let what = match std::fs::metadata(&path) {
                    Ok(meta) if meta.is_dir() => What::Directory,
                    Ok(meta) if meta.is_file() => What::File,
                    Ok(_) => What::Other,
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => nothing(slash),
                    Err(error) => return Err(Failure::failed(format!("{}: {error}", path.display()))),
                };
                Ok(Spot::Local { path, what })
            }
            Self::Session { session, path } => {
                let session = context.session(client, &session).await?;
                let what = look(client, &session.id, &path).await?;
                let position = Position::below(&session.cwd, &path, context.url().is_none());
                Ok(Spot::Session { id: session.id, path, what, position })
            }
        }
    }
}

fn nothing(slash: bool) -> What {
    if slash { What::NewDirectory } else { What::Nothing }
}

/// What a path leads to; a link is followed by listing what it points to.
async fn look(client: &Client, id: &SessionId, path: &str) -> Result<What, Failure> {
    let slash = path.ends_with('/');
    let entry = match client.stat_file(id, path).await {
        Err(error) if error.code() == Some(ErrorCode::NotFound) => return Ok(nothing(slash)),
        entry => entry?,
    };
    let what = match entry.kind {
        FileKind::File => What::File,
        FileKind::Directory => What::Directory,
        FileKind::Symlink => match client.list_files(id, path, None, Some(1)).await {
            Ok(_) => What::Directory,
            Err(ClientError::Problem(problem)) if problem.code == ErrorCode::Invalid => What::File,
            Err(error) => return Err(error.into()),
        },
        FileKind::Pipe | FileKind::Socket | FileKind::Device => What::Other,
    };
    if slash && what != What::Directory {
        return Err(Failure::failed(format!("{path}: not a directory; leave the / at its end away")));
    }
    Ok(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_in_what_holds_it() {
        let at = |path: &str| Position::below("/none", path, false);
        assert!(at("a/b").is_in(&at("a")) && at("./a/").is_in(&at("a")) && at("x/../a").is_in(&at("")));
        assert!(!at("ab").is_in(&at("a")) && !at("a").is_in(&at("a/b")));
        assert!(!at("a/b").is_in(&Position::below("/none", "a", true)), "on another machine");
        assert_eq!(Position::below("/none", "a", true), Position::here(Path::new("/none/a")));
    }

    #[test]
    fn a_colon_names_a_session_unless_a_path_begins() {
        let session =
            |session: &str, path: &str| Place::Session { session: session.into(), path: path.into() };
        for (text, place) in [
            ("s:a/b", session("s", "a/b")),
            ("s:", session("s", "")),
            ("s:a:b", session("s", "a:b")),
            ("a title:x", session("a title", "x")),
            ("./s:a", Place::Local("./s:a".into())),
            ("../s:a", Place::Local("../s:a".into())),
            ("/s:a", Place::Local("/s:a".into())),
            (":a", Place::Local(":a".into())),
            ("a/b", Place::Local("a/b".into())),
            ("-", Place::Stream),
        ] {
            assert_eq!(Place::parse(text), place, "{text}");
        }
    }
}
