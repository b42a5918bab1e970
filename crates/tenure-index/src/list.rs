//! Conversations, newest first.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use tenure_event::Timestamp;
use tenure_history::Conversation;

use crate::{IndexError, Looker};

/// Directories of a project that are told.
const DIRECTORIES: usize = 100;

/// Which conversations. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListWant {
    /// Of this agent.
    pub agent: Option<String>,
    /// Of any of these projects.
    pub projects: Vec<String>,
    /// That worked in any of these directories, as their records write them.
    pub cwds: Vec<String>,
    /// That were last on this branch.
    pub branch: Option<String>,
    /// With this in a title or the first input, whatever the case.
    pub text: Option<String>,
    /// Last written at this time or later.
    pub since: Option<Timestamp>,
    /// Last written before this time.
    pub until: Option<Timestamp>,
    /// Those that were put away too.
    pub archived: bool,
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// How many to leave out first.
    pub offset: usize,
    /// How many.
    pub limit: usize,
}

/// A conversation as the index has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// What its files say.
    pub conversation: Conversation,
    /// The project.
    pub project: Option<String>,
    /// All that was written is in the index.
    pub read: bool,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ListPage {
    /// Newest first.
    pub items: Vec<Listed>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
}

/// What a project's conversations come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectCount {
    /// The project.
    pub project: String,
    /// How many.
    pub conversations: u64,
    /// Agents that held them.
    pub agents: Vec<String>,
    /// When one was last written.
    pub last_activity: Timestamp,
    /// Directories in which they worked, as their records say, at most 100.
    pub directories: Vec<String>,
}

/// Conditions of a query and what they are filled with.
#[derive(Default)]
pub(crate) struct Conditions {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
}

impl Conditions {
    /// Adds a condition; `?` in it stands for the value.
    pub(crate) fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        let numbered = condition.replace('?', &format!("?{}", self.values.len()));
        self.sql.push_str(" AND ");
        self.sql.push_str(&numbered);
    }

    /// Adds that a column has one of these values; nothing if there are none.
    pub(crate) fn any(&mut self, column: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let mut places = Vec::new();
        for value in values {
            self.values.push(Value::from(value.clone()));
            places.push(format!("?{}", self.values.len()));
        }
        self.sql.push_str(&format!(" AND {column} IN ({})", places.join(", ")));
    }
}

