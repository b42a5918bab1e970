//! Test support: a whole daemon in a scratch home, the real agents, and a real MCP server.
//!
//! What is here panics when it fails, with all that is known: it is called by tests alone.

pub mod agents;
pub mod daemon;
pub mod mcp;
