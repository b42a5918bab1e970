//! Figures of checkpoints: `cargo bench -p tenure-workspace [DIRECTORY]`. The disk of the directory counts.
//!
//! It prints and judges nothing.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tenure_workspace::checkpoint::{Journal, Span, Store, plan};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let on = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    let scratch = match on {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    for files in [10, 1_000, 10_000] {
        run(&scratch.path().join(files.to_string()), files)?;
    }
    Ok(())
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn timed<T>(what: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let begun = Instant::now();
    let done = work()?;
    say(&format!("  {what:<44} {:>9.2} ms", begun.elapsed().as_secs_f64() * 1000.0));
    Ok(done)
}

#[expect(clippy::disallowed_methods, reason = "figures of files that were written just now")]
fn now_ns(later: Duration) -> Result<i64, Failure> {
    Ok(i64::try_from((SystemTime::now().duration_since(UNIX_EPOCH)? + later).as_nanos())?)
}

fn run(dir: &Path, files: usize) -> Result<(), Failure> {
    let root = dir.join("work");
    let name = |n: usize| root.join(format!("dir-{}/file-{n}.rs", n / 50));
    for n in 0..files {
        let path = name(n);
        std::fs::create_dir_all(path.parent().unwrap_or(&root))?;
        // 4 KB of something like text.
        let line = format!("let value_{n} = compute({n}, \"{}\");\n", n * 7919);
        std::fs::write(path, line.repeat(4096 / line.len()))?;
    }
    say(&format!("{files} files of 4 KB"));
    let mut store = Store::open(&dir.join("store"), Vec::new())?;
    // As if the files were old: else the first ones would be read once more.
    let now = now_ns(Duration::from_secs(60))?;
    let go = || false;
    timed("first checkpoint", || Ok(store.take(&root, None, now, &go)?))?;
    let base = timed("second, nothing changed", || Ok(store.take(&root, None, now, &go)?))?.tree;
    let mut store = timed("open the store", || Ok(Store::open(&dir.join("store"), Vec::new())?))?;
    timed("third, by a new daemon", || Ok(store.take(&root, None, now, &go)?))?;
    let changed = (files / 100).max(1);
    for n in 0..changed {
        std::fs::write(name(n), format!("changed {n}\n"))?;
    }
    let tree = timed(&format!("{changed} files changed"), || Ok(store.take(&root, None, now, &go)?))?.tree;
    let plan =
        timed("plan of the way back", || Ok(plan(&mut store, base, tree, &[Span { base, tree }], &[])?))?;
    let mut journal = Journal::new("rwd_bench".to_owned(), tree, base, &plan);
    timed("the way back, flushed", || {
        store.write_journal(&journal)?;
        Ok(store.carry_out(&root, &mut journal, false)?)
    })?;
    say(&format!("  packs: {} KB", store.bytes() / 1024));
    Ok(())
}
