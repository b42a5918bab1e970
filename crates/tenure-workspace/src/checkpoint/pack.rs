//! Packs: what many files hold, one compressed piece behind the other, and at the end where each lies.
//!
//! A checkpoint writes one pack, flushes it once and gives it its name by a rename: after a crash it is there
//! whole, or not at all. Git's own form was not taken because it wants a file's length before its bytes.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tenure_crash_point::crash_point;
use zstd::bulk::Compressor;

use super::hash::Hash;
use super::observe::PIECE;

/// Files up to so many bytes are held in memory whole.
const SMALL: u64 = 1 << 20;
/// Fast: a checkpoint stands before a turn.
const LEVEL: i32 = 1;
const MAGIC: &[u8; 16] = b"tenure pack 1\n\0\0";
/// One place in the index: hash, offset, stored bytes, raw bytes.
const PLACE: usize = 32 + 8 + 8 + 8;
/// Offset of the index, number of places, hash of the index, magic.
const FOOT: usize = 8 + 8 + 32 + 16;

/// Where a file's bytes lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) stored: u64,
    pub(super) raw: u64,
}

/// A pack that is being written.
pub(super) struct PackWriter {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    places: HashMap<Hash, Place>,
    compressor: Compressor<'static>,
    buffer: Vec<u8>,
}

impl PackWriter {
    /// Begins one. A store has one writer at a time: what a crash left of another is written over.
    pub(super) fn new(dir: &Path) -> io::Result<Self> {
        let path = dir.join("incoming");
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&path)?;
        Ok(Self {
            path,
            file: BufWriter::with_capacity(PIECE, file),
            at: 0,
            places: HashMap::new(),
            compressor: Compressor::new(LEVEL)?,
            buffer: Vec::new(),
        })
    }

    pub(super) fn has(&self, hash: &Hash) -> bool {
        self.places.contains_key(hash)
    }

    /// Takes what a file holds, unless `known`. Returns its hash and its length.
    pub(super) fn add(
        &mut self,
        from: &mut impl Read,
        expected: u64,
        known: impl Fn(&Hash) -> bool,
    ) -> io::Result<(Hash, u64)> {
        if expected > SMALL {
            return self.add_large(from, known);
        }
        let mut bytes = std::mem::take(&mut self.buffer);
        bytes.clear();
        // One byte more than small shows that it grew.
        let read = from.take(SMALL + 1).read_to_end(&mut bytes);
        let done = read.and_then(|_| {
            let hash = Hash::of(&bytes);
            if !known(&hash) && !self.has(&hash) {
                self.put_small(hash, &bytes)?;
            }
            Ok((hash, bytes.len() as u64))
        });
        self.buffer = bytes;
        done
    }

    fn put_small(&mut self, hash: Hash, bytes: &[u8]) -> io::Result<()> {
        let packed = self.compressor.compress(bytes)?;
        self.put(hash, &packed, bytes.len() as u64)
    }

    /// Puts what is compressed already.
    pub(super) fn put(&mut self, hash: Hash, packed: &[u8], raw: u64) -> io::Result<()> {
        self.file.write_all(packed)?;
        let stored = packed.len() as u64;
        self.places.insert(hash, Place { offset: self.at, stored, raw });
        self.at += stored;
        Ok(())
    }

    fn add_large(&mut self, from: &mut impl Read, known: impl Fn(&Hash) -> bool) -> io::Result<(Hash, u64)> {
        let start = self.at;
        let (mut hasher, mut raw, mut piece) = (Sha256::new(), 0_u64, vec![0; PIECE]);
        let mut encoder = zstd::stream::Encoder::new(&mut self.file, LEVEL)?;
        loop {
            let n = match from.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    drop(encoder);
                    self.back_to(start)?;
                    return Err(e);
                }
            };
            hasher.update(&piece[..n]);
            raw += n as u64;
            encoder.write_all(&piece[..n])?;
        }
        encoder.finish()?;
        let end = self.file.stream_position()?;
        let hash = Hash::finish(hasher);
        if known(&hash) || self.has(&hash) {
            self.back_to(start)?;
        } else {
            self.places.insert(hash, Place { offset: start, stored: end - start, raw });
            self.at = end;
        }
        Ok((hash, raw))
    }

    fn back_to(&mut self, at: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.get_ref().set_len(at)
    }

    /// Makes it last. None if nothing was put in.
    pub(super) fn finish(mut self) -> io::Result<Option<Pack>> {
        if self.places.is_empty() {
            drop(self.file);
            fs::remove_file(&self.path)?;
            return Ok(None);
        }
        let mut places: Vec<_> = self.places.iter().collect();
        places.sort_unstable_by_key(|(_, place)| place.offset);
        let mut index = Vec::with_capacity(places.len() * PLACE);
        for (hash, place) in places {
            index.extend_from_slice(&hash.0);
            [place.offset, place.stored, place.raw]
                .iter()
                .for_each(|n| index.extend_from_slice(&n.to_le_bytes()));
        }
        let hash = Hash::of(&index);
        self.file.write_all(&index)?;
        self.file.write_all(&self.at.to_le_bytes())?;
        self.file.write_all(&(self.places.len() as u64).to_le_bytes())?;
        self.file.write_all(&hash.0)?;
        self.file.write_all(MAGIC)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        let name = format!("{hash}.pack");
        let path = self.path.with_file_name(&name);
        crash_point!("checkpoint.pack_written");
        fs::rename(&self.path, &path)?;
        sync_dir(&path)?;
        crash_point!("checkpoint.pack_kept");
        Ok(Some(Pack { path, places: self.places, bytes: self.at }))
    }
}

