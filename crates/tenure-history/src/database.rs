//! Databases that agents keep, read without touching them: not even a lock may be taken, and SQLite writes files beside a
//! database that it only reads. So the database and its write-ahead log are copied into a directory of ours, and
//! the copy is read. One copy is kept until the original changes.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Map, Value};
use tenure_event::Timestamp;

use crate::fields::possible;
use crate::{Found, ReadError, Sighting, Warning, WarningKind, files};

/// Copies are tried again if the original changed meanwhile.
const TRIES: usize = 5;

/// The databases of one agent, one for each of its roots.
#[derive(Debug)]
pub(crate) struct Databases(Vec<Database>);

impl Databases {
    /// The file of this name below each root.
    pub(crate) fn below(roots: Vec<PathBuf>, name: &str) -> Self {
        Self(roots.into_iter().map(|root| Database::new(root.join(name))).collect())
    }

    /// The directories that are there.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        let parents = self.0.iter().filter_map(|database| database.path.parent());
        parents.filter(|path| path.is_dir()).map(PathBuf::from).collect()
    }

    /// The database of a conversation as it is now.
    pub(crate) fn copy(&self, found: &Found) -> Result<Arc<Copy>, ReadError> {
        let database = self.0.iter().find(|database| database.path == found.path);
        database.map(Database::now).transpose()?.flatten().ok_or_else(|| ReadError::gone(found, None))
    }

    /// Gives what each row of a query makes.
    pub(crate) fn scan(
        &self,
        query: &str,
        found: fn(&Path, &Map<String, Value>) -> Found,
        each: &mut dyn FnMut(Sighting),
    ) {
        for database in &self.0 {
            let scanned = database.now().and_then(|copy| {
                let Some(copy) = copy else { return Ok(()) };
                copy.each(&copy.open()?, query, [], &mut |row| {
                    each(Sighting::Found(found(&database.path, &row)));
                    true
                })
            });
            if let Err(error) = scanned {
                each(Sighting::Warning(Warning::of(&database.path, WarningKind::Layout, error)));
            }
        }
    }
}

/// A database of an agent.
#[derive(Debug)]
struct Database {
    path: PathBuf,
    copy: Mutex<Option<Arc<Copy>>>,
}

/// A copy as it was at one time.
#[derive(Debug)]
pub(crate) struct Copy {
    stamp: Vec<(u64, i64, u64)>,
    identity: (u64, u64),
    dir: tempfile::TempDir,
    original: PathBuf,
}

impl Database {
    fn new(path: PathBuf) -> Self {
        Self { path, copy: Mutex::new(None) }
    }

    /// The database as it is now; none where there is none.
    fn now(&self) -> Result<Option<Arc<Copy>>, ReadError> {
        let mut copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
        let io = |source| ReadError::io(&self.path, source);
        let Some((stamp, identity)) = stamp(&self.path).map_err(io)? else {
            *copy = None;
            return Ok(None);
        };
        if let Some(kept) = copy.as_ref().filter(|kept| kept.stamp == stamp && kept.identity == identity) {
            return Ok(Some(Arc::clone(kept)));
        }
        *copy = None;
        let taken = Arc::new(take(&self.path).map_err(io)?);
        *copy = Some(Arc::clone(&taken));
        Ok(Some(taken))
    }
}

/// Sizes and times of a database and its write-ahead log.
type Stamps = (Vec<(u64, i64, u64)>, (u64, u64));

fn stamp(path: &Path) -> io::Result<Option<Stamps>> {
    let told = |meta: &Metadata| (meta.len(), files::modified_ns(meta), files::identity(meta).1);
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_file() => meta,
        Ok(_) => return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let log = fs::symlink_metadata(log_of(path)).ok().filter(Metadata::is_file);
    Ok(Some((std::iter::once(told(&meta)).chain(log.as_ref().map(told)).collect(), files::identity(&meta))))
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Copies it until nothing changes while it is copied.
fn take(path: &Path) -> io::Result<Copy> {
    for _ in 0..TRIES {
        let Some((before, identity)) = stamp(path)? else { break };
        let dir = tempfile::Builder::new().prefix("tenure-history-").tempdir()?;
        let target = dir.path().join("copy.db");
        fs::copy(path, &target)?;
        match fs::copy(log_of(path), log_of(&target)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if stamp(path)? == Some((before.clone(), identity)) {
            return Ok(Copy { stamp: before, identity, dir, original: path.to_owned() });
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "it is being written all the time; try again later"))
}

impl Copy {
    /// A connection to the copy.
    pub(crate) fn open(&self) -> Result<Connection, ReadError> {
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(self.dir.path().join("copy.db"), flags)?;
            // Somebody else's schema is not to be trusted.
            connection.execute_batch(
                "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA query_only=ON;",
            )?;
            Ok(connection)
        };
        open().map_err(|source| self.error(source))
    }

    pub(crate) fn error(&self, source: rusqlite::Error) -> ReadError {
        ReadError::Database { path: self.original.clone(), source }
    }

    /// Device and inode of the original.
    pub(crate) fn identity(&self) -> (u64, u64) {
        self.identity
    }

    /// Gives every row of a query as an object, whatever columns this version of the agent has.
    pub(crate) fn each(
        &self,
        connection: &Connection,
        query: &str,
        values: impl rusqlite::Params,
        each: &mut dyn FnMut(Map<String, Value>) -> bool,
    ) -> Result<(), ReadError> {
        let run = || {
            let mut statement = connection.prepare(query)?;
            let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.query(values)?;
            while let Some(row) = rows.next()? {
                if !each(object(row, &names)?) {
                    break;
                }
            }
            Ok(())
        };
        run().map_err(|source| self.error(source))
    }
}

fn object(row: &Row<'_>, names: &[String]) -> rusqlite::Result<Map<String, Value>> {
    let mut object = Map::new();
    for (at, name) in names.iter().enumerate() {
        let value = match row.get_ref(at)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::from(number),
            ValueRef::Real(number) => Value::from(number),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Value::from(String::from_utf8_lossy(bytes).into_owned())
            }
        };
        object.insert(name.clone(), value);
    }
    Ok(object)
}

/// A text column that says something.
pub(crate) fn word(row: &Map<String, Value>, name: &str) -> Option<String> {
    row.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A column of JSON.
pub(crate) fn json(row: &Map<String, Value>, name: &str) -> Option<Value> {
    serde_json::from_str(row.get(name)?.as_str()?).ok()
}

/// A column of milliseconds since 1970.
pub(crate) fn millis(row: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    possible(row.get(name)?.as_i64()?)
}

/// A count; negative ones are none.
pub(crate) fn count(row: &Map<String, Value>, name: &str) -> u64 {
    row.get(name).and_then(Value::as_i64).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

/// A time as SQLite writes it: UTC, with a blank.
pub(crate) fn written(row: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    let text = row.get(name)?.as_str()?;
    let text = if text.ends_with('Z') { text.to_owned() } else { format!("{}Z", text.replace(' ', "T")) };
    possible(text.parse::<Timestamp>().ok()?.as_millis())
}
