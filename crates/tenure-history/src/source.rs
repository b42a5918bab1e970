//! The text of a file of lines, also where the file was packed with zstd (`NAME.zst`). Places are places of the text. What is packed
//! cannot be entered in the middle: what comes before is unpacked and thrown away, unless the same thread left it just there. So a file
//! that is read in many steps is unpacked once.
//!
//! Somebody may have made such a file to do harm, so it is unpacked in little memory and up to a length. Damage ends the text,
//! and what came before it is read.

use std::cell::RefCell;
use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use zstd::stream::read::Decoder;

use crate::{ReadError, files};

/// The most memory that unpacking may ask for, as a power of two: 32 MB, as much as a line may have.
const WINDOW_LOG_MAX: u32 = 25;
/// Text that is read of a packed file, in bytes.
const TEXT_MAX: u64 = 4 << 30;

/// The text of a file.
pub(crate) enum Source {
    /// As it is.
    Plain(File),
    /// Unpacked on the way.
    Packed(Box<Packed>),
}

/// A packed file.
pub(crate) struct Packed {
    decoder: Decoder<'static, BufReader<File>>,
    given: u64,
    /// Text that is given, in bytes.
    most: u64,
    damage: Option<String>,
    /// Text that was unpacked and not taken, which comes first.
    ahead: io::Cursor<Vec<u8>>,
}

/// A packed file that was left in the middle.
struct Left {
    path: PathBuf,
    state: State,
    /// The place of the text at which it was left.
    offset: u64,
    packed: Box<Packed>,
}

/// Device, inode, size and time of a file: while it is packed like this its text is the same.
type State = ((u64, u64), u64, i64);

thread_local! {
    /// One at most, so that what it holds is bounded.
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

fn state(meta: &Metadata) -> State {
    (files::identity(meta), meta.len(), files::modified_ns(meta))
}

/// Whether a file is packed, by its name.
pub(crate) fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}

/// Opens a file. What is told of it is told of the file, not of the text.
pub(crate) fn open(path: &Path) -> Result<(Source, Metadata), ReadError> {
    let (file, meta) = files::open(path)?;
    if !is_packed(path) {
        return Ok((Source::Plain(file), meta));
    }
    let packed = Packed::new(file, TEXT_MAX).map_err(|source| ReadError::io(path, source))?;
    Ok((Source::Packed(Box::new(packed)), meta))
}

/// Opens a file to read on at a place of its text.
pub(crate) fn open_at(path: &Path, offset: u64) -> Result<(Source, Metadata), ReadError> {
    if is_packed(path)
        && let Some(left) = LEFT.take()
        && (left.path.as_path(), left.offset) == (path, offset)
        && let Ok((_, meta)) = files::open(path)
        && state(&meta) == left.state
    {
        return Ok((Source::Packed(left.packed), meta));
    }
    let (mut source, meta) = open(path)?;
    source.skip_to(offset).map_err(|source| ReadError::io(path, source))?;
    Ok((source, meta))
}

/// Leaves a file in the middle, at a place of its text from which on this much was taken too many.
pub(crate) fn leave(path: &Path, meta: &Metadata, offset: u64, source: Source, surplus: Vec<u8>) {
    let Source::Packed(mut packed) = source else { return };
    // What it did not take of what came before goes behind.
    let mut ahead = surplus;
    let at = usize::try_from(packed.ahead.position()).unwrap_or(usize::MAX);
    ahead.extend(packed.ahead.get_ref().get(at..).unwrap_or_default());
    packed.ahead = io::Cursor::new(ahead);
    LEFT.set(Some(Left { path: path.to_owned(), state: state(meta), offset, packed }));
}

impl Source {
    /// Goes on at a place of the text.
    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.seek(SeekFrom::Start(offset)).map(|_| ()),
            Self::Packed(packed) => io::copy(&mut packed.take(offset), &mut io::sink()).map(|_| ()),
        }
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &File {
        match self {
            Self::Plain(file) => file,
            Self::Packed(packed) => packed.decoder.get_ref().get_ref(),
        }
    }

    /// Why the text ended before it was all there.
    pub(crate) fn damage(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Packed(packed) => packed.damage.as_deref(),
        }
    }
}

