//! Running git: by its words, never through a shell; with nothing of the daemon's environment but where it finds
//! itself and the person's own configuration; with a deadline and a bound for what it says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tenure_api::{ErrorCode, Problem};
use tenure_host::{Exec, ExecSpec, Gently, LaunchError};
use tenure_workspace::git::{files_are_elsewhere, guards};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use crate::node::Shared;
use crate::problem;

/// How long one command may take: a checkout of a large repository takes its time.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long one may go on when nobody waits for it any more. What locks a repository's branches takes milliseconds.
const GRACE: Duration = Duration::from_secs(8);
/// Bytes of an answer; more is cut.
const OUT: usize = 16 << 20;
/// In the daemon's home: locked while a git of ours runs.
const LOCK: &str = "git.lock";
/// Bytes of what it complains of that are kept.
const COMPLAINT: usize = 16 << 10;
/// Of the daemon's environment.
const PASSED: &[&str] = &["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USER", "LOGNAME"];
/// For every command.
const SET: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // A look refreshes nobody's index.
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    // A repository that has not all of its objects must not go and get them.
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
];

/// Git in a directory, with the repository's own programs overruled.
#[derive(Clone)]
pub(super) struct Git {
    shared: Arc<Shared>,
    dir: PathBuf,
    env: Vec<(String, String)>,
}

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// None if it had more to say than there is room for.
    pub code: Option<i32>,
    pub out: Vec<u8>,
    pub complaint: Vec<u8>,
    /// It said more.
    pub cut: bool,
}

impl Said {
    pub(super) fn went_well(&self) -> bool {
        self.code == Some(0)
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.out).trim().to_owned()
    }

    /// What it complains of, for people.
    pub(super) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.complaint);
        let text = text.trim();
        if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
    }
}

/// Waits until no git of the daemon before this one runs any more.
pub(super) async fn alone(shared: &Shared) -> Result<(), Problem> {
    shared.worktrees.alone(&lock_of(shared)).await
}

fn lock_of(shared: &Shared) -> PathBuf {
    shared.home.join(LOCK)
}

