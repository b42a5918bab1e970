//! The processes that Tenure started: running ones, ended ones until they are reaped, and
//! orphans that carry this home's mark and belong to no living shim.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tenure_api::{Process, ProcessExit, ProcessKind, ProcessState};
use tenure_event::{SessionId, Timestamp};
use tenure_host::PidRef;
use tenure_host::process::{self, Table};

/// Milliseconds that an ended process stays listed.
const KEPT_MS: i64 = 3_600_000;
/// Ended processes that are kept at most.
const KEPT: usize = 1000;

#[derive(Clone)]
struct Entry {
    agent: PidRef,
    started_at: Timestamp,
    exited: Option<(ProcessExit, Timestamp)>,
}

/// By session and generation.
#[derive(Default)]
pub(crate) struct Processes {
    entries: Mutex<BTreeMap<(SessionId, u32), Entry>>,
}

impl Processes {
    pub(crate) fn started(
        &self,
        id: &SessionId,
        generation: u32,
        agent: PidRef,
        started_at: Timestamp,
        now: Timestamp,
    ) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, e| e.exited.is_none_or(|(_, at)| at.plus_millis(KEPT_MS) > now));
        while entries.values().filter(|e| e.exited.is_some()).count() > KEPT {
            let oldest = entries.iter().filter_map(|(k, e)| Some((e.exited?.1, k.clone()))).min();
            let Some((_, key)) = oldest else { break };
            entries.remove(&key);
        }
        entries.insert((id.clone(), generation), Entry { agent, started_at, exited: None });
    }

    pub(crate) fn exited(
        &self,
        id: &SessionId,
        generation: u32,
        exit: (Option<i32>, Option<i32>),
        at: Timestamp,
    ) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&(id.clone(), generation)) {
            entry.exited = Some((ProcessExit { code: exit.0, signal: exit.1 }, at));
        }
    }

    fn snapshot(&self) -> Vec<(SessionId, Entry)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().map(|((id, _), e)| (id.clone(), e.clone())).collect()
    }

    /// The running process of a session's agent.
    pub(crate) fn agent_of(&self, id: &SessionId) -> Option<PidRef> {
        self.running(id).map(|entry| entry.agent)
    }

    fn running(&self, id: &SessionId) -> Option<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.iter().rev().find(|((s, _), e)| s == id && e.exited.is_none()).map(|(_, e)| e.clone())
    }

    /// The process of one session, measured now. Blocks on `/proc`.
    pub(crate) fn of(&self, id: &SessionId, now: Timestamp) -> Option<Process> {
        self.running(id).map(|entry| measured(&Table::read(), id.clone(), &entry, now))
    }

    /// All of them, measured now by what was seen running, and these orphans. Blocks on `/proc`.
    pub(crate) fn list(&self, seen: &Table, orphans: &[PidRef], now: Timestamp) -> Vec<Process> {
        let known = self.snapshot();
        let mut list: Vec<Process> = known.iter().map(|(id, e)| measured(seen, id.clone(), e, now)).collect();
        list.extend(orphans.iter().map(|p| orphan(seen, p, now)));
        list
    }

    /// Takes ended ones off the list and ends these orphans. Blocks on `/proc`.
    pub(crate) fn reap(&self, seen: &Table, orphans: &[PidRef], now: Timestamp) -> Vec<Process> {
        let mut reaped = Vec::new();
        {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.retain(|(id, _), e| {
                if e.exited.is_some() {
                    reaped.push((id.clone(), e.clone()));
                }
                e.exited.is_none()
            });
        }
        let mut list: Vec<Process> =
            reaped.iter().map(|(id, e)| measured(seen, id.clone(), e, now)).collect();
        list.extend(orphans.iter().map(|p| orphan(seen, p, now)));
        if !orphans.is_empty() {
            process::sweep(orphans);
        }
        list
    }
}

fn measured(seen: &Table, id: SessionId, entry: &Entry, now: Timestamp) -> Process {
    let running = entry.exited.is_none();
    let bytes = if running { process::usage(&seen.tree(entry.agent.pid)).memory_bytes } else { 0 };
    let until = entry.exited.map_or(now, |(_, at)| at);
    Process {
        session_id: Some(id),
        exec_id: None,
        pid: u32::try_from(entry.agent.pid).unwrap_or(0),
        started_at: entry.started_at,
        runtime_seconds: until.millis_since(entry.started_at) / 1000,
        memory_mb: Some(megabytes(bytes)),
        kind: ProcessKind::Agent,
        state: if running { ProcessState::Running } else { ProcessState::Exited },
        exit: entry.exited.map(|(exit, _)| exit),
    }
}

fn orphan(seen: &Table, pid: &PidRef, now: Timestamp) -> Process {
    Process {
        session_id: None,
        exec_id: None,
        pid: u32::try_from(pid.pid).unwrap_or(0),
        started_at: now,
        runtime_seconds: 0,
        memory_mb: Some(megabytes(process::usage(&seen.tree(pid.pid)).memory_bytes)),
        kind: ProcessKind::Orphan,
        state: ProcessState::Running,
        exit: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    (bytes as f64 / 1e5).round() / 10.0
}
