//! A path beneath the directory, as bytes: names need not be text.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A path relative to the directory, without `.`, `..` and empty parts. Ordered by its bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Box<[u8]>);

impl RelPath {
    /// None for what is no path beneath a directory.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let fine = |part: &[u8]| !part.is_empty() && part != b"." && part != b"..";
        (!bytes.contains(&0) && bytes.split(|b| *b == b'/').all(fine)).then(|| Self(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// As a path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// How deep it lies: 1 for a name in the directory itself.
    pub(super) fn depth(&self) -> usize {
        self.0.iter().filter(|b| **b == b'/').count() + 1
    }

    /// The directories above it, nearest first.
    pub(super) fn parents(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.0.iter().enumerate().rev().filter(|(_, b)| **b == b'/');
        ends.map(|(at, _)| &self.0[..at])
    }

    /// The directory above it (empty for the root) and its name.
    pub(super) fn split(&self) -> (&[u8], &OsStr) {
        let at = self.0.iter().rposition(|b| *b == b'/');
        let (dir, name) = at.map_or((&[][..], &self.0[..]), |at| (&self.0[..at], &self.0[at + 1..]));
        (dir, OsStr::from_bytes(name))
    }
}

/// For people: bytes that are no text are shown as `\xNN`.
impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As text where it is text, else as a list of bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes(Vec<u8>),
}

impl Serialize for RelPath {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let text = self.as_str().map(|text| Written::Text(text.to_owned()));
        text.unwrap_or_else(|| Written::Bytes(self.0.to_vec())).serialize(to)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = match Written::deserialize(from)? {
            Written::Text(text) => text.into_bytes(),
            Written::Bytes(bytes) => bytes,
        };
        Self::new(&bytes).ok_or_else(|| serde::de::Error::custom("no path beneath a directory"))
    }
}
