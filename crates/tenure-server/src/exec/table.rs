//! The commands that run, and those that ended until they are reaped.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tenure_api::{Process, ProcessExit, ProcessKind, ProcessState};
use tenure_event::{SessionId, Timestamp};
use tenure_host::{ExecProcess, PidRef, process};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::node::megabytes;

/// Milliseconds that an ended command stays listed.
const KEPT_MS: i64 = 3_600_000;
/// Ended commands that are kept at most.
const KEPT: usize = 200;

struct Entry {
    session: SessionId,
    command: PidRef,
    shim: Option<PidRef>,
    /// Until the end; a clone that stays would keep the command alive.
    running: Option<Running>,
    started_at: Timestamp,
    exited: Option<(ProcessExit, Timestamp)>,
}

struct Running {
    cancel: CancellationToken,
    process: ExecProcess,
    _place: OwnedSemaphorePermit,
}

/// By id.
#[derive(Default)]
pub(crate) struct Table {
    entries: Mutex<BTreeMap<String, Entry>>,
}

impl Table {
    pub(super) fn started(
        &self,
        id: &str,
        session: &SessionId,
        process: &ExecProcess,
        cancel: CancellationToken,
        place: OwnedSemaphorePermit,
    ) {
        let now = clock::now();
        let entry = Entry {
            session: session.clone(),
            command: process.command().clone(),
            shim: process.shim().cloned(),
            running: Some(Running { cancel, process: process.clone(), _place: place }),
            started_at: now,
            exited: None,
        };
        self.with(|entries| {
            entries.retain(|_, e| e.exited.is_none_or(|(_, at)| at.plus_millis(KEPT_MS) > now));
            while entries.values().filter(|e| e.exited.is_some()).count() > KEPT {
                let oldest = entries.iter().filter_map(|(k, e)| Some((e.exited?.1, k.clone()))).min();
                let Some((_, key)) = oldest else { break };
                entries.remove(&key);
            }
            entries.insert(id.to_owned(), entry);
        });
    }

    pub(super) fn exited(&self, id: &str, code: Option<i32>, signal: Option<i32>) {
        self.with(|entries| {
            if let Some(entry) = entries.get_mut(id) {
                entry.exited = Some((ProcessExit { code, signal }, clock::now()));
                entry.running = None;
            }
        });
    }

    /// Commands of a session that run.
    pub(crate) fn count(&self, session: &SessionId) -> usize {
        self.with(|entries| entries.values().filter(|e| e.running.is_some() && e.session == *session).count())
    }

    /// The shims of commands that run: what descends from them is no orphan.
    pub(crate) fn shims(&self) -> Vec<PidRef> {
        self.with(|entries| {
            entries.values().filter(|e| e.running.is_some()).filter_map(|e| e.shim.clone()).collect()
        })
    }

    /// Kills a command of a session; gives it to be waited for, or nothing if it does not run.
    pub(crate) fn cancel(&self, session: &SessionId, id: &str) -> Option<ExecProcess> {
        self.with(|entries| {
            let entry = entries.get(id).filter(|e| e.session == *session)?;
            let running = entry.running.as_ref()?;
            running.cancel.cancel();
            Some(running.process.clone())
        })
    }

    /// Kills all commands of a session.
    pub(crate) fn cancel_all(&self, session: &SessionId) -> Vec<ExecProcess> {
        self.with(|entries| {
            let own = entries.values().filter(|e| e.session == *session);
            let running = own.filter_map(|e| e.running.as_ref());
            running
                .map(|running| {
                    running.cancel.cancel();
                    running.process.clone()
                })
                .collect()
        })
    }

    /// All of them, measured now by what was seen running. Blocks on `/proc`.
    pub(crate) fn list(&self, seen_now: &process::Table) -> Vec<Process> {
        let now = clock::now();
        let seen: Vec<(Process, Option<i32>)> = self.with(|entries| {
            let seen =
                |(id, e): (&String, &Entry)| (told(id, e, now), e.running.is_some().then_some(e.command.pid));
            entries.iter().map(seen).collect()
        });
        let measure = |(told, pid): (Process, Option<i32>)| {
            let bytes = pid.map_or(0, |pid| process::usage(&seen_now.tree(pid)).memory_bytes);
            Process { memory_mb: Some(megabytes(bytes)), ..told }
        };
        seen.into_iter().map(measure).collect()
    }

    /// Takes ended ones off the list.
    pub(crate) fn reap(&self) -> Vec<Process> {
        let now = clock::now();
        self.with(|entries| {
            let ended = entries.iter().filter(|(_, e)| e.exited.is_some()).map(|(id, e)| told(id, e, now));
            let ended = ended.collect();
            entries.retain(|_, e| e.exited.is_none());
            ended
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, Entry>) -> T) -> T {
        work(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Without its memory.
fn told(id: &str, entry: &Entry, now: Timestamp) -> Process {
    let until = entry.exited.map_or(now, |(_, at)| at);
    Process {
        session_id: Some(entry.session.clone()),
        exec_id: Some(id.to_owned()),
        pid: u32::try_from(entry.command.pid).unwrap_or(0),
        started_at: entry.started_at,
        runtime_seconds: until.millis_since(entry.started_at) / 1000,
        memory_mb: entry.exited.is_some().then_some(0.0),
        kind: ProcessKind::Exec,
        state: if entry.exited.is_none() { ProcessState::Running } else { ProcessState::Exited },
        exit: entry.exited.map(|(exit, _)| exit),
    }
}
