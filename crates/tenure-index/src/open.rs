//! The file and the connections to it.

use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use crate::IndexError;
use crate::schema::{SQL, VERSION};

/// How long a connection waits for another one's write.
const BUSY: Duration = Duration::from_secs(10);
/// Instructions of SQLite's machine between two looks at the clock.
const LOOK_EVERY: i32 = 20_000;

/// Device and inode.
pub(crate) type Identity = (u64, u64);

/// The index as a file.
#[derive(Debug, Clone)]
pub struct Index {
    path: PathBuf,
}

/// What was found at opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The file was there and can be used.
    Kept,
    /// It was not there, or was thrown away for the reason given: everything has to be read again.
    Anew(Option<String>),
}

impl Index {
    /// Takes up the file, readable by its owner alone, or makes it.
    ///
    /// # Errors
    /// The file cannot be made. One that cannot be used is no error: it is made anew.
    pub fn open(path: &Path) -> Result<(Self, Opened), IndexError> {
        let index = Self { path: path.to_owned() };
        let why = match index.usable() {
            Ok(None) => return Ok((index, Opened::Kept)),
            Ok(why) => why,
            // A full disk and the like: it may be as good as ever.
            Err(error) if !is_damage(&error) => return Err(error.into()),
            Err(error) => Some(error.to_string()),
        };
        let why = why.filter(|_| index.path.exists());
        index.remove()?;
        index.make()?;
        Ok((index, Opened::Anew(why)))
    }

    /// Throws everything away and begins with an empty file, so that the next round reads it all again. Connections that are open keep the
    /// old one until they ask whether it still stands. Broken off anywhere it is as if the file had been removed: [`open`](Self::open)
    /// makes it.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn make_anew(&self) -> Result<(), IndexError> {
        self.remove()?;
        self.make()
    }

    /// Why it is of no use; none if it can be used.
    fn usable(&self) -> Result<Option<String>, rusqlite::Error> {
        if !self.path.exists() {
            return Ok(Some(String::new()));
        }
        let db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != VERSION {
            return Ok(Some(format!("it has layout {version}, this program writes {VERSION}")));
        }
        // Cheap, and finds a file that is none: the root pages of all tables are read.
        db.query_row("SELECT count(*) FROM conversations WHERE id = 0", [], |_| Ok(()))?;
        db.query_row("SELECT count(*) FROM words WHERE rowid = 0", [], |_| Ok(()))?;
        Ok(None)
    }

    fn remove(&self) -> Result<(), IndexError> {
        for ending in ["", "-wal", "-shm"] {
            let mut name = self.path.clone().into_os_string();
            name.push(ending);
            let path = PathBuf::from(name);
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(IndexError::File { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn make(&self) -> Result<(), IndexError> {
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&self.path);
        made.map_err(|source| IndexError::File { path: self.path.clone(), source })?;
        let db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.execute_batch(&format!("BEGIN; {SQL} PRAGMA user_version = {VERSION}; COMMIT;"))?;
        Ok(())
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
        let db = Connection::open_with_flags(&self.path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        db.busy_timeout(BUSY)?;
        db.set_prepared_statement_cache_capacity(32);
        // A cache that is lost with the power is read again.
        db.pragma_update(None, "synchronous", "OFF")?;
        db.pragma_update(None, "cache_size", -4096)?;
        Ok(db)
    }

    pub(crate) fn writing(&self) -> Result<Connection, IndexError> {
        let db = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.pragma_update(None, "wal_autocheckpoint", 2000)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        Ok(db)
    }

    /// A connection that reads.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn looker(&self) -> Result<Looker, IndexError> {
        Ok(Looker { db: self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY)?, file: self.identity()? })
    }

    /// What tells this file from another one of its name.
    pub(crate) fn identity(&self) -> Result<Identity, IndexError> {
        let meta = std::fs::metadata(&self.path);
        let meta = meta.map_err(|source| IndexError::File { path: self.path.clone(), source })?;
        Ok((meta.dev(), meta.ino()))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether what is there is broken, and not only out of reach.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
    error.sqlite_error_code().is_none_or(|code| matches!(code, DatabaseCorrupt | NotADatabase | Unknown))
}

/// Reads the index: lists, searches, counts. One question at a time.
#[derive(Debug)]
pub struct Looker {
    pub(crate) db: Connection,
    file: Identity,
}

impl Looker {
    /// Whether it still reads the index's file, and not one that was removed.
    #[must_use]
    pub fn stands(&self, index: &Index) -> bool {
        index.identity().is_ok_and(|now| now == self.file)
    }

    /// Runs `ask`, and breaks it off after `most`.
    pub(crate) fn within<T>(
        &mut self,
        most: Duration,
        ask: impl FnOnce(&Connection) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let end = Instant::now() + most;
        self.db.progress_handler(LOOK_EVERY, Some(move || Instant::now() > end))?;
        let answer = ask(&self.db);
        self.db.progress_handler(0, None::<fn() -> bool>)?;
        match answer {
            Err(IndexError::Database(error))
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
            {
                Err(IndexError::TooLong(u64::try_from(most.as_millis()).unwrap_or(u64::MAX)))
            }
            other => other,
        }
    }
}
