//! What can go wrong.

use std::path::PathBuf;

/// The index cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database failed.
    #[error("the index of the history failed: {0}; it is made anew by itself if you delete search.db")]
    Database(#[from] rusqlite::Error),
    /// The file cannot be made.
    #[error("cannot make {path}: {source}; look at the directory's permissions and free space", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is not what this program wrote.
    #[error(
        "the index of the history holds something unreadable: {0}; it is made anew by itself if you delete search.db"
    )]
    Content(#[from] serde_json::Error),
    /// What is searched for has no words.
    #[error("nothing to search for in `{0}`: give words of at least one letter or digit, or a filter")]
    NoWords(String),
    /// A cursor that was not given out here.
    #[error("`{0}` is no cursor of this list: pass the `next` of the page before, as it is")]
    Cursor(String),
    /// It took longer than it may.
    #[error("the search took longer than {0} ms and was given up: narrow it by dates, an agent or a project")]
    TooLong(u64),
}
