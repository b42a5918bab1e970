//! Figures of reading: `cargo bench -p tenure-history [SESSIONS]`. Made-up histories of Claude Code are listed and read on one
//! core, from the page cache; the list beside that of the official SDK, if that is installed.
//!
//! It prints and judges nothing.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use tenure_corpus::Plan;
use tenure_history::{ClaudeReader, Item, Reader as _, Want, list, scan};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let sessions = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(10_000);
    let small = Plan { sessions, turns: 2, text: 200, overhead: 2000, ..Plan::default() };
    let real = Plan { sessions: sessions / 10, turns: 8, text: 1500, overhead: 100_000, ..Plan::default() };
    for plan in [small, real] {
        run(&plan)?;
    }
    Ok(())
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn run(plan: &Plan) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let written = tenure_corpus::claude(plan, dir.path())?;
    let mb = written.bytes as f64 / 1e6;
    say(&format!("{} conversations, {mb:.0} MB", written.sessions));
    let reader = ClaudeReader::new(vec![dir.path().to_owned()]);
    // The first look fills the page cache.
    let _ = scan(&reader);
    let begun = Instant::now();
    let listing = list(&[&reader]);
    say(&format!("  list without an index        {:>9.1} ms", begun.elapsed().as_secs_f64() * 1000.0));
    say(&format!("  the SDK's listSessions       {}", sdk(dir.path(), listing.items.len())));
    let begun = Instant::now();
    let (all, _) = scan(&reader);
    say(&format!("  scan, nothing opened         {:>9.1} ms", begun.elapsed().as_secs_f64() * 1000.0));
    let (mut messages, mut counted) = (0_u64, 0_u64);
    let begun = Instant::now();
    for found in &all {
        reader.read(found, None, &mut |item| {
            match item {
                Item::Message(_) => messages += 1,
                Item::Used(_) => counted += 1,
                _ => {}
            }
            ControlFlow::Continue(())
        })?;
    }
    let rate = mb / begun.elapsed().as_secs_f64();
    say(&format!("  read everything, one core    {rate:>9.1} MB/s ({messages} pieces, {counted} counted)"));
    let begun = Instant::now();
    for found in &all {
        reader.messages(found, &Want { limit: 50, ..Want::default() })?;
    }
    let each = begun.elapsed().as_secs_f64() * 1000.0 / all.len().max(1) as f64;
    say(&format!("  first page of messages       {each:>9.2} ms each"));
    Ok(())
}

/// The time of the official SDK in a process of its own, start-up not counted.
#[expect(clippy::disallowed_methods, reason = "another program is measured, on files that were made for it")]
fn sdk(config: &Path, expected: usize) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let modules = root.join("tests/agents/node_modules");
    let node = modules
        .join(format!("node-linux-{}/bin/node", if cfg!(target_arch = "x86_64") { "x64" } else { "arm64" }));
    let out = Command::new(node)
        .arg(root.join("crates/tenure-test/tests/it/history/sdk.mjs"))
        .args([&modules.join("@anthropic-ai/claude-agent-sdk"), Path::new("list")])
        .env_clear()
        .env("HOME", config)
        .env("PATH", "/usr/bin:/bin")
        .env("CLAUDE_CONFIG_DIR", config)
        .stderr(Stdio::null())
        .output();
    let told: Option<serde_json::Value> = out.ok().and_then(|out| serde_json::from_slice(&out.stdout).ok());
    let Some(told) = told else { return "is not installed; run: cargo xtask install-agents".to_owned() };
    let listed = told["sessions"].as_array().map_or(0, Vec::len);
    let same = if listed == expected { String::new() } else { format!(", {listed} conversations") };
    format!("{:>9.1} ms{same}", told["milliseconds"].as_f64().unwrap_or_default())
}
