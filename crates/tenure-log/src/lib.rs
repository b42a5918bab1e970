//! The event log: append with expected position, read, tail; SQLite and in-memory.
