//! The verbs, one file each: its arguments, its help, and what it does. What several of them share is in `common`.

mod common;
mod whole;

pub(crate) mod agents;
pub(crate) mod allow;
pub(crate) mod asks;
pub(crate) mod attach;
pub(crate) mod checkpoint;
pub(crate) mod clear;
pub(crate) mod close;
pub(crate) mod compact;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod cp;
pub(crate) mod demo;
pub(crate) mod deny;
pub(crate) mod doctor;
pub(crate) mod down;
pub(crate) mod exec;
pub(crate) mod interrupt;
pub(crate) mod kill;
mod limits;
pub(crate) mod logs;
pub(crate) mod ls;
pub(crate) mod metrics;
pub(crate) mod ps;
pub(crate) mod resume;
pub(crate) mod rewind;
pub(crate) mod rm;
pub(crate) mod run;
pub(crate) mod send;
pub(crate) mod show;
pub(crate) mod suspend;
pub(crate) mod tasks;
pub(crate) mod todos;
pub(crate) mod token;
pub(crate) mod up;
