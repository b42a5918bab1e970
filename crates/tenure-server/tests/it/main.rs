//! Tests of the daemon from outside its modules.

mod daemon;
mod http;
