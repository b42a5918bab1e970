//! Sessions of Claude Code in the shape of an Elixir library's `ClaudeCode.Session`, function by function, over Tenure:
//! a session survives its program and the daemon, and any other client sees it.
//!
//! ```no_run
//! use tenure_client::claude_code::{Session, TurnStream};
//! use tenure_client::{Client, Home};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let home = Home::choose(None, |name| std::env::var_os(name)).ok_or("no home directory")?;
//! let client = Client::discover(&home).await?;
//! let session = Session::start(&client, Default::default()).await?;
//! let told = session.stream("What is 5 + 3?").await?.collected().await?;
//! assert!(told.result.is_some());
//! session.stop().await?;
//! # Ok(())
//! # }
//! ```
//!
//! It adds nothing that [`Client`](crate::Client) cannot do; which call each function is stands in `docs/dialects/rust.md`.

mod health;
mod resume;
mod session;
mod stream;

pub use health::{Health, Unhealthy};
pub use session::{ListOptions, MessageOptions, ProjectPath, Session};
pub use stream::{Collected, TurnStream};
