//! A shell command that tells when it has begun and then waits for a word, through two named pipes: what a
//! test needs to act in the middle of a tool, without a sleep on either side.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{OpenOptions, Receiver, Sender};

use super::PATIENCE;

/// A command that waits.
#[derive(Debug)]
pub struct Halt {
    began: Receiver,
    go: Sender,
    made: PathBuf,
}

impl Halt {
    /// To be run in the directory: [`Self::COMMAND`].
    pub const COMMAND: &str = "echo began > began; read word < go; echo $word > made; echo made $word";

    /// Makes the pipes in a directory.
    ///
    /// # Panics
    /// If they cannot be made.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        let pipe = |name: &str| {
            let path = dir.join(name);
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe can be made");
            path
        };
        let mut open = OpenOptions::new();
        // Both ends are held here, so that neither side waits for the other to open.
        open.read_write(true);
        let began = open.open_receiver(pipe("began")).expect("a pipe can be opened");
        let go = open.open_sender(pipe("go")).expect("a pipe can be opened");
        Self { began, go, made: dir.join("made") }
    }

    /// Waits until the command runs.
    ///
    /// # Panics
    /// If it does not in time.
    pub async fn began(&mut self) {
        let mut word = [0; 6];
        let read = tokio::time::timeout(PATIENCE, self.began.read_exact(&mut word)).await;
        read.expect("the command did not begin").expect("a pipe can be read");
    }

    /// Lets it go on with a word.
    ///
    /// # Panics
    /// If it cannot be told.
    pub async fn go(&mut self, word: &str) {
        self.go.write_all(format!("{word}\n").as_bytes()).await.expect("a pipe can be written");
    }

    /// The words that the command was told, as it wrote them; none if it was not let go on.
    #[must_use]
    pub fn made(&self) -> Option<String> {
        std::fs::read_to_string(&self.made).ok()
    }
}
