//! What a batch does inside its transaction: positions are checked and given, events and rows written.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use tenure_crash_point::crash_point;
use tenure_event::{Gseq, Seq, SessionId, Timestamp};

use super::events::{LAST_SEQ, Stream, event_id, stream, to_i64};
use super::kinds::Kinds;
use super::{erasure, put};
use crate::prepared::Prepared;
use crate::{Appended, LogError, Rendered, SessionRow, Write};

/// Sessions whose position the writer remembers.
const REMEMBERED: usize = 4096;
/// How far the newest key must have moved before old ones are looked for.
const PRUNE_EVERY_MS: u64 = 60_000;

/// What the writer knows of the store without reading it. Forgotten whenever a transaction fails.
#[derive(Debug)]
pub(super) struct Positions {
    streams: HashMap<SessionId, Stream>,
    /// Sessions as lists see them, by their numbers.
    listed: HashMap<i64, SessionRow>,
    /// Those that are to move in the lists, and to when. A reader of lists has that done first.
    moves: HashMap<i64, Timestamp>,
    /// The last position of the node that was given out.
    pub(super) gseq: u64,
    /// The time of the newest key when old ones were last removed.
    pruned: Timestamp,
}

impl Positions {
    pub(super) fn new(gseq: u64) -> Self {
        let (streams, listed, moves) = <(HashMap<_, _>, HashMap<_, _>, HashMap<_, _>)>::default();
        Self { streams, listed, moves, gseq, pruned: Timestamp::from_millis(0) }
    }

    /// Forgets positions that a failed transaction moved. Numbers of the node are not given again.
    pub(super) fn forget(&mut self) {
        self.streams.clear();
        self.listed.clear();
    }

    /// Whether a session stands in the lists where it stood a moment ago.
    pub(super) fn has_moves(&self) -> bool {
        !self.moves.is_empty()
    }

    /// Puts every session where it belongs in the lists.
    pub(super) fn settle(&mut self, db: &Connection) -> Result<(), LogError> {
        for (no, at) in std::mem::take(&mut self.moves) {
            let Some(before) = self.listed(db, no)?.filter(|row| row.updated_at < at) else { continue };
            let row = SessionRow { updated_at: at, ..before.clone() };
            put::place(db, no, Some(&before), &row)?;
            self.listed.insert(no, row);
        }
        Ok(())
    }

    fn listed(&mut self, db: &Connection, no: i64) -> Result<Option<SessionRow>, LogError> {
        self.listed.remove(&no).map_or_else(|| put::listed(db, no), |row| Ok(Some(row)))
    }

    fn session(&mut self, db: &Connection, no: i64, row: &SessionRow) -> Result<(), LogError> {
        if self.listed.len() >= REMEMBERED || self.moves.len() >= REMEMBERED {
            self.settle(db)?;
            self.listed.clear();
        }
        let before = self.listed(db, no)?;
        let now = put::session(db, no, before, row)?;
        match now.updated_at == row.updated_at {
            true => self.moves.remove(&no),
            false => self.moves.insert(no, row.updated_at),
        };
        self.listed.insert(no, now);
        Ok(())
    }

    /// Applies one append. A conflict is found before anything is written.
    pub(super) fn append(
        &mut self,
        db: &Connection,
        kinds: &Kinds,
        append: &Prepared,
    ) -> Result<Result<Appended, LogError>, LogError> {
        let known = self.find(db, &append.session)?;
        let actual = known.map_or(0, |s| s.last);
        if actual != append.expected.0 {
            return Ok(Err(LogError::Conflict { expected: append.expected, actual: Seq(actual) }));
        }
        if append.last().0 > LAST_SEQ {
            return Ok(Err(LogError::Invalid("the session has too many events".to_owned())));
        }
        let mut stream = match known {
            Some(stream) => stream,
            None => create(db, &append.session)?,
        };
        let events = self.events(db, kinds, stream.no, append)?;
        crash_point!("log.events");
        for write in &append.writes {
            crash_point!("log.row");
            self.write(db, &mut stream, append.expected, write)?;
        }
        stream.last = append.last().0;
        if self.streams.len() >= REMEMBERED {
            self.streams.clear();
        }
        self.streams.insert(append.session.clone(), stream);
        Ok(Ok(Appended { last_seq: append.last(), events }))
    }

    fn find(&self, db: &Connection, session: &SessionId) -> Result<Option<Stream>, LogError> {
        match self.streams.get(session) {
            Some(known) => Ok(Some(*known)),
            None => stream(db, session),
        }
    }

    fn events(
        &mut self,
        db: &Connection,
        kinds: &Kinds,
        no: i64,
        append: &Prepared,
    ) -> Result<Vec<Rendered>, LogError> {
        let mut insert =
            db.prepare_cached("INSERT INTO events (id, gseq, kind, body) VALUES (?1, ?2, ?3, ?4)")?;
        let mut events = Vec::with_capacity(append.events.len());
        for event in &append.events {
            self.gseq += 1;
            let (kind, name) = kinds.number(db, &event.name)?;
            let event = event.place(Gseq(self.gseq), name);
            let body = std::str::from_utf8(&event.bytes)
                .map_err(|e| LogError::Invalid(format!("an event is no text: {e}")))?;
            insert.execute(params![event_id(no, event.seq.0), to_i64(self.gseq), kind, body])?;
            events.push(event);
        }
        Ok(events)
    }

    fn write(
        &mut self,
        db: &Connection,
        stream: &mut Stream,
        before: Seq,
        write: &Write,
    ) -> Result<(), LogError> {
        let no = stream.no;
        match write {
            Write::Session(row) => self.session(db, no, row),
            Write::State(state) => put::state(db, no, state),
            Write::Outbox(row) => put::outbox(db, no, row),
            Write::OutboxDone { generation, n } => put::outbox_done(db, no, *generation, *n),
            Write::Ask(row) => put::ask(db, no, row),
            Write::Input(row) => put::input(db, no, row),
            Write::Erase => {
                erasure::begin(db, stream, before.0, self.gseq)?;
                put::erase(db, no)
            }
            ownerless => self.put(db, ownerless),
        }
    }

    /// Puts a row that belongs to no session; others were refused before.
    pub(super) fn put(&mut self, db: &Connection, write: &Write) -> Result<(), LogError> {
        match write {
            Write::Idempotency(row) => {
                put::idempotency(db, row)?;
                if row.at.millis_since(self.pruned) > PRUNE_EVERY_MS {
                    self.pruned = row.at;
                    put::prune(db, row.at)?;
                }
                Ok(())
            }
            Write::Workspace(row) => put::workspace(db, row),
            Write::Project(row) => put::project(db, row),
            _ => Ok(()),
        }
    }
}

fn create(db: &Connection, session: &SessionId) -> Result<Stream, LogError> {
    db.prepare_cached("INSERT INTO streams (session_id) VALUES (?1)")?.execute([session.as_str()])?;
    Ok(Stream { no: db.last_insert_rowid(), base: 0, last: 0 })
}
