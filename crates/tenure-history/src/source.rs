//! The text of a file of lines, also where the file was packed with zstd (`NAME.zst`). Places are places of the text. What is packed
//! cannot be entered in the middle: what comes before is unpacked and thrown away.
//!
//! Somebody may have made such a file to do harm, so it is unpacked in little memory and up to a length. Damage ends the text,
//! and what came before it is read.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;

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

impl Source {
    /// Goes on at a place of the text.
    pub(crate) fn skip_to(&mut self, offset: u64) -> io::Result<()> {
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
        Ok(Self { decoder, given: 0, most, damage: None })
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
        if self.damage.is_some() {
            return Ok(0);
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
}
