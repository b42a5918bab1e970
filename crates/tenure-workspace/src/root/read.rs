//! Reading a text, whole or some lines of it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use cap_std::fs::{File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

use crate::Kind;
use crate::root::{MOST_BYTES, Root, Trouble};

/// A text cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The path leads out of the workspace.
    #[error(
        "{} lies outside of the workspace {}, or a link in it leads out; name a file in the workspace",
        path.display(),
        root.display()
    )]
    Outside {
        /// The path that was asked for.
        path: PathBuf,
        /// The workspace's directory.
        root: PathBuf,
    },
    /// Nothing is there.
    #[error("the file {} does not exist in the workspace; list its directory to see what does", path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// Something else than a file is there.
    #[error("{} is {kind}; only regular files can be read", path.display())]
    NotAFile {
        /// The path that was asked for.
        path: PathBuf,
        /// What is there.
        kind: Kind,
    },
    /// The file has more than [`MOST_BYTES`].
    #[error(
        "{} has more than {MOST_BYTES} bytes, the most that is read here, also in part; read it with a command",
        path.display()
    )]
    TooLarge {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The file is not UTF-8.
    #[error(
        "{} is not UTF-8 text: byte {offset} is part of no character; read it with a command",
        path.display()
    )]
    NotText {
        /// The path that was asked for.
        path: PathBuf,
        /// The first byte that is not UTF-8, from 0.
        offset: usize,
    },
    /// The system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The path that was asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Root {
    /// The text of the file at `path`, which is absolute and beneath the root, or relative to it.
    ///
    /// With `line` (from 1) it begins there, with `limit` it has at most so many lines; lines keep their
    /// ends. Past the last line the text is empty.
    ///
    /// # Errors
    /// If the path leads out, also by a link (absolute links count as leading out, wherever they point); if
    /// there is no regular file; if it is larger than [`MOST_BYTES`] or not UTF-8.
    pub fn read_text(
        &self,
        path: impl AsRef<Path>,
        line: Option<u32>,
        limit: Option<u32>,
    ) -> Result<String, ReadError> {
        let path = path.as_ref();
        let bytes = self.read_bytes(path).map_err(|trouble| self.read_error(path, trouble))?;
        let text = String::from_utf8(bytes).map_err(|error| ReadError::NotText {
            path: path.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        Ok(match (line, limit) {
            (None | Some(0 | 1), None) => text,
            (line, limit) => window(&text, line.unwrap_or(1), limit).to_owned(),
        })
    }

    fn read_bytes(&self, path: &Path) -> Result<Vec<u8>, Trouble> {
        let relative = self.relative(path)?;
        // Looked at before it is opened, because opening alone wakes whoever waits at a pipe's other end;
        // and again when it is open, because another thing may stand there by then.
        regular(self.dir.metadata(&relative)?.file_type())?;
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(NO_WAIT);
        let file = self.dir.open_with(&relative, &options)?;
        regular(file.metadata()?.file_type())?;
        read_bounded(&file)
    }

    fn read_error(&self, path: &Path, trouble: Trouble) -> ReadError {
        let path = path.to_owned();
        match trouble {
            Trouble::Outside => ReadError::Outside { path, root: self.real.clone() },
            Trouble::NotAFile(kind) => ReadError::NotAFile { path, kind },
            Trouble::TooLarge => ReadError::TooLarge { path },
            Trouble::Conflict(what) => ReadError::Io { path, source: io::Error::other(what) },
            Trouble::Io(error) if error.kind() == io::ErrorKind::NotFound => ReadError::NotFound { path },
            Trouble::Io(source) => ReadError::Io { path, source },
        }
    }
}

/// Opening never waits for the other end of a pipe.
#[expect(clippy::cast_possible_wrap, reason = "the flag's bits are what the system's int holds")]
pub(super) const NO_WAIT: i32 = OFlags::NONBLOCK.bits() as i32;

pub(super) fn regular(kind: cap_std::fs::FileType) -> Result<(), Trouble> {
    Kind::of(kind).map_or(Ok(()), |kind| Err(Trouble::NotAFile(kind)))
}

fn read_bounded(file: &File) -> Result<Vec<u8>, Trouble> {
    let bytes = file.metadata()?.len();
    if bytes > MOST_BYTES {
        return Err(Trouble::TooLarge);
    }
    let mut text = Vec::with_capacity(usize::try_from(bytes).unwrap_or_default());
    // It may have grown since, and the system's own files say that they have no bytes.
    file.take(MOST_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MOST_BYTES { Err(Trouble::TooLarge) } else { Ok(text) }
}

/// At most `limit` lines of `text` from `line` on, which counts from 1.
fn window(text: &str, line: u32, limit: Option<u32>) -> &str {
    let rest = &text[line_start(text, line.saturating_sub(1))..];
    &rest[..limit.map_or(rest.len(), |limit| line_start(rest, limit))]
}

/// Where the line with this index begins; the text's end if it has fewer.
fn line_start(text: &str, index: u32) -> usize {
    let Some(before) = index.checked_sub(1) else { return 0 };
    text.match_indices('\n').nth(before as usize).map_or(text.len(), |(end, _)| end + 1)
}