impl Looker {
    /// A page of conversations.
    ///
    /// # Errors
    /// The cursor is none, or the database fails.
    pub fn list(&self, want: &ListWant) -> Result<ListPage, IndexError> {
        let mut conditions = Conditions::default();
        narrow(want, &mut conditions)?;
        let sql = format!(
            "SELECT id, updated_ms, entry, project, read_stamp = stamp FROM conversations WHERE listed = 1{}
             ORDER BY updated_ms DESC, id DESC LIMIT {} OFFSET {}",
            conditions.sql,
            want.limit.saturating_add(1),
            want.offset
        );
        let mut select = self.db.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(conditions.values))?;
        let mut page = ListPage::default();
        let mut last = None;
        while let Some(row) = rows.next()? {
            if page.items.len() == want.limit {
                page.next = last.map(|(ms, id): (i64, i64)| format!("{ms}.{id}"));
                break;
            }
            last = Some((row.get(1)?, row.get(0)?));
            page.items.push(listed(row, 2)?);
        }
        Ok(page)
    }

    /// The conversation that an agent calls so.
    ///
    /// # Errors
    /// The database fails.
    pub fn conversation(&self, agent: &str, native_id: &str) -> Result<Option<Listed>, IndexError> {
        let mut select = self.db.prepare_cached(
            "SELECT entry, project, read_stamp = stamp FROM conversations WHERE agent = ?1 AND native_id = ?2",
        )?;
        let mut rows = select.query([agent, native_id])?;
        rows.next()?.map(|row| listed(row, 0)).transpose()
    }

    /// What is known of each project's conversations.
    ///
    /// # Errors
    /// The database fails.
    pub fn projects(&self) -> Result<Vec<ProjectCount>, IndexError> {
        let mut select = self.db.prepare_cached(
            "SELECT project, count(*), group_concat(DISTINCT agent), max(updated_ms) FROM conversations
             WHERE listed = 1 AND project IS NOT NULL GROUP BY project",
        )?;
        let mut directories = self.directories()?;
        let rows = select.query_map([], |row| {
            let project: String = row.get(0)?;
            let agents: String = row.get(2)?;
            Ok(ProjectCount {
                directories: directories.remove(&project).unwrap_or_default(),
                project,
                conversations: count(row, 1)?,
                agents: agents.split(',').map(str::to_owned).collect(),
                last_activity: Timestamp::from_millis(row.get(3)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every directory in which conversations of a project worked, as their records write it.
    ///
    /// # Errors
    /// The database fails.
    pub fn directories_of(&self, project: &str) -> Result<Vec<String>, IndexError> {
        let sql =
            "SELECT DISTINCT cwd FROM conversations WHERE project = ?1 AND listed = 1 AND cwd IS NOT NULL";
        let mut select = self.db.prepare_cached(sql)?;
        let rows = select.query_map([project], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The directories of each project.
    fn directories(&self) -> Result<HashMap<String, Vec<String>>, IndexError> {
        let mut select = self.db.prepare_cached(
            "SELECT DISTINCT project, cwd FROM conversations
             WHERE listed = 1 AND project IS NOT NULL AND cwd IS NOT NULL ORDER BY project, cwd",
        )?;
        let mut rows = select.query([])?;
        let mut all: HashMap<String, Vec<String>> = HashMap::new();
        while let Some(row) = rows.next()? {
            let directories = all.entry(row.get(0)?).or_default();
            if directories.len() < DIRECTORIES {
                directories.push(row.get(1)?);
            }
        }
        Ok(all)
    }

    /// How many conversations are listed, and of how many all is read.
    ///
    /// # Errors
    /// The database fails.
    pub fn counts(&self) -> Result<(u64, u64), IndexError> {
        // The first is counted in an index, the second in one that holds those alone that are not read.
        let sql = "SELECT (SELECT count(*) FROM conversations WHERE listed = 1),
                (SELECT count(*) FROM conversations WHERE listed = 1 AND read_stamp IS NOT stamp)";
        let (all, unread) =
            self.db.prepare_cached(sql)?.query_row([], |row| Ok((count(row, 0)?, count(row, 1)?)))?;
        Ok((all, all.saturating_sub(unread)))
    }
}

fn narrow(want: &ListWant, conditions: &mut Conditions) -> Result<(), IndexError> {
    let exact = [("agent = ?", &want.agent), ("branch = ?", &want.branch)];
    for (condition, value) in exact {
        if let Some(value) = value {
            conditions.and(condition, value.clone());
        }
    }
    conditions.any("cwd", &want.cwds);
    conditions.any("project", &want.projects);
    if let Some(text) = &want.text {
        conditions.and("instr(heading, ?) > 0", text.to_lowercase());
    }
    if let Some(since) = want.since {
        conditions.and("updated_ms >= ?", since.as_millis());
    }
    if let Some(until) = want.until {
        conditions.and("updated_ms < ?", until.as_millis());
    }
    if !want.archived {
        conditions.and("archived = ?", 0);
    }
    if let Some(cursor) = &want.cursor {
        let wrong = || IndexError::Cursor(cursor.clone());
        let (ms, id) = cursor.split_once('.').ok_or_else(wrong)?;
        let (ms, id) = (ms.parse::<i64>().map_err(|_| wrong())?, id.parse::<i64>().map_err(|_| wrong())?);
        conditions.and("updated_ms <= ?", ms);
        conditions.and("(updated_ms < ?", ms);
        conditions.values.push(Value::from(id));
        conditions.sql.push_str(&format!(" OR id < ?{})", conditions.values.len()));
    }
    Ok(())
}

fn count(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(at)?).unwrap_or(0))
}

/// An entry that begins at a column.
pub(crate) fn listed(row: &Row<'_>, at: usize) -> Result<Listed, IndexError> {
    let entry: String = row.get(at)?;
    let read: Option<bool> = row.get(at + 2)?;
    Ok(Listed {
        conversation: serde_json::from_str(&entry)?,
        project: row.get(at + 1)?,
        read: read == Some(true),
    })
}
