//! The event log: the only truth of a node. Append with an expected position, read,
//! tail, and the small tables that change in the same transaction as the events.
//!
//! Two stores implement [`EventLog`]: [`SqliteLog`] for real, and [`MemoryLog`] for tests and
//! simulation. One suite of tests runs on both. The log knows envelopes, not meanings:
//! what a session is lies in rows that others write.
//!
//! How it works: callers render their events, one writer thread takes everything that waits and
//! commits it as one transaction, rings whoever listens and answers. Readers have connections of
//! their own and never hold a transaction longer than a page.

mod api;
mod blobs;
mod memory;
mod page;
mod prepared;
mod sqlite;
mod tails;

pub use api::{
    Append, Appended, Class, EventLog, EventPage, IdempotencyRow, InputRow, LogError, LogFacts, OutboxRow,
    PageRequest, ProjectRow, ProjectWork, Rendered, SessionFilter, SessionPage, SessionRow, StoredAsk,
    StoredState, TailUpdate, WorkspaceRow, Write,
};
pub use memory::MemoryLog;
pub use sqlite::{Damage, Durability, LogOptions, SqliteLog, examine};

/// How long the answer to a request with an `Idempotency-Key` is remembered.
const IDEMPOTENCY_MS: i64 = 24 * 3600 * 1000;
