//! What files were when they were read last, so that they need not be read again. Only a memory: without it
//! everything is read anew.

use std::collections::HashMap;

use super::bytes::{Reader, put, put_bytes};
use super::hash::Hash;
use super::observe::Mark;
use super::path::RelPath;

/// A file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) mark: Mark,
    pub(super) hash: Hash,
    /// It was so old when it was read that any later change shows in its times.
    pub(super) settled: bool,
}

/// Every file of a directory that was read.
pub(super) type SeenFiles = HashMap<RelPath, Seen>;

const MAGIC: &[u8] = b"tenure seen 1\n";

pub(super) fn write(seen: &SeenFiles) -> Vec<u8> {
    let mut out = Vec::with_capacity(seen.len() * 96);
    out.extend_from_slice(MAGIC);
    for (path, Seen { mark, hash, settled }) in seen {
        put_bytes(&mut out, path.as_bytes());
        put(&mut out, mark.size);
        put(&mut out, mark.mtime_ns as u64);
        put(&mut out, mark.ctime_ns as u64);
        put(&mut out, mark.ino);
        out.push(u8::from(*settled));
        out.extend_from_slice(&hash.0);
    }
    let sum = Hash::of(&out);
    out.extend_from_slice(&sum.0);
    out
}

/// None if it is not whole: then it is forgotten.
pub(super) fn read(bytes: &[u8]) -> Option<SeenFiles> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Hash::of(body).0 != sum {
        return None;
    }
    let mut reader = Reader(body.strip_prefix(MAGIC)?);
    let mut seen = SeenFiles::new();
    while !reader.0.is_empty() {
        let path = RelPath::new(reader.bytes()?)?;
        let mark = Mark {
            size: reader.number()?,
            mtime_ns: reader.number()? as i64,
            ctime_ns: reader.number()? as i64,
            ino: reader.number()?,
        };
        let settled = reader.byte()? == 1;
        seen.insert(path, Seen { mark, hash: reader.hash()?, settled });
    }
    Some(seen)
}
