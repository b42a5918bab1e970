//! The project's own chores: `cargo xtask test`, `bench`, `crash`.

fn main() {}