impl Git {
    /// In a directory, which may be no repository at all: whoever asks finds out.
    pub(super) async fn at(shared: &Arc<Shared>, dir: &Path) -> Result<Self, Problem> {
        let known = |name: &&str| Some(((*name).to_owned(), std::env::var(name).ok()?));
        let mut env: Vec<(String, String)> = PASSED.iter().filter_map(known).collect();
        env.extend(SET.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let mut git = Self { shared: Arc::clone(shared), dir: dir.to_owned(), env };
        let listing = git.run(&["config", "--list", "--show-scope", "-z"]).await?;
        if listing.cut {
            return Err(refused(dir, "the repository's configuration is too large"));
        }
        if files_are_elsewhere(&listing.out) && dir.join(".git").exists() {
            // Or git would look at, commit and write what lies somewhere else.
            git.env.push(("GIT_WORK_TREE".to_owned(), dir.to_string_lossy().into_owned()));
        }
        let guards = guards(&listing.out);
        // The last words on every setting, and apart from the words of a command.
        git.env.push(("GIT_CONFIG_COUNT".to_owned(), guards.len().to_string()));
        for (n, (name, value)) in guards.into_iter().enumerate() {
            git.env.push((format!("GIT_CONFIG_KEY_{n}"), name));
            git.env.push((format!("GIT_CONFIG_VALUE_{n}"), value));
        }
        Ok(git)
    }

    /// The same with another index than the worktree's own.
    pub(super) fn with_index(&self, index: &Path) -> Self {
        let mut other = self.clone();
        other.env.push(("GIT_INDEX_FILE".to_owned(), index.to_string_lossy().into_owned()));
        other
    }

    /// Where it works.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs a command, however it ends.
    pub(super) async fn run(&self, words: &[&str]) -> Result<Said, Problem> {
        self.feed(words, Vec::new()).await
    }

    /// Runs a command that must go well; gives what it said without blanks around it.
    pub(super) async fn text(&self, words: &[&str]) -> Result<String, Problem> {
        Ok(self.well(words, Vec::new()).await?.text())
    }

    /// Runs a command that must go well, with bytes on its input.
    pub(super) async fn well(&self, words: &[&str], input: Vec<u8>) -> Result<Said, Problem> {
        let said = self.feed(words, input).await?;
        if said.went_well() {
            return Ok(said);
        }
        let what = words.first().copied().unwrap_or_default();
        Err(refused(&self.dir, &format!("`git {what}` says: {}", said.complaint())))
    }

    /// Whether a command goes well.
    pub(super) async fn holds(&self, words: &[&str]) -> Result<bool, Problem> {
        Ok(self.run(words).await?.went_well())
    }

    /// Runs a command with bytes on its input. Whoever drops this ends it.
    pub(super) async fn feed(&self, words: &[&str], input: Vec<u8>) -> Result<Said, Problem> {
        let stopping =
            || Problem::new(ErrorCode::NotReady, "the daemon is stopping; try again when it is up");
        let lock = lock_of(&self.shared);
        self.shared.worktrees.alone(&lock).await?;
        let _place = self.shared.worktrees.place().await.ok_or_else(stopping)?;
        let argv = std::iter::once("git").chain(words.iter().copied()).map(str::to_owned).collect();
        let (cwd, env, program) = (self.dir.clone(), self.env.clone(), self.shared.program.clone());
        // One that is killed leaves its locks behind, also with a signal that it could heed: there is a moment in
        // which it has made a lock and does not know of it. No other git gets past that.
        let gently = Some(Gently { grace: GRACE, lock });
        let spec = ExecSpec { argv, cwd, env, merged: false, cgroup: false, gently, program };
        let Exec { process, stdin, stdout, stderr } =
            tenure_host::exec(spec).await.map_err(|e| not_started(&e, &self.dir))?;
        let talk = async {
            let ((), out, complaint) =
                tokio::join!(give(stdin, &input), take(stdout, OUT), take(stderr, COMPLAINT));
            (out, complaint, process.wait().await)
        };
        let late = tokio::select! {
            ((out, cut), (complaint, _), ended) = talk => {
                if ended.code.is_none() && !cut {
                    return Err(self.killed(words));
                }
                return Ok(Said { code: ended.code, out, complaint, cut });
            }
            () = tokio::time::sleep(PATIENCE) => true,
            () = self.shared.stopping.cancelled() => false,
        };
        process.leave_and_wait().await;
        if !late {
            return Err(stopping());
        }
        let what = words.first().copied().unwrap_or_default();
        let detail = format!("`git {what}` in {} did not end in time", self.dir.display());
        Err(Problem::new(ErrorCode::Timeout, detail))
    }

    /// What it was asked is neither so nor not so.
    fn killed(&self, words: &[&str]) -> Problem {
        let what = words.first().copied().unwrap_or_default();
        refused(&self.dir, &format!("`git {what}` was killed; try again"))
    }
}

async fn give(mut pipe: pipe::Sender, bytes: &[u8]) {
    // A command that does not read to the end has its reasons.
    let _ = pipe.write_all(bytes).await;
}

/// As much as there is room for; whether there was more. A command that goes on talking is ended by that.
async fn take(mut pipe: pipe::Receiver, room: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let _ = (&mut pipe).take(room as u64 + 1).read_to_end(&mut bytes).await;
    let cut = bytes.len() > room;
    bytes.truncate(room);
    (bytes, cut)
}

fn not_started(error: &LaunchError, dir: &Path) -> Problem {
    match error {
        LaunchError::NotFound { .. } => {
            let what = "git is not installed, or not in the daemon's PATH; worktrees need it";
            Problem::new(ErrorCode::Invalid, what)
        }
        LaunchError::CwdMissing { .. } => {
            Problem::new(ErrorCode::NotFound, format!("there is no directory {}", dir.display()))
        }
        other => problem::internal(&other.to_string()),
    }
}

/// Git does not do what is asked of it.
pub(super) fn refused(dir: &Path, why: &str) -> Problem {
    Problem::new(ErrorCode::Conflict, format!("in {}: {why}", dir.display()))
}
