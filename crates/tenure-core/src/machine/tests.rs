//! Tables, scenes and storms for the machine. A [`stage::Stage`] stands in for the owner:
//! it carries out steps in memory and watches every promise while it does. No process, no
//! store and no clock is here.

mod agents;
mod asks;
mod care;
mod checkpoints;
mod control;
mod forks;
mod format;
mod inputs;
mod life;
mod limits;
mod mcp;
mod monitor;
mod recovery;
mod resets;
mod scenes;
mod stage;
mod storm;
mod turns;
mod verbs;
mod words;
mod world;
