//! Reading `config.toml` and watching it. A broken file at the start is refused; a file
//! that breaks later keeps the old configuration in force and warns.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use super::Config;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It says something that it may not say.
    #[error("{path}: {}{message}; correct it, or remove the file to use the defaults", at(.key.as_ref(), *.line))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The key, for example `agents.my-agent.command`.
        key: Option<String>,
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong.
        message: String,
    },
}

fn at(key: Option<&String>, line: Option<usize>) -> String {
    match (key, line) {
        (Some(key), Some(line)) => format!("line {line}, `{key}`: "),
        (Some(key), None) => format!("`{key}`: "),
        (None, Some(line)) => format!("line {line}: "),
        (None, None) => String::new(),
    }
}

/// The file in force: `config.toml` in the home, else in the XDG configuration directory.
#[must_use]
pub fn config_path(home: &Path) -> PathBuf {
    let own = home.join("config.toml");
    if own.exists() {
        return own;
    }
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let xdg = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    let common = xdg.map(|dir| dir.join("tenure").join("config.toml"));
    common.filter(|path| path.exists()).unwrap_or(own)
}

/// Reads a file; one that is missing means the defaults.
///
/// # Errors
/// [`ConfigError`], which names the file, the key and the line.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Config::default()),
        Err(source) => Err(ConfigError::Read { path: path.to_path_buf(), source }),
    }
}

/// Reads what a file says; `path` is for messages alone.
///
/// # Errors
/// [`ConfigError::Invalid`], which names the key and the line.
pub fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let invalid = |key: Option<String>, error: &toml::de::Error| ConfigError::Invalid {
        path: path.to_path_buf(),
        key,
        line: error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1),
        message: error.message().trim().to_owned(),
    };
    let document = toml::Deserializer::parse(text).map_err(|error| invalid(None, &error))?;
    let config: Config = serde_path_to_error::deserialize(document).map_err(|error| {
        let key = error.path().to_string();
        invalid((key != ".").then_some(key), error.inner())
    })?;
    config.check().map_err(|(key, message)| ConfigError::Invalid {
        path: path.to_path_buf(),
        key: Some(key),
        line: None,
        message,
    })?;
    Ok(config)
}

/// The configuration as it is in force, and what is wrong with the file if it is not.
#[derive(Debug)]
pub struct LiveConfig {
    home: PathBuf,
    sender: watch::Sender<Arc<Config>>,
    warning: Mutex<Option<String>>,
    /// The file as it was when it was last read.
    seen: Mutex<Option<Stamp>>,
}

impl LiveConfig {
    /// Reads the configuration of a home for the first time.
    ///
    /// # Errors
    /// Those of [`load`].
    pub fn open(home: &Path) -> Result<Arc<Self>, ConfigError> {
        let path = config_path(home);
        let seen = Mutex::new(stamp(&path));
        let (sender, _) = watch::channel(Arc::new(load(&path)?));
        Ok(Arc::new(Self { home: home.to_path_buf(), sender, warning: Mutex::new(None), seen }))
    }

    /// The configuration now.
    #[must_use]
    pub fn now(&self) -> Arc<Config> {
        Arc::clone(&self.sender.borrow())
    }

    /// To be told of changes.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Config>> {
        self.sender.subscribe()
    }

    /// What is wrong with the file, if the configuration in force is an older one.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.warning.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the file again. Returns whether it could be used.
    pub fn reload(&self) -> bool {
        let outcome = load(&config_path(&self.home));
        let warning = match outcome {
            Ok(config) => {
                self.sender.send_if_modified(|now| {
                    let changed = **now != config;
                    if changed {
                        *now = Arc::new(config);
                        tracing::info!("the configuration was read again");
                    }
                    changed
                });
                None
            }
            Err(error) => {
                tracing::warn!("{error}; the configuration from before stays in force");
                Some(error.to_string())
            }
        };
        let usable = warning.is_none();
        *self.warning.lock().unwrap_or_else(PoisonError::into_inner) = warning;
        usable
    }

    /// Reads the file again if it has changed. Whoever is about to use a name from it looks first: what was written
    /// a moment ago counts.
    pub fn look(&self) {
        let now = stamp(&config_path(&self.home));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now != *seen {
            *seen = now;
            // Under the lock, so that whoever looks next finds what was read.
            self.reload();
        }
    }

    /// Reads the file again whenever it changes, for ever.
    pub async fn watch_file(&self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look();
        }
    }
}

/// Path, time and size: one `stat`, and a file that was put in place of another shows too.
type Stamp = (PathBuf, SystemTime, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some((path.to_path_buf(), meta.modified().ok()?, meta.len()))
}
