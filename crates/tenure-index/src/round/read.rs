//! Reading one conversation into the index, a step at a time: what is said goes to its pieces, what was used is counted, and how far
//! that is stands beside it, in one transaction.

use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{OptionalExtension as _, Transaction, params};
use tenure_history::{Counted, Found, Item, Mark, Reader, Warning, WarningKind};

use super::{MOST_WARNINGS, Round, Writer};
use crate::piece::Piece;
use crate::{IndexError, place};

/// Text of one step, in bytes; a step is one transaction.
const STEP_BYTES: usize = 2 << 20;
/// Items of one step.
const STEP_ITEMS: usize = 10_000;
/// Warnings that are kept of one conversation.
const LEFT_OUT: usize = 20;
/// Tries to find a free number.
const ATTEMPTS: u64 = 10_000;

impl Writer {
    /// One step of a conversation, from where it was left, whoever left it there. Whether there is more; none where it is not listed,
    /// which was told, or cannot be read.
    pub(super) fn read(
        &mut self,
        reader: &dyn Reader,
        found: &Found,
        round: &mut Round,
    ) -> Result<Option<bool>, IndexError> {
        let Some(Left { id, mark, mut out }) = self.left(found)? else { return Ok(None) };
        let mut step = Step::default();
        if mark.is_none() {
            step.items.push(Item::Reset);
        }
        let end = match reader.read(found, mark.as_ref(), &mut |item| step.take(item)) {
            Ok(end) => end,
            Err(error) => {
                round.warn([Warning::of(&found.path, WarningKind::Unreadable, error)]);
                return Ok(None);
            }
        };
        let is_more = step.full();
        // What was torn is read again, and all of it if the conversation is.
        let anew = step.items.iter().any(|item| matches!(item, Item::Reset));
        out.retain(|warning| !anew && warning.kind != WarningKind::Torn);
        out.append(&mut step.warnings);
        out.truncate(LEFT_OUT);
        round.progress.bytes += step.bytes as u64;
        round.progress.file_bytes += advance(mark.as_ref(), &end);
        self.store(id, found, step.items, &Reached { end: &end, whole: !is_more, left_out: &out })?;
        Ok(Some(is_more))
    }

    /// Where the reading of one was left; none if it is not listed.
    fn left(&self, found: &Found) -> Result<Option<Left>, IndexError> {
        let sql = "SELECT id, mark, left_out FROM conversations WHERE agent = ?1 AND native_id = ?2";
        let row = self.db.prepare_cached(sql)?.query_row(params![found.agent, found.native_id], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?))
        });
        Ok(row.optional()?.map(|(id, mark, told)| Left {
            id,
            // A mark of an older program leads to reading from the beginning.
            mark: mark.and_then(|mark| serde_json::from_str(&mark).ok()),
            out: told.and_then(|told| serde_json::from_str(&told).ok()).unwrap_or_default(),
        }))
    }

    fn store(
        &mut self,
        id: i64,
        found: &Found,
        items: Vec<Item>,
        reached: &Reached<'_>,
    ) -> Result<(), IndexError> {
        let tx = self.db.transaction()?;
        let mut pieces = Vec::new();
        for item in items {
            match item {
                Item::Reset => {
                    pieces.clear();
                    forget(&tx, id)?;
                }
                Item::Message(said) => pieces.extend(Piece::said(&said)),
                Item::ToolEnded(outcome) => pieces.extend(Piece::gave(&outcome)),
                Item::Used(counted) => count(&tx, id, &found.agent, &counted)?,
                Item::Warning(_) => {}
            }
        }
        put_pieces(&tx, id, pieces)?;
        let read = if reached.whole { Some(serde_json::to_string(&found.stamp)?) } else { None };
        let told = if reached.left_out.is_empty() { None } else { Some(reached.left_out) };
        let told = told.map(serde_json::to_string).transpose()?;
        tx.prepare_cached(
            "UPDATE conversations SET mark = ?2, read_stamp = ?3, left_out = ?4 WHERE id = ?1",
        )?
        .execute(params![id, serde_json::to_string(reached.end)?, read, told])?;
        Ok(tx.commit()?)
    }
}

