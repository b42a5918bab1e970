//! The files `token` (the home's own, in clear, 0600) and `tokens.json` (narrower ones,
//! hashed, 0600).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use tenure_api::{TokenCreated, TokenEntry, TokenScope};
use tenure_event::Timestamp;

use super::{Caller, random};

/// Why tokens cannot be read, made or kept.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A file cannot be read or written.
    #[error(
        "cannot use {path}: {source}; {}",
        crate::problem::remedy(source, "make it readable and writable for this user")
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// `token` holds no usable secret.
    #[error("{0} holds no token; remove it, and the next start makes a new one")]
    Empty(PathBuf),
    /// `tokens.json` is not what we wrote.
    #[error("{path} is damaged ({message}); remove it and make the tokens again")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The system gave no randomness.
    #[error("the system gives no randomness: {0}")]
    Random(String),
    /// There is one of that name.
    #[error("a token named `{0}` exists; remove it first, or take another name")]
    Taken(String),
    /// There is none of that name.
    #[error("there is no token named `{0}`")]
    Unknown(String),
    /// Too many.
    #[error("there are {0} tokens already; remove some first")]
    TooMany(usize),
}

/// More tokens than any home needs; each costs a comparison per request.
const MAX_TOKENS: usize = 256;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    entry: TokenEntry,
    sha256: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct StoredFile {
    tokens: Vec<Stored>,
}

/// The tokens of a home.
#[derive(Debug)]
pub struct Tokens {
    home_token: String,
    home_hash: String,
    file: PathBuf,
    narrow: Mutex<Vec<Stored>>,
}

impl Tokens {
    /// Reads the tokens of a home; makes its own token on the first start.
    ///
    /// # Errors
    /// When a file cannot be read, written or understood.
    pub fn open(home: &Path) -> Result<Self, TokenError> {
        let home_token = own_token(&home.join("token"))?;
        let file = home.join("tokens.json");
        let narrow = read_narrow(&file)?;
        let home_hash = random::hash(&home_token);
        Ok(Self { home_token, home_hash, file, narrow: Mutex::new(narrow) })
    }

    /// Whose token this is. Takes the same time whether or where it matches.
    #[must_use]
    pub fn check(&self, presented: &str) -> Option<Caller> {
        let hash = random::hash(presented);
        let equal = |stored: &str| -> Choice { stored.as_bytes().ct_eq(hash.as_bytes()) };
        let owner = equal(&self.home_hash);
        let narrow = self.narrow.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for stored in narrow.iter() {
            if bool::from(equal(&stored.sha256)) {
                found = Some(&stored.entry);
            }
        }
        if bool::from(owner) {
            return Some(Caller::owner());
        }
        let narrow = |entry: &TokenEntry| Caller {
            name: format!("token:{}", entry.name),
            scope: entry.scope,
            artifacts_of: None,
        };
        found.map(narrow)
    }

    /// Every token but the home's own, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<TokenEntry> {
        let narrow = self.narrow.lock().unwrap_or_else(PoisonError::into_inner);
        narrow.iter().map(|stored| stored.entry.clone()).collect()
    }

    /// Makes a token. With a `key` (of a request that may be repeated) the same request gives the same
    /// token again, without its secret being kept anywhere; the flag says whether it is new.
    ///
    /// # Errors
    /// [`TokenError::Taken`] for a name in use, and those of the file.
    pub fn add(
        &self,
        name: &str,
        scope: TokenScope,
        key: Option<&str>,
        now: Timestamp,
    ) -> Result<(TokenCreated, bool), TokenError> {
        let secret = match key {
            Some(key) => random::derived(&self.home_token, &[key, name, scope.as_str()]),
            None => random::secret()?,
        };
        let token = format!("tnr_{secret}");
        let sha256 = random::hash(&token);
        let mut narrow = self.narrow.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = narrow.iter().find(|stored| stored.entry.name == name) {
            if key.is_some() && old.sha256 == sha256 {
                return Ok((TokenCreated { entry: old.entry.clone(), token }, false));
            }
            return Err(TokenError::Taken(name.to_owned()));
        }
        if narrow.len() >= MAX_TOKENS {
            return Err(TokenError::TooMany(narrow.len()));
        }
        let entry = TokenEntry { name: name.to_owned(), scope, created_at: now };
        let mut next = narrow.clone();
        next.push(Stored { entry: entry.clone(), sha256 });
        self.store(&next)?;
        *narrow = next;
        Ok((TokenCreated { entry, token }, true))
    }

    /// Removes a token; requests with it are refused from now on.
    ///
    /// # Errors
    /// [`TokenError::Unknown`], and those of the file.
    pub fn remove(&self, name: &str) -> Result<TokenEntry, TokenError> {
        let mut narrow = self.narrow.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = narrow.clone();
        let at = next.iter().position(|stored| stored.entry.name == name);
        let removed = next.remove(at.ok_or_else(|| TokenError::Unknown(name.to_owned()))?);
        self.store(&next)?;
        *narrow = next;
        Ok(removed.entry)
    }

    fn store(&self, tokens: &[Stored]) -> Result<(), TokenError> {
        let file = StoredFile { tokens: tokens.to_vec() };
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| TokenError::Damaged { path: self.file.clone(), message: error.to_string() })?;
        replace_private(&self.file, text.as_bytes())
            .map_err(|source| TokenError::Io { path: self.file.clone(), source })
    }
}

/// Writes a file that only its owner may read: whole or not at all.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension(format!("new-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// Removes what a daemon before this one was writing with [`replace_private`] when it died; for one that writes nothing
/// there yet, since its process may have the number of that one. Blocks.
pub(crate) fn remove_unfinished(dir: &Path) {
    // Where there is no directory, nothing was being written.
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let end = path.extension().and_then(|end| end.to_str()?.strip_prefix("new-"));
        if end.is_some_and(|pid| pid.parse::<u32>().is_ok())
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!("{} stays behind: {error}", path.display());
        }
    }
}

fn own_token(path: &Path) -> Result<String, TokenError> {
    let io = |source| TokenError::Io { path: path.to_path_buf(), source };
    match fs::read_to_string(path) {
        Ok(text) => {
            // A token that others could read is still the token; from now on they cannot.
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(io)?;
            let token = text.trim();
            if token.len() < 32 {
                return Err(TokenError::Empty(path.to_path_buf()));
            }
            Ok(token.to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let token = format!("tnr_{}", random::secret()?);
            replace_private(path, format!("{token}\n").as_bytes()).map_err(io)?;
            Ok(token)
        }
        Err(error) => Err(io(error)),
    }
}

fn read_narrow(path: &Path) -> Result<Vec<Stored>, TokenError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(TokenError::Io { path: path.to_path_buf(), source }),
    };
    serde_json::from_str::<StoredFile>(&text)
        .map(|file| file.tokens)
        .map_err(|error| TokenError::Damaged { path: path.to_path_buf(), message: error.to_string() })
}
