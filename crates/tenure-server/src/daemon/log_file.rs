//! Where a detached daemon logs: `tenure.log`, cut into pieces of which the last few are kept.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a piece.
const PIECE_BYTES: u64 = 10 << 20;
/// Pieces that are kept, the running one included.
const PIECES: usize = 3;

/// A log file that never grows beyond its pieces. Clones write to the same file.
#[derive(Debug, Clone)]
pub struct LogFile(Arc<Mutex<Piece>>);

#[derive(Debug)]
struct Piece {
    path: PathBuf,
    file: File,
    bytes: u64,
    limit: u64,
}

impl LogFile {
    /// Opens the file (0600), to go on at its end.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::with_limit(path, PIECE_BYTES)
    }

    fn with_limit(path: &Path, limit: u64) -> io::Result<Self> {
        let file = open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self(Arc::new(Mutex::new(Piece { path: path.to_path_buf(), file, bytes, limit }))))
    }
}

impl Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut piece = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if piece.bytes > 0 && piece.bytes + line.len() as u64 > piece.limit {
            piece.turn_over()?;
        }
        piece.file.write_all(line)?;
        piece.bytes += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Piece {
    fn turn_over(&mut self) -> io::Result<()> {
        let older = |n: usize| self.path.with_extension(format!("log.{n}"));
        for n in (1..PIECES - 1).rev() {
            // A piece that is not there yet cannot move.
            let _ = fs::rename(older(n), older(n + 1));
        }
        fs::rename(&self.path, older(1))?;
        self.file = open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_pieces_are_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tenure.log");
        let mut log = LogFile::with_limit(&path, 20).expect("opens");
        for n in 0..9 {
            log.write_all(format!("line {n}\n").as_bytes()).expect("written");
        }
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).expect(name);
        assert_eq!(read("tenure.log"), "line 8\n");
        assert_eq!(read("tenure.log.1"), "line 6\nline 7\n");
        assert_eq!(read("tenure.log.2"), "line 4\nline 5\n");
        assert!(!dir.path().join("tenure.log.3").exists());
        let mut again = LogFile::with_limit(&path, 20).expect("opens");
        again.write_all(b"more\n").expect("written");
        assert_eq!(read("tenure.log"), "line 8\nmore\n");
    }
}
