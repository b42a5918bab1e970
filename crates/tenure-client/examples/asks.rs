//! Shows a turn as it happens, and answers what the agent asks. See docs/rust.md.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use std::io::Write as _;

use serde_json::json;
use tenure_api::{AnswerAsk, CreateSession};
use tenure_client::{Client, Home, TurnEvent};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::choose(None, |name| std::env::var_os(name)).ok_or("there is no home directory")?;
    let client = Client::discover(&home).await?;
    let request: CreateSession =
        serde_json::from_value(json!({"agent": "scripted", "workspace": {"scratch": true}}))?;
    let session = client.create(request).await?.session.id;

    let prompt = r#"Tidy up. @@[{"text": "May I? "}, {"ask": "rm old.txt"}, {"text": "Done."}]@@"#;
    let mut turn = client.stream(&session, serde_json::from_value(json!({"input": prompt}))?).await?;
    while let Some(event) = turn.next().await {
        match event? {
            TurnEvent::Text { text, .. } => print!("{text}"),
            TurnEvent::ToolStarted(tool) => println!("[{}]", tool.title),
            TurnEvent::Ask(ask) => {
                let answer: AnswerAsk = serde_json::from_value(json!({"decision": "deny"}))?;
                client.answer(&ask.id, &answer).await?;
            }
            TurnEvent::Result(result) => println!("\n{:?}", result.outcome),
            _ => {}
        }
        std::io::stdout().flush()?;
    }
    Ok(())
}
