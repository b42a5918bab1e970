//! The tables of the log in memory, and how an append changes them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use tenure_event::{AskId, Gseq, InputId, ProjectId, Seq, SessionId, WorkspaceId};

use crate::prepared::Prepared;
use crate::{
    Appended, IdempotencyRow, InputRow, LogError, OutboxRow, ProjectRow, Rendered, SessionRow, StoredAsk,
    StoredState, WorkspaceRow, Write,
};

/// Events of one session: the last position that is gone, and those after it.
type Stream = (u64, Vec<Rendered>);

/// Everything the log holds.
#[derive(Debug, Default)]
pub(super) struct Tables {
    streams: HashMap<SessionId, Stream>,
    /// All events by their position in the node.
    all: BTreeMap<Gseq, Rendered>,
    gseq: Gseq,
    names: HashMap<String, Arc<str>>,
    /// Rows with the number in which they were first put.
    pub(super) sessions: HashMap<SessionId, (u64, SessionRow)>,
    outbox: BTreeMap<(SessionId, u32, u64), OutboxRow>,
    pub(super) asks: HashMap<AskId, StoredAsk>,
    pub(super) inputs: HashMap<(SessionId, InputId), InputRow>,
    pub(super) idempotency: HashMap<String, IdempotencyRow>,
    pub(super) workspaces: HashMap<WorkspaceId, WorkspaceRow>,
    pub(super) projects: HashMap<ProjectId, ProjectRow>,
    pub(super) blobs: HashMap<(SessionId, String), Bytes>,
}

impl Tables {
    pub(super) fn last_gseq(&self) -> Gseq {
        self.gseq
    }

    pub(super) fn stream(&self, session: &SessionId) -> (u64, &[Rendered]) {
        self.streams.get(session).map_or((0, &[]), |(base, events)| (*base, events))
    }

    pub(super) fn since(&self, after: Gseq) -> impl Iterator<Item = &Rendered> {
        self.all.range(Gseq(after.0.saturating_add(1))..).map(|(_, event)| event)
    }

    fn last(&self, session: &SessionId) -> Seq {
        let (base, events) = self.stream(session);
        events.last().map_or(Seq(base), |e| e.seq)
    }

    pub(super) fn append(&mut self, append: &Prepared) -> Result<Appended, LogError> {
        let actual = self.last(&append.session);
        if actual != append.expected {
            return Err(LogError::Conflict { expected: append.expected, actual });
        }
        self.check_rows(append)?;
        let events: Vec<Rendered> = append
            .events
            .iter()
            .map(|event| {
                self.gseq = self.gseq.next();
                let name = self.names.entry(event.name.clone()).or_insert_with(|| event.name.as_str().into());
                event.place(self.gseq, name.clone())
            })
            .collect();
        if append.erases() {
            self.erase_events(&append.session, append.expected);
        }
        self.all.extend(events.iter().map(|e| (e.gseq, e.clone())));
        self.streams.entry(append.session.clone()).or_default().1.extend(events.iter().cloned());
        for write in &append.writes {
            self.write(&append.session, write);
        }
        Ok(Appended { last_seq: append.last(), events })
    }

    /// A private state needs a row to be put into.
    fn check_rows(&self, append: &Prepared) -> Result<(), LogError> {
        let mut exists = self.sessions.contains_key(&append.session);
        for write in &append.writes {
            match write {
                Write::Session(_) => exists = true,
                Write::State(_) if !exists => {
                    let id = &append.session;
                    return Err(LogError::Invalid(format!("{id} has no row to put a state into")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn erase_events(&mut self, session: &SessionId, upto: Seq) {
        if let Some((base, events)) = self.streams.get_mut(session) {
            *base = upto.0;
            for event in std::mem::take(events) {
                self.all.remove(&event.gseq);
            }
        }
    }

    fn write(&mut self, session: &SessionId, write: &Write) {
        match write {
            Write::Session(row) => {
                let no = self.sessions.len() as u64;
                let entry = self.sessions.entry(session.clone()).or_insert_with(|| (no, (**row).clone()));
                entry.1 = (**row).clone();
            }
            Write::State(state) => {
                if let Some((_, row)) = self.sessions.get_mut(session) {
                    row.state.clone_from(state);
                }
            }
            Write::Outbox(row) => {
                self.outbox.insert((session.clone(), row.generation, row.n), row.clone());
            }
            Write::OutboxDone { generation, n } => {
                self.outbox.retain(|(s, g, m), _| s != session || g != generation || m > n);
            }
            Write::Ask(row) => {
                self.asks.insert(row.id.clone(), (**row).clone());
            }
            Write::Input(row) => {
                self.inputs.insert((session.clone(), row.id.clone()), (**row).clone());
            }
            Write::Erase => self.erase_rows(session),
            Write::Idempotency(_) | Write::Workspace(_) | Write::Project(_) => self.put_ownerless(write),
        }
    }

    fn erase_rows(&mut self, session: &SessionId) {
        self.outbox.retain(|(s, _, _), _| s != session);
        self.asks.retain(|_, ask| ask.session_id != *session);
        self.inputs.retain(|(s, _), _| s != session);
        self.blobs.retain(|(s, _), _| s != session);
        if let Some((_, row)) = self.sessions.get_mut(session) {
            row.state.clear();
        }
    }

    /// Puts a row that belongs to no session; others are not looked at.
    pub(super) fn put_ownerless(&mut self, write: &Write) {
        match write {
            Write::Idempotency(row) => {
                self.idempotency.insert(row.key.clone(), row.clone());
            }
            Write::Workspace(row) => {
                self.workspaces.insert(row.id.clone(), row.clone());
            }
            Write::Project(row) => {
                self.projects.insert(row.id.clone(), row.clone());
            }
            _ => {}
        }
    }

    pub(super) fn state(&self, id: &SessionId) -> Option<StoredState> {
        let (_, row) = self.sessions.get(id)?;
        let from = (id.clone(), 0, 0);
        let outbox = self.outbox.range(from..).take_while(|((s, _, _), _)| s == id);
        Some((row.state.clone(), self.last(id), outbox.map(|(_, row)| row.clone()).collect()))
    }

    pub(super) fn bytes(&self) -> usize {
        self.all.values().map(|e| e.bytes.len()).sum()
    }
}
