//! What `cargo xtask bench` measures of the readers and the index without a daemon: writes a made-up history, lists it, reads
//! it, makes an index of it. Each verb prints one JSON object. It measures and judges nothing.
//!
//! `measure corpus ROOT SESSIONS TURNS TEXT OVERHEAD`, `measure list ROOT`, `measure read ROOT`, `measure index ROOT FILE`,
//! `measure plain ROOT FILE`

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use tenure_history::{ClaudeReader, Item, Reader, list, scan};
use tenure_index::{Index, Progress};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let said = match words.as_slice() {
        ["corpus", root, sessions, turns, text, overhead] => {
            let plan = tenure_corpus::Plan {
                sessions: sessions.parse()?,
                turns: turns.parse()?,
                text: text.parse()?,
                overhead: overhead.parse()?,
                odd: false,
                ..tenure_corpus::Plan::default()
            };
            let written = tenure_corpus::claude(&plan, Path::new(root))?;
            json!({"sessions": written.sessions, "bytes": written.bytes})
        }
        ["list", root] => listed(&reader(root)),
        ["read", root] => read(&reader(root))?,
        ["index", root, file] => indexed(reader(root), Path::new(file), true)?,
        ["plain", root, file] => indexed(reader(root), Path::new(file), false)?,
        _ => {
            return Err(
                "say `corpus ROOT SESSIONS TURNS TEXT OVERHEAD`, `list ROOT`, `read ROOT`, `index ROOT FILE` or `plain ROOT FILE`"
                    .into(),
            );
        }
    };
    Ok(writeln!(std::io::stdout(), "{said}")?)
}

fn reader(root: &str) -> ClaudeReader {
    ClaudeReader::new(vec![PathBuf::from(root)])
}

/// A list without an index, for the second time: the files are in the page cache.
fn listed(reader: &ClaudeReader) -> Value {
    let _ = list(&[reader]);
    let begun = Instant::now();
    let listing = list(&[reader]);
    json!({"conversations": listing.items.len(), "seconds": begun.elapsed().as_secs_f64()})
}

/// Everything that is said, read and thrown away.
fn read(reader: &ClaudeReader) -> Result<Value, Box<dyn std::error::Error>> {
    let (found, _) = scan(reader);
    let begun = Instant::now();
    let (mut bytes, mut messages) = (0, 0_u64);
    for found in &found {
        bytes += found.stamp.size;
        reader.read(found, None, &mut |item| {
            messages += u64::from(matches!(item, Item::Message(_)));
            ControlFlow::Continue(())
        })?;
    }
    Ok(json!({"bytes": bytes, "messages": messages, "seconds": begun.elapsed().as_secs_f64()}))
}

/// The first round of an index, without the rests that a daemon takes. Without words it lists and counts everything and keeps the
/// texts, but makes no full text of them.
fn indexed(reader: ClaudeReader, file: &Path, words: bool) -> Result<Value, Box<dyn std::error::Error>> {
    let bytes: u64 = scan(&reader).0.iter().map(|found| found.stamp.size).sum();
    let (index, _) = Index::open(file)?;
    if !words {
        let db = rusqlite::Connection::open(file)?;
        db.execute_batch("DROP TRIGGER pieces_added; DROP TRIGGER pieces_removed;")?;
    }
    let mut writer = index.writer()?;
    let begun = Instant::now();
    let round =
        writer.round(&[Box::new(reader)], &mut |_| None, &mut |_: Progress| ControlFlow::Continue(()))?;
    let seconds = begun.elapsed().as_secs_f64();
    let size = std::fs::metadata(file)?.len();
    Ok(json!({
        "bytes": bytes, "text_bytes": round.progress.bytes, "file_bytes": size, "seconds": seconds, "peak_mb": peak_mb(),
    }))
}

/// The most memory this process ever had, in MB (10^6 bytes).
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kb: f64 = line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0.0);
    kb * 1024.0 / 1e6
}
