//! The two sides of a copy: as they are written, and as they are found.

use std::path::PathBuf;

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
    Session { id: SessionId, path: String, what: What },
    Local { path: PathBuf, what: What },
    Stream,
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
                let id = context.session(client, &session).await?.id;
                let what = look(client, &id, &path).await?;
                Ok(Spot::Session { id, path, what })
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
    Ok(match entry.kind {
        FileKind::File => What::File,
        FileKind::Directory => What::Directory,
        FileKind::Symlink => match client.list_files(id, path, None, Some(1)).await {
            Ok(_) => What::Directory,
            Err(ClientError::Problem(problem)) if problem.code == ErrorCode::Invalid => What::File,
            Err(error) => return Err(error.into()),
        },
        FileKind::Pipe | FileKind::Socket | FileKind::Device => What::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
