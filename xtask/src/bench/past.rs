//! P9: ten thousand conversations, a gigabyte in all, as Claude Code leaves them. How fast they are listed, read, indexed and
//! searched; beside it, over the same files, the list of Claude Code's official SDK and a search by ripgrep.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use super::daemon::{Daemon, Durability};
use super::figures::{Figure, Size, figure};
use super::stats::{percentile, spread};
use crate::process::{self, cargo, say};
use crate::wire::Client;

/// Questions of each kind in a run.
const QUESTIONS: usize = 200;
/// Clock ticks of `/proc` in a second: so many on every Linux that is known.
const TICKS: f64 = 100.0;
/// How long the daemon may take to read everything.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Words that are in nearly every message, and one that is in none: the hardest and the easiest question.
const WORDS: [&str; 6] = ["socket", "the+index", "%22the+index%22", "func*", "value+-xylophone", "xylophone"];

pub(super) fn p9(durability: Durability, size: &Size) -> anyhow::Result<Vec<Figure>> {
    let scratch = Scratch::new()?;
    let root = scratch.0.join("claude");
    let sessions = 10_000 / size.divisor;
    let made = measure(&["corpus", text(&root)?, &sessions.to_string(), "6", "500", "20000"])?;
    let megabytes = number(&made, "bytes") / 1e6;
    say(&format!("    {sessions} conversations, {megabytes:.0} MB"))?;
    let mut figures = without_a_daemon(&scratch.0, &root, sessions, size)?;
    let daemon =
        Daemon::start_with(durability, &format!("[history.claude]\nroots = [{:?}]\n", text(&root)?))?;
    let mut client = daemon.client()?;
    figures.extend(first_reading(&daemon, &mut client, sessions, megabytes)?);
    figures.extend(questions(&mut client, sessions, megabytes, size)?);
    figures.push(by_ripgrep(&root)?);
    figures.push(growth(&mut client, &root, size)?);
    Ok(figures)
}

/// A directory that goes with the run.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let dir = std::env::temp_dir().join(format!("tenure-bench-past-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the directory for temporary files has a name that is not UTF-8")
}

/// One verb of the program that measures readers and index alone.
fn measure(words: &[&str]) -> anyhow::Result<Value> {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--release",
        "--locked",
        "-p",
        "tenure-index",
        "--example",
        "measure",
        "--",
    ]);
    let output = process::output(command.args(words))?.context("there is no cargo")?;
    ensure!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(0.0)
}

fn without_a_daemon(
    scratch: &Path,
    root: &Path,
    sessions: usize,
    size: &Size,
) -> anyhow::Result<Vec<Figure>> {
    let (mut lists, mut theirs, mut reads) = (vec![], vec![], vec![]);
    let (mut plain, mut indexes, mut peaks) = (vec![], vec![], vec![]);
    let mut larger = 0.0;
    for run in 0..size.runs {
        lists.push(number(&measure(&["list", text(root)?])?, "seconds"));
        theirs.extend(by_the_sdk(root)?);
        let read = measure(&["read", text(root)?])?;
        reads.push(number(&read, "bytes") / 1e6 / number(&read, "seconds"));
        let file = scratch.join(format!("plain-{run}.db"));
        let index = measure(&["plain", text(root)?, text(&file)?])?;
        plain.push(number(&index, "bytes") / 1e6 / number(&index, "seconds"));
        std::fs::remove_file(file)?;
        let file = scratch.join(format!("search-{run}.db"));
        let index = measure(&["index", text(root)?, text(&file)?])?;
        indexes.push(number(&index, "bytes") / 1e6 / number(&index, "seconds"));
        peaks.push(number(&index, "peak_mb"));
        larger = number(&index, "file_bytes") / number(&index, "bytes");
        std::fs::remove_file(file)?;
    }
    let sdk = if theirs.is_empty() { "not installed".to_owned() } else { spread(&theirs, 2, " s") };
    Ok(vec![
        figure(
            format!("list of {sessions} conversations without the index"),
            spread(&lists, 2, " s"),
            "≤ 1 s",
        ),
        figure("the same by `listSessions` of the official SDK", sdk, "–"),
        figure("everything read, on one core", spread(&reads, 0, " MB/s"), "–"),
        figure("first index without full text, on one core", spread(&plain, 1, " MB/s"), "≥ 50 MB/s"),
        figure("first index with full text, on one core", spread(&indexes, 1, " MB/s"), "≥ 10 MB/s"),
        figure("memory for it, at most", spread(&peaks, 0, " MB"), "–"),
        figure("the index against what is indexed", format!("{larger:.2}"), "–"),
    ])
}

