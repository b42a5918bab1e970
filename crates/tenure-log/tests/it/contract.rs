//! One suite for every store: each test runs on the log in memory and on the one in SQLite.

mod erase;
mod lists;
mod paging;
mod positions;
mod random;
mod rows;
mod tails;

/// Makes a test of each function for each store.
macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&tenure_log::MemoryLog::new()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let home = tempfile::tempdir().expect("scratch");
                let log = tenure_log::SqliteLog::open(home.path(), tenure_log::LogOptions::default());
                super::$name(&log.expect("opens")).await;
            })*
        }
    };
}
use contract;
