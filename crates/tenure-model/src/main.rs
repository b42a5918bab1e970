//! `tenure-model --port N`: the scripted model as a program of its own, for trying things by hand.

use std::io::Write;

use clap::Parser;
use tenure_model::Model;

/// Runs a scripted model on loopback until it is interrupted.
#[derive(Parser)]
#[command(name = "tenure-model", version)]
struct Args {
    /// The port on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Writes every request as a line of JSON to standard error.
    #[arg(long)]
    log: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let model = Model::start_on(args.port)?;
    writeln!(std::io::stdout(), "{}", model.url())?;
    if args.log { log(&model).await } else { std::future::pending().await }
}

async fn log(model: &Model) -> anyhow::Result<()> {
    let mut seen = 0;
    loop {
        // An hour without a request is no reason to end.
        let Ok(request) = model.request_seen(std::time::Duration::from_secs(3600), |r| r.number > seen).await
        else {
            continue;
        };
        seen = request.number;
        let line = serde_json::json!({
            "number": request.number, "method": request.method, "path": request.path,
            "step": request.step, "body": request.body,
        });
        writeln!(std::io::stderr(), "{line}")?;
    }
}
