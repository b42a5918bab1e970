//! The event log: the only truth of a node. Append with an expected position, read,
//! tail, and the small tables that change in the same transaction as the events.
//!
//! Two stores implement [`EventLog`]: SQLite for real, and one in memory for tests and
//! simulation. One suite of tests runs on both. The log knows envelopes, not meanings:
//! what a session is lies in rows that others write.

mod api;

pub use api::{
    Append, Appended, Class, EventLog, EventPage, IdempotencyRow, InputRow, LogError, LogFacts, OutboxRow,
    PageRequest, ProjectRow, Rendered, SessionFilter, SessionPage, SessionRow, StoredAsk, TailUpdate,
    WorkspaceRow, Write,
};