/// Makes a rename last.
pub(super) fn sync_dir(of: &Path) -> io::Result<()> {
    File::open(of.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// A pack that is there.
pub(super) struct Pack {
    pub(super) path: PathBuf,
    pub(super) places: HashMap<Hash, Place>,
    /// Bytes of all pieces.
    pub(super) bytes: u64,
}

impl Pack {
    /// Reads where everything lies. A file that is no whole pack is `InvalidData`.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "no whole pack");
        let file = File::open(&path)?;
        let length = file.metadata()?.len();
        let foot_at = length.checked_sub(FOOT as u64).ok_or_else(broken)?;
        let mut foot = [0; FOOT];
        file.read_exact_at(&mut foot, foot_at)?;
        let at = number(&foot, 0);
        let index_bytes = foot_at.checked_sub(at).ok_or_else(broken)?;
        let fits = number(&foot, 8).checked_mul(PLACE as u64) == Some(index_bytes);
        if !fits || &foot[48..] != MAGIC {
            return Err(broken());
        }
        let mut index = vec![0; usize::try_from(index_bytes).map_err(|_| broken())?];
        file.read_exact_at(&mut index, at)?;
        if Hash::of(&index).0 != foot[16..48] {
            return Err(broken());
        }
        let mut places = HashMap::with_capacity(index.len() / PLACE);
        for one in index.chunks_exact(PLACE) {
            let mut hash = [0; 32];
            hash.copy_from_slice(&one[..32]);
            let place = Place { offset: number(one, 32), stored: number(one, 40), raw: number(one, 48) };
            if place.offset.checked_add(place.stored).is_none_or(|end| end > at) {
                return Err(broken());
            }
            places.insert(Hash(hash), place);
        }
        Ok(Self { path, places, bytes: at })
    }

    /// What lies at a place, as it is stored.
    pub(super) fn packed(&self, place: Place) -> io::Result<impl Read + use<>> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(place.offset))?;
        Ok(file.take(place.stored))
    }

    /// What lies at a place, as it was.
    pub(super) fn raw(&self, place: Place) -> io::Result<impl Read + use<>> {
        Ok(zstd::stream::Decoder::new(self.packed(place)?)?.take(place.raw))
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}