impl Packed {
    fn new(file: File, most: u64) -> io::Result<Self> {
        let mut decoder = Decoder::new(file)?;
        decoder.window_log_max(WINDOW_LOG_MAX)?;
        Ok(Self { decoder, given: 0, most, damage: None, ahead: io::Cursor::default() })
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Packed(packed) => packed.read(buffer),
        }
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ahead = self.ahead.read(buffer)?;
        if ahead > 0 || self.damage.is_some() {
            return Ok(ahead);
        }
        let most = usize::try_from(self.most - self.given).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            self.damage = Some(format!("it unpacks to {} MB or more", self.most >> 20));
            return Ok(0);
        }
        match self.decoder.read(&mut buffer[..most]) {
            Ok(count) => {
                self.given += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.damage = Some(format!("it cannot be unpacked: {error}"));
                Ok(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, Write as _};

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    }

    fn unpack(bytes: &[u8], most: u64) -> (usize, Option<String>) {
        let mut packed = Packed::new(file(bytes), most).unwrap();
        let mut text = Vec::new();
        packed.read_to_end(&mut text).unwrap();
        (text.len(), packed.damage)
    }

    #[test]
    fn what_a_file_may_cost_is_bounded() {
        let mut large = zstd::Encoder::new(Vec::new(), 1).unwrap();
        large.write_all(&vec![b'x'; 5 << 20]).unwrap();
        let large = large.finish().unwrap();
        assert!(large.len() < 10_000);
        assert_eq!(unpack(&large, 6 << 20), (5 << 20, None));
        let (read, damage) = unpack(&large, 3 << 20);
        assert_eq!((read, damage.as_deref()), (3 << 20, Some("it unpacks to 3 MB or more")));
        // One whose unpacking would take as much memory as its writer liked.
        let mut wide = zstd::Encoder::new(Vec::new(), 1).unwrap();
        wide.window_log(WINDOW_LOG_MAX + 1).unwrap();
        wide.write_all(b"little").unwrap();
        let (read, damage) = unpack(&wide.finish().unwrap(), TEXT_MAX);
        assert_eq!(read, 0);
        assert!(damage.unwrap().starts_with("it cannot be unpacked: "));
    }

    #[test]
    fn damage_ends_the_text_and_is_told() {
        let text: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let whole = zstd::encode_all(&text[..], 3).unwrap();
        assert_eq!(unpack(&whole, TEXT_MAX), (text.len(), None));
        let (read, damage) = unpack(&whole[..whole.len() / 2], TEXT_MAX);
        assert!(read > 0 && read < text.len() && damage.is_some());
        // What was appended is unpacked, too.
        assert_eq!(unpack(&[&whole[..], &whole].concat(), TEXT_MAX), (2 * text.len(), None));
        assert!(unpack(b"no such thing", TEXT_MAX).1.is_some());
    }

    #[test]
    fn a_file_that_is_left_in_the_middle_is_not_unpacked_again_unless_it_changed() {
        let text: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("text.zst");
        std::fs::write(&path, zstd::encode_all(&text[..], 1).unwrap()).unwrap();
        let given = |source: &Source| match source {
            Source::Packed(packed) => packed.given,
            Source::Plain(_) => panic!("it is packed"),
        };
        // So much is wanted and so much is taken: of each step some is left.
        let (step, taken) = (100_000, 130_000);
        let (mut at, mut unpacked) = (0, 0);
        while at + taken < text.len() {
            let (mut source, meta) = open_at(&path, at as u64).unwrap();
            assert_eq!(given(&source), unpacked, "it goes on where it was");
            let mut buffer = vec![0; taken];
            source.read_exact(&mut buffer).unwrap();
            assert!(buffer == text[at..at + taken], "at {at}");
            at += step;
            unpacked = given(&source);
            leave(&path, &meta, at as u64, source, buffer.split_off(step));
        }
        // Another place, and a file that has grown.
        let (source, meta) = open_at(&path, 10).unwrap();
        assert!(given(&source) < unpacked);
        leave(&path, &meta, 10, source, Vec::new());
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(&zstd::encode_all(&b"more"[..], 1).unwrap()).unwrap();
        let (mut source, _) = open_at(&path, 10).unwrap();
        let mut rest = Vec::new();
        source.read_to_end(&mut rest).unwrap();
        assert!(rest.ends_with(b"more") && rest.len() == text.len() - 10 + 4);
    }
}