/// Where the reading of a conversation was left.
struct Left {
    id: i64,
    mark: Option<Mark>,
    /// What could not be read up to there.
    out: Vec<Warning>,
}

/// How far a conversation was read.
struct Reached<'a> {
    end: &'a Mark,
    /// There is no more of it.
    whole: bool,
    /// What could not be read up to here.
    left_out: &'a [Warning],
}

/// What one step gathered.
#[derive(Default)]
struct Step {
    items: Vec<Item>,
    warnings: Vec<Warning>,
    bytes: usize,
}

impl Step {
    fn take(&mut self, item: Item) -> ControlFlow<()> {
        match item {
            Item::Warning(warning) => self.warnings.push(warning),
            item => {
                self.bytes += weight(&item);
                self.items.push(item);
            }
        }
        if self.full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn full(&self) -> bool {
        self.bytes >= STEP_BYTES || self.items.len() >= STEP_ITEMS || self.warnings.len() >= MOST_WARNINGS
    }
}

/// How much further one mark is than another, in bytes; a row of a database counts as one.
fn advance(from: Option<&Mark>, to: &Mark) -> u64 {
    let before = |path: &Path| from.and_then(|mark| mark.file(path)).map_or(0, |file| file.offset);
    // What was read from its beginning again counts from there.
    to.files.iter().map(|file| file.offset.checked_sub(before(&file.path)).unwrap_or(file.offset)).sum()
}

/// About how many bytes an item holds.
fn weight(item: &Item) -> usize {
    match item {
        Item::Message(said) => 64 + said.message.text.len(),
        Item::ToolEnded(outcome) => match &outcome.output {
            Some(serde_json::Value::String(text)) => 64 + text.len(),
            Some(_) => 1024,
            None => 64,
        },
        _ => 64,
    }
}

pub(super) fn forget(tx: &Transaction<'_>, conversation: i64) -> Result<(), IndexError> {
    tx.execute("DELETE FROM pieces WHERE conversation = ?1", [conversation])?;
    tx.execute("DELETE FROM counted WHERE conversation = ?1", [conversation])?;
    Ok(())
}

/// In the order of their numbers: the full-text table writes a new segment whenever that order is broken.
fn put_pieces(tx: &Transaction<'_>, conversation: i64, mut pieces: Vec<Piece>) -> Result<(), IndexError> {
    pieces.sort_by_key(|piece| piece.ts);
    let mut insert = tx.prepare_cached(
        "INSERT OR IGNORE INTO pieces (id, conversation, message_id, tool_id, subagent, role, text, files, facets)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (n, piece) in pieces.iter().enumerate() {
        for attempt in 0..ATTEMPTS {
            let id = place::number(piece.ts, conversation, n as u64, attempt);
            let put = insert.execute(params![
                id,
                conversation,
                piece.message_id,
                piece.tool_id,
                piece.subagent,
                piece.role,
                piece.text,
                piece.files,
                piece.facets
            ])?;
            if put == 1 {
                break;
            }
        }
    }
    Ok(())
}

fn count(tx: &Transaction<'_>, conversation: i64, agent: &str, counted: &Counted) -> Result<(), IndexError> {
    let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let usage = &counted.usage;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO counted (agent, key, conversation, ts_ms, model, input, output, reasoning, cache_read,
             cache_write, cost_usd)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        agent,
        counted.key,
        conversation,
        counted.ts.as_millis(),
        counted.model,
        tokens(usage.input_tokens),
        tokens(usage.output_tokens),
        tokens(usage.reasoning_tokens),
        tokens(usage.cache_read_tokens),
        tokens(usage.cache_write_tokens),
        usage.cost_usd,
    ])?;
    Ok(())
}
