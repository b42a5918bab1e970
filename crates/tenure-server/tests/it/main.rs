//! Tests of the daemon from outside its modules.

mod http;
