//! Shims, agents and trees, as real processes.

mod cgroups;
mod commands;
mod descriptors;
mod disk;
mod ending;
mod exec;
mod fixture;
mod launching;
mod losing;
mod memory;
mod spooling;
mod system;
mod wire;
