//! One codec per agent protocol: agent lines to signals, commands to agent lines.
//!
//! Pure: no I/O, no clock, no runtime. A codec is a function of how its process was
//! started and of the bytes it wrote, so every recording of an agent is a test of it.
//! Start reading at [`acp`], [`claude`], [`codex`] or [`pi`]; [`catalog`] knows the programs by name.

pub mod acp;
mod blocks;
pub mod catalog;
pub mod claude;
pub mod codex;
mod field;
mod gather;
mod json;
#[cfg(test)]
mod laws;
pub mod pi;
mod places;
mod reset;
mod rpc;
pub mod verbs;