/// Seconds that the SDK takes for its list, the second time as ours; none where it is not installed.
fn by_the_sdk(root: &Path) -> anyhow::Result<Option<f64>> {
    let modules = process::root().join("tests/agents/node_modules");
    let folder = modules.join("@anthropic-ai/claude-agent-sdk");
    let node = modules.join("node/bin/node");
    let node = if node.is_file() { node } else { PathBuf::from("node") };
    if !folder.join("sdk.mjs").is_file() {
        return Ok(None);
    }
    let mut command = process::program(node);
    // It opens everything at once, which for ten thousand conversations takes more than a runtime's usual 2 GB.
    command.arg("--max-old-space-size=8192");
    command.arg("crates/tenure-test/tests/it/history/sdk.mjs").arg(&folder).arg("list");
    command.env_clear().env("HOME", root).env("PATH", "/usr/bin:/bin").env("CLAUDE_CONFIG_DIR", root);
    let Some(output) = process::output(&mut command)? else { return Ok(None) };
    ensure!(output.status.success(), "the SDK: {}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    Ok(Some(number(&told, "milliseconds") / 1e3))
}

/// How long the daemon takes for its first look, and what it takes from the machine meanwhile.
fn first_reading(
    daemon: &Daemon,
    client: &mut Client,
    sessions: usize,
    megabytes: f64,
) -> anyhow::Result<Vec<Figure>> {
    let (begun, before) = (Instant::now(), cpu_seconds(daemon.pid()));
    let (mut pages, mut listed) = (Vec::new(), None);
    loop {
        let state = client.call("GET", "/v1/index", None)?;
        let all = |name: &str| state[name].as_u64() == Some(sessions as u64);
        if all("conversations") {
            listed.get_or_insert_with(|| begun.elapsed().as_secs_f64());
        }
        if all("read") {
            break;
        }
        if begun.elapsed() > PATIENCE {
            bail!("the past was not read within {PATIENCE:?}: {state}");
        }
        let asked = Instant::now();
        client.call("GET", "/v1/sessions?limit=50", None)?;
        pages.push(asked.elapsed().as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(100));
    }
    let seconds = begun.elapsed().as_secs_f64();
    let share = (cpu_seconds(daemon.pid()) - before) / seconds * 100.0;
    Ok(vec![
        figure("the daemon lists all of them after", format!("{:.1} s", listed.unwrap_or(seconds)), "–"),
        figure("the daemon has read all of them after", format!("{seconds:.0} s"), "–"),
        figure("its rate, with the rests it takes", format!("{:.1} MB/s", megabytes / seconds), "–"),
        figure("what it takes of a core meanwhile", format!("{share:.0} %"), "≤ 60 %"),
        figure("priority of the thread that reads", format!("nice {}", nice_of_reader(daemon.pid())), "15"),
        figure("page of sessions meanwhile, p99", spread(&[percentile(&mut pages, 0.99)], 1, " ms"), "–"),
    ])
}

fn questions(
    client: &mut Client,
    sessions: usize,
    megabytes: f64,
    size: &Size,
) -> anyhow::Result<Vec<Figure>> {
    let mut all = [(); 4].map(|()| (Vec::new(), Vec::new()));
    for _ in 0..size.runs {
        let mut cursor = None::<String>;
        let mut next = |client: &mut Client| -> anyhow::Result<()> {
            let from = cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let page = client.call("GET", &format!("/v1/history?limit=50{from}"), None)?;
            cursor = page["next"].as_str().map(str::to_owned);
            Ok(())
        };
        timed(&mut all[0], QUESTIONS, |_| client.call("GET", "/v1/history?limit=50", None).map(drop))?;
        timed(&mut all[1], QUESTIONS, |_| next(client))?;
        let path = |at: usize, order: &str| {
            format!("/v1/search?limit=20&order={order}&q={}", WORDS[at % WORDS.len()])
        };
        timed(&mut all[2], QUESTIONS, |at| client.call("GET", &path(at, "newest"), None).map(drop))?;
        timed(&mut all[3], QUESTIONS / 4, |at| client.call("GET", &path(at, "rank"), None).map(drop))?;
    }
    let what = [
        (format!("first page of 50 of {sessions} conversations"), "≤ 5 ms"),
        (format!("any page of 50 of {sessions} conversations"), "≤ 5 ms"),
        (format!("search over {megabytes:.0} MB, newest first"), "≤ 50 ms"),
        (format!("search over {megabytes:.0} MB, ranked"), "≤ 500 ms"),
    ];
    let told = what.into_iter().zip(&all).flat_map(|((what, target), (p50, p99))| {
        [
            figure(format!("{what}, p50"), spread(p50, 2, " ms"), "–"),
            figure(format!("{what}, p99"), spread(p99, 2, " ms"), target),
        ]
    });
    Ok(told.collect())
}

fn timed(
    (p50, p99): &mut (Vec<f64>, Vec<f64>),
    times: usize,
    mut ask: impl FnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut taken = Vec::new();
    for at in 0..times {
        let begun = Instant::now();
        ask(at)?;
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    p50.push(percentile(&mut taken, 0.5));
    p99.push(percentile(&mut taken, 0.99));
    Ok(())
}

/// The same files by ripgrep: which of them have a word. The files are in the page cache, as they are for the others.
fn by_ripgrep(root: &Path) -> anyhow::Result<Figure> {
    let Some(ripgrep) = ripgrep()? else {
        return Ok(figure("ripgrep over the same files", "not installed".to_owned(), "–"));
    };
    let mut taken = Vec::new();
    for word in ["socket", "socket", "xylophone"] {
        let begun = Instant::now();
        let words = ["--no-config", "--no-ignore", "--hidden", "--files-with-matches", word];
        let output = process::output(process::program(&ripgrep).args(words).arg(root))?;
        let output = output.context("ripgrep is gone")?;
        let found = output.stdout.iter().filter(|byte| **byte == b'\n').count();
        let fits = (found == 0) == (word == "xylophone") && output.stderr.is_empty();
        ensure!(fits, "ripgrep found {found} with {word}: {}", String::from_utf8_lossy(&output.stderr));
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    taken.remove(0);
    Ok(figure(
        "ripgrep over the same files, a frequent word and one that is not there",
        spread(&taken, 0, " ms"),
        "–",
    ))
}

/// The one of PATH, else the one that Codex brings along.
fn ripgrep() -> anyhow::Result<Option<PathBuf>> {
    if process::output(process::program("rg").arg("--version"))?.is_some() {
        return Ok(Some(PathBuf::from("rg")));
    }
    // `@openai/codex-PLATFORM/vendor/TRIPLE/codex-path/rg`
    let packages = process::root().join("tests/agents/node_modules/@openai");
    let inside =
        |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let triples = inside(packages).flat_map(|package| inside(package.join("vendor")));
    Ok(triples.map(|triple| triple.join("codex-path/rg")).find(|path| path.is_file()))
}

/// A conversation grows by a message; until that is found.
fn growth(client: &mut Client, root: &Path, size: &Size) -> anyhow::Result<Figure> {
    let projects = std::fs::read_dir(root.join("projects"))?.flatten().next().context("no project")?;
    let file = std::fs::read_dir(projects.path())?.flatten().next().context("no conversation")?.path();
    let lines = std::fs::read_to_string(&file)?;
    let line = lines.lines().rfind(|line| line.contains("\"type\":\"user\"") && line.contains("promptId"));
    let line: Value = serde_json::from_str(line.context("no prompt in it")?)?;
    let mut taken = Vec::new();
    for run in 0..size.runs.max(5) {
        let mut line = line.clone();
        let word = format!("quokka{run}x{}", std::process::id());
        line["uuid"] = Value::from(format!("00000000-0000-4000-8000-{run:012}"));
        line["message"]["content"] = Value::from(format!("Find the {word}."));
        writeln!(std::fs::OpenOptions::new().append(true).open(&file)?, "{line}")?;
        let begun = Instant::now();
        while client.call("GET", &format!("/v1/search?q={word}"), None)?["items"] == serde_json::json!([]) {
            ensure!(begun.elapsed() < Duration::from_secs(120), "what was added was not found");
            std::thread::sleep(Duration::from_millis(10));
        }
        taken.push(begun.elapsed().as_secs_f64() * 1e3);
        // Looks are a second apart and more: not always at the same moment of one.
        std::thread::sleep(Duration::from_millis(300 + 170 * run as u64));
    }
    Ok(figure("a conversation grows, until that is found", spread(&taken, 0, " ms"), "≤ 2 s"))
}

fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

fn nice_of_reader(pid: u32) -> String {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut stats = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok());
    let reader = stats.find(|stat| stat.contains("(history)")).unwrap_or_default();
    reader.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(16)).unwrap_or("unknown").to_owned()
}
