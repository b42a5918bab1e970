//! The list of sessions, newest activity first. One filter chooses the index that is walked; the
//! others are looked at on the way. Where several values of that filter are asked for, each is a walk
//! of its own, and the walks are merged. No walk sorts.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use tenure_event::{SessionId, Timestamp};

use super::rows;
use crate::{LogError, SessionFilter, SessionPage, SessionRow};

/// Sessions that are neither archived nor destroyed.
pub(super) const USUAL: i64 = 0;
/// Archived ones.
pub(super) const ARCHIVED: i64 = 1;
/// Destroyed ones, archived or not.
pub(super) const DESTROYED: i64 = 2;

/// What a list is walked by: a column, its index, and the values that are asked for.
struct Driver {
    column: Option<&'static str>,
    index: &'static str,
    values: Vec<String>,
}

/// Where a session stands in the list: activity, then number.
type Place = (i64, i64);

/// A page of sessions.
pub(super) fn sessions(db: &Connection, filter: &SessionFilter) -> Result<SessionPage, LogError> {
    let read = db.unchecked_transaction()?;
    let limit = filter.limit.max(1);
    let after = filter.after.as_ref().map(|(at, id)| place(&read, *at, id)).transpose()?;
    let driver = driver(filter);
    let mut found: Vec<Place> = Vec::new();
    for value in values(&driver) {
        for shelf in shelves(filter) {
            found.extend(walk(&read, filter, query(filter, &driver, value, shelf, after), limit + 1)?);
        }
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    found.dedup();
    let more = found.len() > limit;
    let rows = found.iter().take(limit).map(|(_, no)| full(&read, *no)).collect::<Result<_, _>>()?;
    Ok(SessionPage { rows, more })
}

/// The place of the last session that was seen.
fn place(db: &Connection, at: Timestamp, id: &SessionId) -> Result<Place, LogError> {
    let mut find = db.prepare_cached("SELECT no FROM sessions WHERE id = ?1")?;
    let no: Option<i64> = find.query_row([id.as_str()], |r| r.get(0)).optional()?;
    Ok((at.as_millis(), no.unwrap_or(0)))
}

/// The filter that leaves the fewest, as far as one can tell without looking.
fn driver(filter: &SessionFilter) -> Driver {
    let one = |column, index, value: &dyn ToString| Driver {
        column: Some(column),
        index,
        values: vec![value.to_string()],
    };
    if let Some(native) = &filter.native_id {
        one("native_id", "sessions_native", native)
    } else if !filter.native_ids.is_empty() {
        Driver { column: Some("native_id"), index: "sessions_native", values: filter.native_ids.clone() }
    } else if let Some(tag) = &filter.tag {
        one("tag", "tags", tag)
    } else if let Some(workspace) = &filter.workspace_id {
        one("workspace_id", "sessions_workspace", workspace)
    } else if let Some(cwd) = &filter.cwd {
        one("cwd", "sessions_cwd", cwd)
    } else if let Some(project) = &filter.project_id {
        one("project_id", "sessions_project", project)
    } else if !filter.activity.is_empty() {
        Driver { column: Some("activity"), index: "sessions_activity", values: filter.activity.clone() }
    } else if let Some(agent) = &filter.agent {
        one("agent", "sessions_agent", agent)
    } else if !filter.lifecycle.is_empty() && filter.text.is_none() {
        Driver { column: Some("lifecycle"), index: "sessions_lifecycle", values: filter.lifecycle.clone() }
    } else {
        Driver { column: None, index: "sessions_recent", values: Vec::new() }
    }
}

/// The walks of a driver; one without a value if it has no column.
fn values(driver: &Driver) -> Vec<Option<&str>> {
    if driver.column.is_none() {
        return vec![None];
    }
    driver.values.iter().map(|v| Some(v.as_str())).collect()
}

fn shelves(filter: &SessionFilter) -> Vec<i64> {
    let destroyed = filter.lifecycle.iter().any(|l| l == "destroyed");
    let others = filter.lifecycle.is_empty() || filter.lifecycle.iter().any(|l| l != "destroyed");
    let mut shelves = Vec::new();
    if others && filter.archived != Some(true) {
        shelves.push(USUAL);
    }
    if others && filter.archived != Some(false) {
        shelves.push(ARCHIVED);
    }
    if destroyed {
        shelves.push(DESTROYED);
    }
    shelves
}

/// The conditions of one walk and their values.
struct Conditions {
    sql: Vec<String>,
    values: Vec<Value>,
}

impl Conditions {
    fn is(&mut self, column: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.sql.push(format!("{column} = ?{}", self.values.len()));
    }

    fn among(&mut self, column: &str, wanted: &[String]) {
        let first = self.values.len() + 1;
        self.values.extend(wanted.iter().map(|w| Value::from(w.clone())));
        let marks: Vec<_> = (first..=self.values.len()).map(|n| format!("?{n}")).collect();
        self.sql.push(format!("{column} IN ({})", marks.join(",")));
    }

    fn before(&mut self, table: &str, (at, no): Place) {
        self.values.extend([Value::from(at), Value::from(no)]);
        let n = self.values.len();
        self.sql.push(format!("({table}.updated_at, {table}.no) < (?{}, ?{n})", n - 1));
    }
}

/// One ordered walk, up to `limit` sessions.
fn walk(
    db: &Connection,
    filter: &SessionFilter,
    (sql, values): (String, Vec<Value>),
    limit: usize,
) -> Result<Vec<Place>, LogError> {
    let text = filter.text.as_ref().map(|t| t.to_lowercase());
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params_from_iter(values))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if text.as_ref().is_none_or(|text| mentions(row, text)) {
            found.push((row.get(0)?, row.get(1)?));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok(found)
}

/// What one walk asks of SQLite. It has no LIMIT: the text is looked for outside.
fn query(
    filter: &SessionFilter,
    driver: &Driver,
    value: Option<&str>,
    shelf: i64,
    after: Option<Place>,
) -> (String, Vec<Value>) {
    let by_tag = driver.column == Some("tag");
    let table = if by_tag { "t" } else { "s" };
    let mut conditions = Conditions { sql: Vec::new(), values: Vec::new() };
    if let (Some(column), Some(value)) = (driver.column, value) {
        conditions.is(&format!("{table}.{column}"), value.to_owned());
    }
    conditions.is(&format!("{table}.shelf"), shelf);
    if let Some(after) = after {
        conditions.before(table, after);
    }
    narrow(&mut conditions, filter, driver);
    let from = if by_tag {
        "tags t CROSS JOIN sessions s ON s.no = t.no".to_owned()
    } else {
        format!("sessions s INDEXED BY {}", driver.index)
    };
    let sql = format!(
        "SELECT {table}.updated_at, {table}.no, s.id, s.title FROM {from} WHERE {}
         ORDER BY {table}.updated_at DESC, {table}.no DESC",
        conditions.sql.join(" AND ")
    );
    (sql, conditions.values)
}

/// Adds the filters that the walk is not ordered by.
fn narrow(conditions: &mut Conditions, filter: &SessionFilter, driver: &Driver) {
    let equal = [
        ("native_id", filter.native_id.as_deref()),
        ("workspace_id", filter.workspace_id.as_ref().map(|id| id.as_str())),
        ("cwd", filter.cwd.as_deref()),
        ("project_id", filter.project_id.as_ref().map(|id| id.as_str())),
        ("agent", filter.agent.as_deref()),
    ];
    for (column, value) in equal {
        if let Some(value) = value.filter(|_| driver.column != Some(column)) {
            conditions.is(&format!("s.{column}"), value.to_owned());
        }
    }
    if filter.native_id.is_some() && !filter.native_ids.is_empty() {
        conditions.among("s.native_id", &filter.native_ids);
    }
    if let Some(tag) = filter.tag.as_ref().filter(|_| driver.column != Some("tag")) {
        conditions.values.push(Value::from(tag.clone()));
        let n = conditions.values.len();
        conditions.sql.push(format!("EXISTS (SELECT 1 FROM json_each(s.tags) WHERE value = ?{n})"));
    }
    for (column, wanted) in [("activity", &filter.activity), ("lifecycle", &filter.lifecycle)] {
        if !wanted.is_empty() && driver.column != Some(column) {
            conditions.among(&format!("s.{column}"), wanted);
        }
    }
    if let Some(archived) = filter.archived.filter(|_| filter.lifecycle.iter().any(|l| l == "destroyed")) {
        conditions.is("s.archived", i64::from(archived));
    }
}

fn mentions(row: &Row<'_>, text: &str) -> bool {
    [2, 3].iter().any(|column| {
        row.get_ref(*column)
            .ok()
            .and_then(|value| value.as_str().ok())
            .is_some_and(|found| contains(found, text))
    })
}

/// Whether `text`, in lower case, is in `found`, in any case.
fn contains(found: &str, text: &str) -> bool {
    if found.is_ascii() {
        let (found, text) = (found.as_bytes(), text.as_bytes());
        return text.is_empty() || found.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text));
    }
    found.to_lowercase().contains(text)
}

/// The whole row of a session, without private state.
/// The row of a session with its view.
pub(super) fn full(db: &Connection, no: i64) -> Result<SessionRow, LogError> {
    let sql = format!("SELECT {} FROM sessions s WHERE s.no = ?1", rows::SESSION);
    let row = db.prepare_cached(&sql)?.query_row([no], rows::session)?;
    let mut select = db.prepare_cached("SELECT view FROM views WHERE no = ?1")?;
    match select.query_row([no], |r| r.get(0)) {
        Ok(view) => Ok(SessionRow { view, ..row }),
        // One view that cannot be read must not hide all the others: it is left empty.
        Err(e) if is_damage(&e) => {
            tracing::error!(session = %row.id, error = %e, "the view of a session cannot be read");
            Ok(row)
        }
        Err(e) => Err(e.into()),
    }
}

fn is_damage(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::DatabaseCorrupt;
    matches!(e.sqlite_error_code(), Some(DatabaseCorrupt) | None)
}

#[cfg(test)]
mod tests;
