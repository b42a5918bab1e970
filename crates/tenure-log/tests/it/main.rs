//! Tests of the log through its public interface.

mod child;
mod contract;
mod faults;
mod fixture;
mod kill;
mod power;
mod store;
mod support;
