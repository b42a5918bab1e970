//! Figures of the log in SQLite: `cargo bench -p tenure-log [DIRECTORY]`. The disk of the directory counts.
//!
//! It prints and judges nothing.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tenure_event::{Kind, NewEvent, ProjectId, Seq, SessionId, Timestamp, WorkspaceId};
use tenure_log::{
    Append, Class, Durability, EventLog, LogOptions, PageRequest, SessionFilter, SessionRow, SqliteLog, Write,
};

const SESSIONS: usize = 100;
const LISTED: usize = 10_000;
const EACH: Duration = Duration::from_secs(2);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let on = std::env::args().nth(1).filter(|a| !a.starts_with('-'));
    let scratch = match on {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run(scratch.path()))
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

async fn run(home: &Path) -> Result<(), Failure> {
    say(&format!("resident at the start: {} KiB", resident()));
    list(&home.join("list")).await?;
    for durability in [Durability::Process, Durability::Power] {
        for class in [Class::Normal, Class::Full] {
            if durability == Durability::Process && class == Class::Full {
                continue;
            }
            appends(&home.join(format!("{}-{class:?}", durability.as_str())), durability, class).await?;
        }
    }
    latency(&home.join("latency"), Durability::Process).await?;
    latency(&home.join("latency"), Durability::Power).await?;
    replay(&home.join("replay")).await
}

fn open(home: &Path, durability: Durability) -> Result<SqliteLog, Failure> {
    Ok(SqliteLog::open(home, LogOptions { durability, ..LogOptions::default() })?)
}

/// An id as long as those that are made for real.
fn session(n: usize) -> SessionId {
    match SessionId::parse(&format!("ses_{n:032x}")) {
        Ok(id) => id,
        Err(e) => unreachable!("{e}"),
    }
}

/// An event that is 350 bytes when rendered, about.
fn event() -> NewEvent {
    let data = serde_json::json!({"message_id": "msg_0123456789", "text": "x".repeat(145)});
    let kind = Kind::Unknown { name: "message.completed".to_owned(), data };
    NewEvent { ts: Timestamp::from_millis(1_795_139_670_306), turn_id: None, kind }
}

fn append(id: &SessionId, last: u64, events: usize, class: Class) -> Append {
    let events = vec![event(); events];
    let writes = vec![Write::State(vec![b's'; 400])];
    Append { session_id: id.clone(), expected: Seq(last), events, class, writes }
}

fn row(n: usize, updated_at: usize) -> Result<SessionRow, Failure> {
    let title = format!("Fix the flaky test number {n} in the parser");
    Ok(SessionRow {
        id: session(n),
        lifecycle: if n.is_multiple_of(10) { "live" } else { "suspended" }.to_owned(),
        activity: (n.is_multiple_of(10)).then(|| "idle".to_owned()),
        agent: ["claude", "codex", "opencode"][n % 3].to_owned(),
        native_id: Some(format!("native-{n}")),
        project_id: ProjectId::parse(&format!("prj_{:032x}", n % 40))?,
        workspace_id: WorkspaceId::parse(&format!("wks_{:032x}", n % 400))?,
        cwd: format!("/home/somebody/projects/project-{}", n % 40),
        title: Some(title.clone()),
        tags: if n.is_multiple_of(7) { vec!["seven".to_owned()] } else { vec![] },
        archived: n.is_multiple_of(5),
        live: n.is_multiple_of(100),
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(i64::try_from(updated_at)?),
        view: format!("{{\"title\":\"{title}\",\"rest\":\"{}\"}}", "v".repeat(1500)),
        state: vec![b's'; 400],
    })
}

/// Puts the session's row, so that it can be appended to.
async fn create(log: &SqliteLog, n: usize) -> Result<(), Failure> {
    let writes = vec![Write::Session(Box::new(row(n, n)?))];
    let events = vec![];
    let id = session(n);
    log.append(Append { session_id: id, expected: Seq(0), events, class: Class::Normal, writes }).await?;
    Ok(())
}

