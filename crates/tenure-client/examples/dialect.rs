//! Holds a session as the Elixir document does. See docs/dialects/rust.md.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use tenure_api::CreateSession;
use tenure_client::claude_code::{Session, TurnStream};
use tenure_client::{Client, Home};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::choose(None, |name| std::env::var_os(name)).ok_or("there is no home directory")?;
    let client = Client::discover(&home).await?;
    // Claude Code, unless another agent is named.
    let agent = std::env::args().nth(1).unwrap_or_default();
    let session = Session::start(&client, CreateSession { agent, ..CreateSession::default() }).await?;
    println!("{:?}, {:?}", session.health().await, session.session_id().await?);
    let told = session.stream("What is 5 + 3?").await?.collected().await?;
    println!("{}", told.text);
    println!("{} messages", session.get_messages(Default::default()).await?.len());
    session.stop().await?;
    Ok(())
}
