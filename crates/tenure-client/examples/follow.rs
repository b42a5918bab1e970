//! Follows a session from where it was left, over restarts of the daemon and of itself. See docs/rust.md.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use serde_json::json;
use tenure_client::{Client, FollowOptions, Followed, Home};
use tenure_event::Kind;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::choose(None, |name| std::env::var_os(name)).ok_or("there is no home directory")?;
    let client = Client::discover(&home).await?;
    // The same ids again are the same session and the same input.
    let request = json!({"id": "nightly", "agent": "scripted", "workspace": {"scratch": true}});
    let session = client.create(serde_json::from_value(request)?).await?.session.id;
    let input = json!({"input": "Run the checks.", "id": "checks-1"});
    client.send(&session, serde_json::from_value(input)?).await?;

    let after = std::fs::read_to_string("position").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut events = client.follow(&session, FollowOptions { after, ..FollowOptions::default() });
    while let Some(item) = events.next().await {
        match item? {
            Followed::Event(event) => {
                println!("{} {}", event.event.seq, event.event.kind.name());
                std::fs::write("position", event.event.seq.to_string())?;
                if matches!(event.event.kind, Kind::TurnCompleted(_)) {
                    break;
                }
            }
            Followed::Lost { why } => println!("({why}; nothing is lost)"),
            _ => {}
        }
    }
    Ok(())
}
