//! Tenure: runs coding-agent sessions that cannot be lost.

fn main() {}
