//! The daemon's home as files: where it is, and what a client reads there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A directory that belongs to one daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    dir: PathBuf,
}

/// `daemon.json`: where the daemon listens. A hint, true only if a connection says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonFile {
    /// Its HTTP address, for example `http://127.0.0.1:7420`.
    pub url: String,
    /// Its Unix socket.
    pub socket: PathBuf,
    /// Its process id.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// When it was started, RFC 3339.
    pub started_at: String,
}

impl Home {
    /// This directory.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// `given`, else `TENURE_HOME`, else `tenure` in the XDG state directory, made absolute.
    /// None when neither is set and there is no `HOME`.
    pub fn choose(given: Option<PathBuf>, env: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let set = |name| env(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let state = || match set("XDG_STATE_HOME").filter(|p| p.is_absolute()) {
            Some(state) => Some(state.join("tenure")),
            None => set("HOME").map(|home| home.join(".local/state/tenure")),
        };
        let dir = given.or_else(|| set("TENURE_HOME")).or_else(state)?;
        Some(Self { dir: std::path::absolute(&dir).unwrap_or(dir) })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where `daemon.json` is, if there is a daemon.
    pub fn daemon_file_path(&self) -> PathBuf {
        self.dir.join("daemon.json")
    }

    /// Where a detached daemon logs.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("tenure.log")
    }

    /// The file that holds the token which may do all.
    pub fn token_path(&self) -> PathBuf {
        self.dir.join("token")
    }

    /// What `daemon.json` says; none if it is missing or cannot be read as such.
    pub fn daemon_file(&self) -> Option<DaemonFile> {
        serde_json::from_slice(&std::fs::read(self.daemon_file_path()).ok()?).ok()
    }

    /// The home's token; none if it cannot be read.
    pub fn token(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.token_path()).ok()?;
        Some(text.trim().to_owned()).filter(|t| !t.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(given: Option<&str>, env: &[(&str, &str)]) -> Option<PathBuf> {
        let env = |name: &str| env.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        Home::choose(given.map(PathBuf::from), env).map(|h| h.dir)
    }

    #[test]
    fn the_nearest_word_on_where_the_home_is_wins() {
        let all = [("TENURE_HOME", "/t"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(choose(Some("/given"), &all), Some("/given".into()));
        assert_eq!(choose(None, &all), Some("/t".into()));
        assert_eq!(choose(None, &all[1..]), Some("/x/tenure".into()));
        assert_eq!(choose(None, &all[2..]), Some("/h/.local/state/tenure".into()));
        assert_eq!(choose(None, &[]), None);
        assert_eq!(
            choose(None, &[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]),
            Some("/h/.local/state/tenure".into())
        );
        assert!(choose(Some("relative"), &[]).is_some_and(|p| p.is_absolute()));
    }
}
