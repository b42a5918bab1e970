//! A file's two ends, which is what a list reads of it. What a list needs is written again at the end by whoever
//! appends, so that it stays within reach.

use std::borrow::Cow;
use std::io::Read as _;

use crate::ReadError;
use crate::fields::{self, Field};
use crate::lines::MAX_LINE;
use crate::{files, source};

/// How much of each end is read, in bytes.
const END: usize = 64 << 10;
/// How much of the beginning is read where that was not enough, in bytes.
const WIDE: usize = 1 << 20;

/// The first and the last bytes of a file; of a short one the same. A first line that is longer is in it whole.
pub(crate) struct Ends {
    head: Vec<u8>,
    /// None where the head is all there is.
    tail: Option<Vec<u8>>,
}

impl Ends {
    /// Reads both.
    pub(crate) fn read(path: &std::path::Path) -> Result<Self, ReadError> {
        if source::is_packed(path) {
            return Self::unpacked(path);
        }
        Self::plain(path, END, 0)
    }

    /// The same of a file that is not packed, with more of its beginning: as far as a first prompt is looked for, in whole lines.
    pub(crate) fn wider(path: &std::path::Path) -> Result<Self, ReadError> {
        Self::plain(path, WIDE, WIDE - 1)
    }

    /// With so much of the beginning at least, and the first end of a line that stands behind `from`.
    fn plain(path: &std::path::Path, least: usize, from: usize) -> Result<Self, ReadError> {
        let (file, meta) = files::open(path)?;
        let at = |offset: u64, len: usize| {
            let mut bytes = vec![0; len];
            let read =
                files::fill(&file, &mut bytes, offset).map_err(|source| ReadError::io(path, source))?;
            bytes.truncate(read);
            Ok::<_, ReadError>(bytes)
        };
        let size = usize::try_from(meta.len()).unwrap_or(usize::MAX);
        let (mut head, most) = (at(0, size.min(least))?, size.min(MAX_LINE));
        while head.len() < most && memchr::memchr(b'\n', &head[from.min(head.len())..]).is_none() {
            let before = head.len();
            head = at(0, (before * 2).min(most))?;
            if head.len() <= before {
                break;
            }
        }
        let tail = if size > END { Some(at(meta.len() - END as u64, END)?) } else { None };
        Ok(Self { head, tail })
    }

    /// Those of a packed file's text, which has to be unpacked for its last bytes.
    fn unpacked(path: &std::path::Path) -> Result<Self, ReadError> {
        let io = |source| ReadError::io(path, source);
        let (mut text, _) = source::open(path)?;
        let mut head = Vec::new();
        text.by_ref().take(END as u64).read_to_end(&mut head).map_err(io)?;
        let mut tail = Vec::new();
        loop {
            if text.by_ref().take(END as u64).read_to_end(&mut tail).map_err(io)? == 0 {
                break;
            }
            tail.drain(..tail.len().saturating_sub(END));
        }
        if tail.is_empty() {
            return Ok(Self { head, tail: None });
        }
        // The text may end soon behind its first bytes.
        let missing = END.saturating_sub(tail.len());
        let before = head[head.len().saturating_sub(missing)..].to_vec();
        Ok(Self { head, tail: Some([before, tail].concat()) })
    }

    pub(crate) fn head(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.head)
    }

    pub(crate) fn tail(&self) -> Cow<'_, str> {
        self.tail.as_ref().map_or_else(|| self.head(), |tail| String::from_utf8_lossy(tail))
    }

    /// The file is no longer than one end.
    pub(crate) fn is_whole(&self) -> bool {
        self.tail.is_none()
    }
}

/// The last line of `text` that has a member `key` with a text, among records of one type where one is named. A record
/// that was appended to a torn line is found in it.
pub(crate) fn last(text: &str, key: &str, kind: Option<&str>, in_torn: bool) -> Option<String> {
    let named = format!("\"{key}\":");
    let typed = kind.map(|kind| [format!("\"type\":\"{kind}\""), format!("\"type\": \"{kind}\"")]);
    // From the rarer word's last occurrence backwards: most lines are never looked at.
    let rare = kind.map_or_else(|| named.clone(), |kind| format!("\"{kind}\""));
    let bytes = text.as_bytes();
    if !stands_in(bytes, &rare) {
        return None;
    }
    let finder = memchr::memmem::FinderRev::new(rare.as_bytes());
    let mut end = bytes.len();
    while let Some(at) = finder.rfind(&bytes[..end]) {
        let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |at| at + 1);
        let stop = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |len| at + len);
        let line = &text[start..stop];
        end = start;
        let fits = line.contains(&named)
            && typed.as_ref().is_none_or(|typed| typed.iter().any(|pattern| line.contains(pattern.as_str())));
        if !fits {
            continue;
        }
        let found = match member(line, key, kind) {
            Ok(found) => found,
            Err(()) if in_torn => typed.as_ref().and_then(|typed| appended(line, &typed[0], key, kind)),
            Err(()) => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// A record that begins inside of a line.
fn appended(line: &str, pattern: &str, key: &str, kind: Option<&str>) -> Option<String> {
    let at = line.rfind(&format!("{{{pattern}")).filter(|at| *at > 0)?;
    let before = line.as_bytes()[at - 1];
    if b":,[".contains(&before) { None } else { member(&line[at..], key, kind).ok().flatten() }
}

/// A text member of a line; an error where the line is no record.
fn member(line: &str, key: &str, kind: Option<&str>) -> Result<Option<String>, ()> {
    let members: std::collections::HashMap<Cow<'_, str>, &serde_json::value::RawValue> =
        serde_json::from_str(line).map_err(|_| ())?;
    let get = |name: &str| -> Field<'_> { members.get(name).copied() };
    if kind.is_some_and(|kind| fields::text(get("type")).as_deref() != Some(kind)) {
        return Ok(None);
    }
    Ok(fields::text(get(key)).map(Cow::into_owned))
}

/// The first text that stands anywhere under this key.
pub(crate) fn first_under(text: &str, key: &str) -> Option<String> {
    patterns(key).iter().find_map(|pattern| {
        let at = memchr::memmem::find(text.as_bytes(), pattern.as_bytes())?;
        quoted(&text[at + pattern.len()..])
    })
}

/// The last text that stands anywhere under this key.
pub(crate) fn last_under(text: &str, key: &str) -> Option<String> {
    let last = |pattern: &String| {
        let mut end = if stands_in(text.as_bytes(), pattern) { text.len() } else { 0 };
        while let Some(at) = memchr::memmem::rfind(&text.as_bytes()[..end], pattern.as_bytes()) {
            if let Some(found) = quoted(&text[at + pattern.len()..]) {
                return Some((at, found));
            }
            end = at;
        }
        None
    };
    patterns(key).iter().filter_map(last).max_by_key(|(at, _)| *at).map(|(_, found)| found)
}

/// Most words stand nowhere, and a search forwards tells that some ten times as fast as one backwards.
fn stands_in(text: &[u8], word: &str) -> bool {
    memchr::memmem::find(text, word.as_bytes()).is_some()
}

fn patterns(key: &str) -> [String; 2] {
    [format!("\"{key}\":\""), format!("\"{key}\": \"")]
}

/// Up to the quote that ends a text, unescaped.
fn quoted(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => {
                let inside = &text[..at];
                return Some(if inside.contains('\\') {
                    serde_json::from_str(&format!("\"{inside}\"")).unwrap_or_else(|_| inside.to_owned())
                } else {
                    inside.to_owned()
                });
            }
            _ => at += 1,
        }
    }
    None
}
