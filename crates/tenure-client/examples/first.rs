//! Says something and shows what is said back. See docs/rust.md.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use tenure_api::CreateSession;
use tenure_client::claude_code::{Session, TurnStream};
use tenure_client::{Client, Home};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::choose(None, |name| std::env::var_os(name)).ok_or("there is no home directory")?;
    let client = Client::discover(&home).await?;
    let request = CreateSession { agent: "scripted".into(), ..CreateSession::default() };
    let session = Session::start(&client, request).await?;
    let told = session.stream("What is this project?").await?.collected().await?;
    println!("{}", told.text);
    println!("{:?}", told.result.map(|result| result.outcome));
    session.stop().await?;
    Ok(())
}
