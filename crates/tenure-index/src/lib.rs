//! What conversations say, kept so that it can be listed, searched and counted in milliseconds: one SQLite file with a
//! full-text table, filled from the readers of [`tenure_history`].
//!
//! It is a cache and never the truth: everything in it can be read again from where it came, and a file that cannot be
//! used is thrown away and made anew ([`Opened::Anew`]). So nothing here is a reason for a session to fail, nothing
//! here is flushed to the disk with care, and nothing is ever written beside an agent's own files.
//!
//! # How to use it
//! - [`Index::open`] makes the file, or takes up the one that is there.
//! - One [`Writer`] does rounds: [`Writer::round`] looks at everything that the readers find, first lists what is new or
//!   has changed, then reads it, newest first, in steps of a few megabytes. A step is one transaction with the place to
//!   go on at, so a round can be broken off, or killed, at any time and goes on where it was. Between two steps the caller is
//!   asked whether to go on, and may take its time: that is how the rate is limited.
//! - Any number of [`Looker`]s read, each on its own connection, while the writer writes.
//!
//! # What is searched
//! What people and agents said and thought, titles and inputs of tool calls, the first 4,000 characters of what a tool
//! gave, and the paths that tools touched. Notes that agents write for their models alone are left out.

mod error;
mod list;
mod open;
mod piece;
mod place;
mod price;
mod query;
mod round;
mod schema;
mod search;
mod snippet;
#[cfg(test)]
mod tests;
mod usage;

pub use error::IndexError;
pub use list::{ListPage, ListWant, Listed, ProjectCount};
pub use open::{Index, Looker, Opened};
pub use price::{Price, Prices};
pub use query::Words;
pub use round::{Pace, Progress, ProjectOf, Round, Writer};
pub use search::{Hit, Hits, Order, SearchWant};
pub use snippet::Mark;
pub use usage::{By, UsageRow, UsageTotal, UsageWant};
