//! Where events lie, and pages of them. A page is read in one short transaction.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use rusqlite::{Connection, OptionalExtension, Row};
use tenure_event::{Gseq, Seq, SessionId};

use super::kinds::Kinds;
use super::{erasure, meta};
use crate::page::{Room, TypeFilter, check_cursor};
use crate::{EventPage, LogError, PageRequest, Rendered};

/// Bits of an event's id that are its position in the session.
const SEQ_BITS: u32 = 40;
/// The last position that a session can have.
pub(super) const LAST_SEQ: u64 = (1 << SEQ_BITS) - 2;
/// How many positions a page looks at when it leaves out kinds.
const LOOKED_AT: u64 = 4096;

/// What is known of a session's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    /// The session's number in this store.
    pub(super) no: i64,
    /// The last position that is no longer kept.
    pub(super) base: u64,
    /// The last position.
    pub(super) last: u64,
}

/// The id of an event.
pub(super) fn event_id(no: i64, seq: u64) -> i64 {
    (no << SEQ_BITS) | to_i64(seq.min(LAST_SEQ + 1))
}

/// The position in its session of the event with this id.
pub(super) fn seq_of(id: i64) -> u64 {
    to_u64(id & ((1 << SEQ_BITS) - 1))
}

/// The session's number in the id of an event.
pub(super) fn no_of(id: i64) -> i64 {
    id >> SEQ_BITS
}

/// For SQLite, which knows no unsigned numbers.
pub(super) fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Back from SQLite; what we store is never negative.
pub(super) fn to_u64(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// Finds a session that was appended to before.
pub(super) fn stream(db: &Connection, session: &SessionId) -> Result<Option<Stream>, LogError> {
    let mut find = db.prepare_cached("SELECT no, base FROM streams WHERE session_id = ?1")?;
    let found = find.query_row([session.as_str()], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let Some((no, base)): Option<(i64, i64)> = found else { return Ok(None) };
    let mut newest =
        db.prepare_cached("SELECT id FROM events WHERE id >= ?1 AND id < ?2 ORDER BY id DESC LIMIT 1")?;
    let last = newest.query_row([event_id(no, 0), event_id(no + 1, 0)], |r| r.get(0)).optional()?;
    let base = to_u64(base);
    Ok(Some(Stream { no, base, last: last.map_or(base, |id| seq_of(id).max(base)) }))
}

/// The last position of the node.
pub(super) fn last_gseq(db: &Connection) -> Result<u64, LogError> {
    let mut newest = db.prepare_cached("SELECT gseq FROM events ORDER BY gseq DESC LIMIT 1")?;
    let newest: Option<i64> = newest.query_row([], |r| r.get(0)).optional()?;
    let base: Option<i64> = meta::get(db, meta::GSEQ_BASE)?;
    Ok(to_u64(newest.max(base).unwrap_or(0)))
}

/// A page of one session.
pub(super) fn of_session(
    db: &Connection,
    kinds: &Kinds,
    session: &SessionId,
    request: &PageRequest,
) -> Result<EventPage, LogError> {
    let read = db.unchecked_transaction()?;
    let Some(stream) = stream(&read, session)? else {
        check_cursor(request.after, 0, 0)?;
        return Ok(EventPage::default());
    };
    check_cursor(request.after, stream.base, stream.last)?;
    let filter = TypeFilter(&request.types);
    let end = end(request, &filter, stream.last);
    let only = only(kinds, &filter);
    let sql = format!("SELECT id, gseq, kind, body FROM events WHERE id > ?1 AND id <= ?2{only} ORDER BY id");
    let mut select = read.prepare_cached(&sql)?;
    let mut rows = select.query([event_id(stream.no, request.after), event_id(stream.no, end)])?;
    let mut page = Builder::new(kinds, request);
    let mut next = request.after.max(stream.base) + 1;
    while let Some(row) = rows.next()? {
        let seq = seq_of(row.get(0)?);
        // Damage can take rows away without a word. A hole is never passed over.
        if filter.is_open() && seq != next {
            return Err(LogError::Corrupt(format!("events {next} to {} are missing", seq - 1)));
        }
        next = seq + 1;
        if !page.add(row, |id, _| seq_of(id))? {
            break;
        }
    }
    page.finish(end, stream.last)
}

/// A page of the node.
pub(super) fn of_node(db: &Connection, kinds: &Kinds, request: &PageRequest) -> Result<EventPage, LogError> {
    let read = db.unchecked_transaction()?;
    let last = last_gseq(&read)?;
    check_cursor(request.after, 0, last)?;
    let erased = erasure::pending(&read)?;
    let filter = TypeFilter(&request.types);
    let end = end(request, &filter, last);
    let only = only(kinds, &filter);
    let sql = format!(
        "SELECT id, gseq, kind, body FROM events INDEXED BY events_gseq
         WHERE gseq > ?1 AND gseq <= ?2{only} ORDER BY gseq"
    );
    let mut select = read.prepare_cached(&sql)?;
    let mut rows = select.query([to_i64(request.after), to_i64(end)])?;
    let mut page = Builder::new(kinds, request);
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let gone = erased.get(&no_of(id)).is_some_and(|upto| seq_of(id) <= *upto);
        if !gone && !page.add(row, |_, gseq| gseq)? {
            break;
        }
    }
    page.finish(end, last)
}

/// The last position that a page looks at.
fn end(request: &PageRequest, filter: &TypeFilter<'_>, last: u64) -> u64 {
    if filter.is_open() { last } else { last.min(request.after.saturating_add(LOOKED_AT)) }
}

/// The condition for kinds; they are numbers of ours, never a caller's text.
fn only(kinds: &Kinds, filter: &TypeFilter<'_>) -> String {
    if filter.is_open() { String::new() } else { format!(" AND kind IN ({})", kinds.passing(filter)) }
}

/// Gathers a page; its events share one allocation.
struct Builder<'a> {
    kinds: &'a Kinds,
    room: Room,
    bytes: BytesMut,
    events: Vec<(Rendered, Range<usize>)>,
    /// The last position that was looked at, if the page is full before its end.
    stopped_at: Option<u64>,
    position: u64,
}