async fn appends(home: &Path, durability: Durability, class: Class) -> Result<(), Failure> {
    for events in [1, 64, 1000] {
        let home = home.join(events.to_string());
        let log = open(&home, durability)?;
        let stored = Arc::new(AtomicU64::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for n in 0..SESSIONS {
            create(&log, n).await?;
        }
        let begin = Instant::now();
        for n in 0..SESSIONS {
            let (log, stored) = (log.clone(), stored.clone());
            tasks.spawn(async move {
                let (id, mut last) = (session(n), 0);
                while begin.elapsed() < EACH {
                    last = log.append(append(&id, last, events, class)).await?.last_seq.0;
                    stored.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        let per_second = stored.load(Ordering::Relaxed) as f64 / begin.elapsed().as_secs_f64();
        say(&format!(
            "durability {}, class {class:?}, {SESSIONS} sessions, {events} events each: {per_second:.0} appends/s, {:.0} events/s",
            durability.as_str(),
            per_second * events as f64
        ));
        log.close().await?;
        std::fs::remove_dir_all(&home)?;
    }
    Ok(())
}

async fn latency(home: &Path, durability: Durability) -> Result<(), Failure> {
    let log = open(home, durability)?;
    create(&log, 0).await?;
    let id = session(0);
    let mut last = 0;
    for class in [Class::Normal, Class::Full] {
        let mut times = Vec::new();
        let begin = Instant::now();
        while begin.elapsed() < EACH && times.len() < 5000 {
            let one = Instant::now();
            last = log.append(append(&id, last, 1, class)).await?.last_seq.0;
            times.push(one.elapsed());
        }
        say(&format!(
            "one append at a time, durability {}, class {class:?}: {}",
            durability.as_str(),
            spread(times)
        ));
    }
    log.close().await?;
    Ok(std::fs::remove_dir_all(home)?)
}

async fn replay(home: &Path) -> Result<(), Failure> {
    const EVENTS: u64 = 300_000;
    let log = open(home, Durability::Process)?;
    for n in 0..10 {
        create(&log, n).await?;
    }
    let mut size = 0;
    for last in (0..EVENTS / 10).step_by(100) {
        for n in 0..10 {
            let appended = log.append(append(&session(n), last, 100, Class::Normal)).await?;
            size = appended.events[0].bytes.len();
        }
    }
    for max_bytes in [16 * 1024, 64 * 1024, 256 * 1024] {
        let begin = Instant::now();
        for n in 0..10 {
            let mut after = 0;
            while after < EVENTS / 10 {
                let page = PageRequest { after, limit: 1000, max_bytes, types: vec![] };
                after = log.read(&session(n), page).await?.scanned_to;
            }
        }
        let kib = max_bytes / 1024;
        say(&format!("replay by session, {size}-byte events, pages of {kib} KiB: {}/s", rate(EVENTS, begin)));
    }
    let begin = Instant::now();
    let mut after = 0;
    while after < EVENTS {
        let page = PageRequest { after, limit: 1000, max_bytes: 64 * 1024, types: vec![] };
        after = log.read_all(page).await?.scanned_to;
    }
    say(&format!("replay of the node, pages of 64 KiB: {}/s", rate(EVENTS, begin)));
    let id = session(0);
    let (_bell, mut last) = (log.tail(&id), EVENTS / 10);
    last = log.append(append(&id, last, 1, Class::Normal)).await?.last_seq.0;
    let begin = Instant::now();
    for _ in 0..100_000 {
        let page = PageRequest { after: last - 1, limit: 100, max_bytes: 16 * 1024, types: vec![] };
        log.read(&id, page).await?;
    }
    say(&format!("reads at the tail, from memory: {}/s", rate(100_000, begin)));
    log.close().await?;
    Ok(std::fs::remove_dir_all(home)?)
}

async fn list(home: &Path) -> Result<(), Failure> {
    let log = open(home, Durability::Process)?;
    for n in 0..LISTED {
        create(&log, n).await?;
    }
    // Nothing is in the order in which it was created.
    for n in 0..LISTED {
        let n = n * 7919 % LISTED;
        let writes = vec![Write::Session(Box::new(row(n, LISTED + n * 31 % LISTED)?))];
        let append = Append { events: vec![event()], writes, ..append(&session(n), 0, 0, Class::Normal) };
        log.append(append).await?;
    }
    let some = |text: &str| Some(text.to_owned());
    let usual = || SessionFilter { archived: Some(false), limit: 50, ..SessionFilter::default() };
    for (name, filter) in [
        ("all", SessionFilter { limit: 50, ..SessionFilter::default() }),
        ("usual", usual()),
        ("project", SessionFilter { project_id: Some(row(3, 0)?.project_id), ..usual() }),
        ("agent", SessionFilter { agent: some("codex"), ..usual() }),
        ("tag", SessionFilter { tag: some("seven"), ..usual() }),
        ("activity", SessionFilter { activity: vec!["idle".to_owned(), "running".to_owned()], ..usual() }),
        (
            "lifecycle, agent",
            SessionFilter { lifecycle: vec!["live".to_owned()], agent: some("codex"), ..usual() },
        ),
        ("text, found", SessionFilter { text: some("FLAKY"), ..usual() }),
        ("text, not found", SessionFilter { text: some("nowhere"), ..usual() }),
    ] {
        let times = pages(&log, filter).await?;
        say(&format!("list of {LISTED}, {name}, pages of 50: {}", spread(times)));
    }
    say(&format!("resident with {LISTED} sessions, after lists: {} KiB", resident()));
    // The writer gives back what it can after some seconds without work.
    tokio::time::sleep(Duration::from_secs(11)).await;
    say(&format!("the same, idle: {} KiB", resident()));
    log.close().await?;
    opens(home).await?;
    Ok(std::fs::remove_dir_all(home)?)
}

async fn pages(log: &SqliteLog, filter: SessionFilter) -> Result<Vec<Duration>, Failure> {
    let (mut times, mut after) = (Vec::new(), None);
    while times.len() < 600 {
        let begin = Instant::now();
        let page = log.sessions(SessionFilter { after: after.take(), ..filter.clone() }).await?;
        times.push(begin.elapsed());
        after = page.rows.last().filter(|_| page.more).map(|r| (r.updated_at, r.id.clone()));
    }
    Ok(times)
}

async fn opens(home: &Path) -> Result<(), Failure> {
    let mut times = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        let log = open(home, Durability::Power)?;
        let live = log.live_sessions().await?;
        times.push(begin.elapsed());
        assert_eq!(live.len(), LISTED / 100);
        log.close().await?;
    }
    say(&format!("open with {LISTED} sessions, and find the {} live ones: {}", LISTED / 100, spread(times)));
    let log = open(home, Durability::Process)?;
    for n in 0..3000 {
        log.append(append(&session(n), 1, 9, Class::Normal)).await?;
    }
    let wal = std::fs::metadata(home.join("tenure.db-wal"))?.len() / 1024;
    let copy = home.join("copy");
    std::fs::create_dir(&copy)?;
    for name in ["tenure.db", "tenure.db-wal"] {
        std::fs::copy(home.join(name), copy.join(name))?;
    }
    let begin = Instant::now();
    let other = open(&copy, Durability::Power)?;
    say(&format!("open after a kill, {wal} KiB of write-ahead log: {:.1} ms", ms(begin.elapsed())));
    other.close().await?;
    log.close().await?;
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn rate(n: u64, begin: Instant) -> String {
    format!("{:.0}", n as f64 / begin.elapsed().as_secs_f64())
}

fn spread(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |part: usize| ms(times[(times.len() - 1) * part / 100]);
    format!("p50 {:.3} ms, p99 {:.3} ms, max {:.3} ms", at(50), at(99), at(100))
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
