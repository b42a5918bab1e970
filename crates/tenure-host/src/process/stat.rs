//! One line of `/proc/PID/stat`, as far as it is needed here.

use std::io::Read;

/// What `/proc/PID/stat` says about one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) ppid: i32,
    /// The state letter; `Z` and `X` are dead.
    pub(crate) state: u8,
    /// Clock ticks since boot.
    pub(crate) start_time: u64,
    /// User and system time in clock ticks, waited-for children not included.
    pub(crate) cpu_ticks: u64,
    /// Resident pages.
    pub(crate) rss_pages: u64,
}

impl Stat {
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }
}

/// The process's line, or none if there is no such process.
pub(crate) fn read(pid: i32) -> Option<Stat> {
    let mut file = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?;
    let mut line = [0u8; 1024];
    let mut len = 0;
    while len < line.len() {
        match file.read(&mut line[len..]).ok()? {
            0 => break,
            n => len += n,
        }
    }
    parse(&line[..len])
}

/// Reads one stat line. The name in brackets may hold anything, so the last
/// closing bracket counts.
pub(crate) fn parse(line: &[u8]) -> Option<Stat> {
    let open = memchr::memchr(b'(', line)?;
    let close = memchr::memrchr(b')', line)?;
    let pid = std::str::from_utf8(&line[..open]).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = *fields.next()?.as_bytes().first()?;
    let ppid = fields.next()?.parse().ok()?;
    // Fields are numbered from 1; the parent is field 4.
    let mut field = |skip: usize| -> Option<u64> { fields.nth(skip)?.parse().ok() };
    let utime = field(9)?;
    let stime = field(0)?;
    let start_time = field(6)?;
    let rss_pages = field(1)?;
    Some(Stat { pid, ppid, state, start_time, cpu_ticks: utime.saturating_add(stime), rss_pages })
}

/// All pids in `/proc`.
pub(crate) fn all_pids() -> impl Iterator<Item = i32> {
    std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
