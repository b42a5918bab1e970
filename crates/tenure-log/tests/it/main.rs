//! Tests of the log through its public interface.

mod contract;
mod support;
