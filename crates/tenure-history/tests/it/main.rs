//! The readers as one: what must hold for each of them, whoever wrote the files.

mod bad;
