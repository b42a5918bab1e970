//! Finding words.

use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};
use tenure_event::Timestamp;

use crate::list::{Conditions, listed};
use crate::query::Words;
use crate::snippet::{self, Mark};
use crate::{IndexError, Listed, Looker, place};

/// Hits that are ranked: the newest so many.
const RANKED: usize = 10_000;
/// The longest a search may take.
const MOST_TIME: Duration = Duration::from_secs(10);

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// What was said last first.
    #[default]
    Newest,
    /// What fits best first, of the newest 10,000 hits.
    Rank,
}

/// What to find. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchWant {
    /// Words, as [`Words::parse`] reads them.
    pub text: String,
    /// Said by any of these: `user`, `assistant`, `system`, or `tool` for what a tool gave.
    pub roles: Vec<String>,
    /// Calls of any of these tools.
    pub tools: Vec<String>,
    /// Calls that touched a file whose path has these names in this order.
    pub file: Option<String>,
    /// In conversations of this agent.
    pub agent: Option<String>,
    /// In this conversation of the agent.
    pub native_id: Option<String>,
    /// In any of these projects.
    pub projects: Vec<String>,
    /// In conversations that worked in any of these directories.
    pub cwds: Vec<String>,
    /// Said at this time or later.
    pub since: Option<Timestamp>,
    /// Said before this time.
    pub until: Option<Timestamp>,
    /// In which order.
    pub order: Order,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// How many.
    pub limit: usize,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The conversation.
    pub of: Listed,
    /// The message, by the id that reading it gives too.
    pub message_id: Option<String>,
    /// The tool call that it is, or whose result.
    pub tool_id: Option<String>,
    /// The subagent that said it.
    pub subagent: Option<String>,
    /// `user`, `assistant`, `system` or `tool`.
    pub role: String,
    /// When it was said.
    pub ts: Timestamp,
    /// The words around, on one line.
    pub snippet: String,
    /// The found words in it.
    pub marks: Vec<Mark>,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hits {
    /// In the order that was asked for.
    pub items: Vec<Hit>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
}

impl Looker {
    /// A page of hits.
    ///
    /// # Errors
    /// There are no words and no filter, the cursor is none, it takes too long, or the database fails.
    pub fn search(&mut self, want: &SearchWant) -> Result<Hits, IndexError> {
        let words = Words::parse(&want.text);
        let expression = words.expression(&want.text, &want.roles, &want.tools, want.file.as_deref())?;
        let expression = expression.ok_or_else(|| IndexError::NoWords(want.text.clone()))?;
        self.within(MOST_TIME, |db| match want.order {
            Order::Newest => newest(db, want, &words, &expression),
            Order::Rank => ranked(db, want, &words, &expression),
        })
    }
}

/// What a hit is read from; the full-text table leads.
fn select(what: &str) -> String {
    format!(
        "SELECT {what} FROM words CROSS JOIN pieces p ON p.id = words.rowid
         CROSS JOIN conversations c ON c.id = p.conversation WHERE words MATCH ?1 AND c.listed = 1"
    )
}

/// The columns that [`hit`] reads.
const SHOWN: &str =
    "p.id, p.message_id, p.tool_id, p.subagent, p.role, p.text, c.entry, c.project, c.read_stamp = c.stamp";

fn narrow(want: &SearchWant, expression: &str) -> Conditions {
    let mut conditions = Conditions { sql: String::new(), values: vec![Value::from(expression.to_owned())] };
    if let Some(since) = want.since {
        conditions.and("words.rowid >= ?", place::first(since));
    }
    if let Some(until) = want.until {
        conditions.and("words.rowid < ?", place::first(until));
    }
    let exact = [("c.agent = ?", &want.agent), ("c.native_id = ?", &want.native_id)];
    for (condition, value) in exact {
        if let Some(value) = value {
            conditions.and(condition, value.clone());
        }
    }
    conditions.any("c.cwd", &want.cwds);
    conditions.any("c.project", &want.projects);
    conditions
}

fn newest(db: &Connection, want: &SearchWant, words: &Words, expression: &str) -> Result<Hits, IndexError> {
    let mut conditions = narrow(want, expression);
    if let Some(cursor) = &want.cursor {
        let before: i64 = cursor.parse().map_err(|_| IndexError::Cursor(cursor.clone()))?;
        conditions.and("words.rowid < ?", before);
    }
    let limit = want.limit.saturating_add(1);
    let sql = format!("{}{} ORDER BY words.rowid DESC LIMIT {limit}", select(SHOWN), conditions.sql);
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(conditions.values))?;
    let mut hits = Hits::default();
    let mut last = 0_i64;
    while let Some(row) = rows.next()? {
        if hits.items.len() == want.limit {
            hits.next = Some(last.to_string());
            break;
        }
        last = row.get(0)?;
        hits.items.push(hit(row, words)?);
    }
    Ok(hits)
}

fn ranked(db: &Connection, want: &SearchWant, words: &Words, expression: &str) -> Result<Hits, IndexError> {
    let skip: usize = match &want.cursor {
        Some(cursor) => cursor.parse().map_err(|_| IndexError::Cursor(cursor.clone()))?,
        None => 0,
    };
    let conditions = narrow(want, expression);
    let sql =
        format!("{}{} ORDER BY words.rowid DESC LIMIT {RANKED}", select("p.id, bm25(words)"), conditions.sql);
    let mut statement = db.prepare_cached(&sql)?;
    let rows =
        statement.query_map(params_from_iter(conditions.values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut all = rows.collect::<Result<Vec<(i64, f64)>, _>>()?;
    // Smaller is better; of equals the newer first.
    all.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
    let one = format!("{} AND words.rowid = ?2", select(SHOWN));
    let mut one = db.prepare_cached(&one)?;
    let mut hits = Hits::default();
    for (id, _) in all.iter().skip(skip).take(want.limit) {
        let mut rows = one.query(rusqlite::params![expression, id])?;
        if let Some(row) = rows.next()? {
            hits.items.push(hit(row, words)?);
        }
    }
    let end = skip.saturating_add(want.limit);
    hits.next = (all.len() > end).then(|| end.to_string());
    Ok(hits)
}

fn hit(row: &Row<'_>, words: &Words) -> Result<Hit, IndexError> {
    let text = row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?;
    let (snippet, marks) = snippet::around(text, words);
    Ok(Hit {
        ts: place::time(row.get(0)?),
        message_id: row.get(1)?,
        tool_id: row.get(2)?,
        subagent: row.get(3)?,
        role: row.get(4)?,
        snippet,
        marks,
        of: listed(row, 6)?,
    })
}
