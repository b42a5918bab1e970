//! Works with files and commands where a session works, and tells errors apart. See docs/rust.md.

#![expect(clippy::print_stdout, reason = "it is a program for a terminal")]

use serde_json::json;
use tenure_api::ErrorCode;
use tenure_client::claude_code::Session;
use tenure_client::{Client, Home};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = Home::choose(None, |name| std::env::var_os(name)).ok_or("there is no home directory")?;
    let client = Client::discover(&home).await?;
    let request = json!({"agent": "scripted", "workspace": {"scratch": true}, "start": false});
    let session = Session::start(&client, serde_json::from_value(request)?).await?;

    let command = json!({"shell": "echo '# Notes' > notes.md; wc -l < notes.md", "timeout_ms": 10_000});
    let done = session.execute(&serde_json::from_value(command)?).await?;
    println!("{:?} {}", done.exit_code, done.stdout.trim());
    print!("{}", String::from_utf8(session.read("notes.md").await?)?);

    match session.read("../outside").await {
        Err(error) if error.code() == Some(ErrorCode::Forbidden) => println!("refused: {error}"),
        Err(error) => return Err(error.into()),
        Ok(_) => println!("read"),
    }
    client.destroy(session.tenure_id(), false).await?;
    Ok(())
}