impl<'a> Builder<'a> {
    fn new(kinds: &'a Kinds, request: &PageRequest) -> Self {
        Self {
            kinds,
            room: Room::new(request),
            bytes: BytesMut::new(),
            events: Vec::new(),
            stopped_at: None,
            position: request.after,
        }
    }

    /// Adds an event; false once the page is full.
    fn add(&mut self, row: &Row<'_>, position: impl Fn(i64, u64) -> u64) -> Result<bool, LogError> {
        let (id, gseq) = (row.get(0)?, to_u64(row.get(1)?));
        let body = row.get_ref(3)?.as_bytes().map_err(|e| LogError::Corrupt(e.to_string()))?;
        if !self.room.take(body.len(), self.events.is_empty()) {
            self.stopped_at = Some(self.position);
            return Ok(false);
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(body);
        let name = self.kinds.name(row.get(2)?)?;
        let event = Rendered { seq: Seq(seq_of(id)), gseq: Gseq(gseq), name, bytes: Bytes::new() };
        self.events.push((event, start..self.bytes.len()));
        self.position = position(id, gseq);
        if self.room.is_full() {
            self.stopped_at = Some(self.position);
        }
        Ok(!self.room.is_full())
    }

    fn finish(self, end: u64, last: u64) -> Result<EventPage, LogError> {
        let bytes = self.bytes.freeze();
        let events =
            self.events.into_iter().map(|(event, range)| Rendered { bytes: bytes.slice(range), ..event });
        Ok(EventPage { events: events.collect(), scanned_to: self.stopped_at.unwrap_or(end), last })
    }
}
