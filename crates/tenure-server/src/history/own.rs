//! Our own log as one more place where conversations are. A session whose agent keeps a record that another reader found
//! is left to that one, so that nothing is listed or found twice.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tenure_core::projection::{EpochChoice, Position, text_of};
use tenure_event::{
    Event, Kind, Message, MessageOrigin, Part, PartBody, Role, SessionId, Timestamp, ToolCompleted, ToolPart,
    ToolState, TurnCompleted,
};
use tenure_history::{
    Branch, Conversation, Counted, Each, FileMark, Found, Item, Mark, Messages, Place, ReadError, Reader,
    Said, Sighting, Stamp, ToolOutcome, Want, Warning, WarningKind,
};
use tenure_log::{EventLog as _, LogError, PageRequest, SessionFilter, SessionRow};
use tokio::runtime::Handle;

use super::History;
use super::held::{Named, Word, Words};
use crate::conversation::{self, Wanted};
use crate::node::Node;
use crate::{past, story};

/// The reader's name. Conversations are listed under their agents' names.
const OWN: &str = "tenure";
/// Rows of sessions that are read at once.
const ROWS: usize = 500;
const TYPES: [&str; 3] = ["message.completed", "tool.completed", "turn.completed"];
/// Lifecycles, all of them.
const LIFECYCLES: [&str; 6] = ["creating", "live", "suspended", "closed", "failed", "destroyed"];

/// Conversations that other readers found: the agent, and its id of it.
pub(super) type Elsewhere = Arc<Mutex<HashSet<Named>>>;

/// Reads our own sessions.
pub(super) struct Own {
    pub(super) history: Arc<History>,
    pub(super) node: Arc<Node>,
    pub(super) runtime: Handle,
    pub(super) elsewhere: Elsewhere,
    /// Sessions in which nothing has happened since then are as they were; without it all are looked at.
    pub(super) since: Option<Timestamp>,
}

/// What our own sessions are listed to lie in.
pub(super) fn path(home: &Path) -> PathBuf {
    home.join("tenure.db")
}

/// Rows of our sessions, the newest first, with those that were destroyed: of them nothing may stay.
pub(super) struct Rows {
    since: Option<Timestamp>,
    filter: Option<SessionFilter>,
}

impl Rows {
    /// Those in which something has happened since then; all without it.
    pub(super) fn since(since: Option<Timestamp>) -> Self {
        let lifecycle = LIFECYCLES.iter().map(|&word| word.to_owned()).collect();
        Self { since, filter: Some(SessionFilter { lifecycle, limit: ROWS, ..SessionFilter::default() }) }
    }

    /// The next of them.
    pub(super) async fn next(&mut self, node: &Node) -> Result<Option<Vec<SessionRow>>, LogError> {
        let Some(filter) = &mut self.filter else { return Ok(None) };
        let page = node.log().sessions(filter.clone()).await?;
        let (more, mut rows) = (page.more, page.rows);
        filter.after = rows.last().map(|last| (last.updated_at, last.id.clone()));
        let new =
            rows.iter().take_while(|row| self.since.is_none_or(|since| row.updated_at >= since)).count();
        if !more || new < rows.len() {
            self.filter = None;
        }
        rows.truncate(new);
        Ok(Some(rows))
    }
}

/// Passes a reader on, notes what it finds, and adds what our sessions say of it.
pub(super) struct Noting {
    pub(super) inner: Box<dyn Reader>,
    pub(super) found: Elsewhere,
    pub(super) said: Words,
}

impl Noting {
    fn word(&self, found: &Found) -> Option<&Word> {
        self.said.get(&named(found))
    }

    fn note(&self, mut found: Found) -> Found {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(named(&found));
        if let Some(word) = self.word(&found) {
            found.stamp = word.mark(found.stamp);
        }
        found
    }
}

fn named(found: &Found) -> Named {
    (found.agent.clone(), found.native_id.clone())
}

impl Reader for Noting {
    fn agent(&self) -> &'static str {
        self.inner.agent()
    }

    fn roots(&self) -> Vec<PathBuf> {
        self.inner.roots()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        self.inner.scan(&mut |sighting| {
            each(match sighting {
                Sighting::Found(found) => Sighting::Found(self.note(found)),
                other => other,
            });
        });
    }

    fn at(&self, path: &Path) -> Option<Found> {
        self.inner.at(path).map(|found| self.note(found))
    }

    fn sees_all(&self) -> bool {
        self.inner.sees_all()
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        let mut entry = self.inner.describe(found)?;
        if let (Some(entry), Some(word)) = (&mut entry, self.word(found)) {
            word.put_on(entry);
        }
        Ok(entry)
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        self.inner.read(found, mark, each)
    }

    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        self.inner.messages(found, want)
    }
}

impl Own {
    fn path(&self) -> PathBuf {
        path(self.node.home())
    }

    /// The session is listed and read here: it is there, and nobody else keeps it.
    fn is_here(&self, row: &SessionRow) -> bool {
        let Some(native_id) = &row.native_id else { return row.lifecycle != "destroyed" };
        let named = (self.node.record_keeper(&row.agent), native_id.clone());
        let elsewhere = self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).contains(&named);
        row.lifecycle != "destroyed" && !elsewhere
    }

    fn found(&self, row: &SessionRow, last: u64) -> Found {
        Found {
            agent: row.agent.clone(),
            native_id: row.id.to_string(),
            path: self.path(),
            parts: Vec::new(),
            size_bytes: 0,
            modified: row.updated_at,
            name: None,
            stamp: Stamp {
                size: last,
                modified_ns: row.updated_at.as_millis(),
                other: u64::from(!self.is_here(row)),
            },
        }
    }

    async fn scanned(&self, each: &mut dyn FnMut(Sighting)) -> Result<(), LogError> {
        let mut rows = Rows::since(self.since);
        while let Some(page) = rows.next(&self.node).await? {
            for row in &page {
                if row.lifecycle != "destroyed"
                    && let Some(home) = self.node.record_root_of(row)
                {
                    self.history.note_home(home);
                }
                each(Sighting::Found(self.found(row, self.last(&row.id).await?)));
            }
        }
        Ok(())
    }

    /// The last position of a session.
    async fn last(&self, id: &SessionId) -> Result<u64, LogError> {
        let first = PageRequest { after: 0, limit: 1, max_bytes: 1, types: Vec::new() };
        match self.node.log().read(id, first).await {
            Ok(page) => Ok(page.last),
            Err(LogError::CursorExpired { last, .. }) => Ok(last),
            Err(error) => Err(error),
        }
    }

    fn row(&self, found: &Found) -> Result<(SessionId, Option<SessionRow>), ReadError> {
        let gone = || ReadError::Gone { agent: found.agent.clone(), native_id: found.native_id.clone() };
        let id = SessionId::parse(&found.native_id).map_err(|_| gone())?;
        let row = self.runtime.block_on(self.node.log().session(&id)).map_err(failed)?;
        Ok((id, row))
    }

    async fn events(
        &self,
        id: &SessionId,
        after: u64,
        model: &mut Option<String>,
        each: &mut Each<'_>,
    ) -> Result<u64, LogError> {
        past::events_after(self.node.log(), id, after, &TYPES, |event| {
            // All of a record is given, whatever is answered: the reading goes on behind it.
            let mut flow = ControlFlow::Continue(());
            for item in self.items(event, model) {
                if each(item).is_break() {
                    flow = ControlFlow::Break(());
                }
            }
            flow
        })
        .await
    }

    fn items(&self, event: Event, model: &mut Option<String>) -> Vec<Item> {
        let place = Place { path: self.path(), offset: event.seq.0 };
        match event.kind {
            Kind::MessageCompleted(said) => {
                if said.model.is_some() {
                    model.clone_from(&said.model);
                }
                let is_text = |part: &Part| !matches!(part.body, PartBody::Tool(_));
                let parts: Vec<Part> = said.parts.into_iter().filter(is_text).collect();
                let message = Message {
                    native_ids: said.native_ids,
                    model: said.model,
                    parent_tool_id: said.parent_tool_id,
                    epoch: said.epoch,
                    ..message(said.message_id, said.role, parts, event.ts)
                };
                vec![Item::Message(Box::new(Said { message, hidden: false, subagent: None, place }))]
            }
            Kind::ToolCompleted(tool) => called(tool, event.ts, &place),
            Kind::TurnCompleted(turn) => used(&turn, event.ts, model.clone()).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

fn message(id: tenure_event::MessageId, role: Role, parts: Vec<Part>, ts: Timestamp) -> Message {
    Message {
        id,
        native_ids: Vec::new(),
        role,
        text: text_of(&parts),
        parts,
        turn_id: None,
        seq: None,
        ts,
        model: None,
        usage: None,
        partial: false,
        origin: Some(MessageOrigin::Native),
        parent_tool_id: None,
        epoch: 0,
    }
}

/// A call as it ended: what was called, and what it gave.
fn called(tool: ToolCompleted, ts: Timestamp, place: &Place) -> Vec<Item> {
    let part = ToolPart {
        tool_id: tool.tool_id.clone(),
        tool: tool.tool,
        kind: tool.kind,
        title: tool.title,
        state: ToolState::Pending,
        input: tool.input.unwrap_or_default(),
        output: None,
        error: None,
    };
    let id = format!("{}.{}", tool.message_id, tool.tool_id);
    let parts = vec![Part { id, body: PartBody::Tool(part), bytes: None, blob: None }];
    let said = Said {
        message: message(tool.message_id.clone(), Role::Assistant, parts, ts),
        hidden: false,
        subagent: None,
        place: place.clone(),
    };
    let outcome = ToolOutcome {
        tool_id: tool.tool_id,
        message_id: Some(tool.message_id),
        state: tool.state,
        output: tool.output,
        error: tool.error,
        ts,
        native_id: None,
        subagent: None,
        place: place.clone(),
    };
    vec![Item::Message(Box::new(said)), Item::ToolEnded(outcome)]
}

/// What a turn used. It is counted by turns, because not every agent tells it by messages.
fn used(turn: &TurnCompleted, ts: Timestamp, model: Option<String>) -> Option<Item> {
    let usage = turn.usage.filter(|usage| usage.tokens() > 0)?;
    let (key, message_id) = (turn.turn_id.to_string(), turn.message_id.clone());
    Some(Item::Used(Counted { key, ts, model, usage, message_id, subagent: None }))
}

fn failed(error: LogError) -> ReadError {
    ReadError::Log(error.to_string())
}

impl Reader for Own {
    fn agent(&self) -> &'static str {
        OWN
    }

    fn roots(&self) -> Vec<PathBuf> {
        // The log tells of itself.
        Vec::new()
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        if let Err(error) = self.runtime.block_on(self.scanned(each)) {
            each(Sighting::Warning(Warning::of(&self.path(), WarningKind::Unreadable, error)));
        }
    }

    fn sees_all(&self) -> bool {
        self.since.is_none()
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        let (_, row) = self.row(found)?;
        let Some(row) = row.filter(|row| self.is_here(row)) else { return Ok(None) };
        let view: serde_json::Value = serde_json::from_str(&row.view).unwrap_or_default();
        let text = |name: &str| view.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let first_input = text("first_input");
        Ok(Some(Conversation {
            created_at: Some(row.created_at),
            updated_at: row.updated_at,
            cwd: Some(row.cwd.clone()),
            title: row.title.clone().or_else(|| first_input.clone()),
            custom_title: row.title,
            first_input,
            tags: row.tags,
            archived: Some(row.archived),
            model: text("model_effective").or_else(|| text("model")),
            ..Conversation::of(found)
        }))
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        let (id, row) = self.row(found)?;
        let path = self.path().join(id.as_str());
        let mut end = FileMark { path: path.clone(), ..FileMark::default() };
        if row.is_some_and(|row| self.is_here(&row)) {
            let before = mark.and_then(|mark| mark.file(&path));
            let mut model = before.and_then(|mark| mark.state.as_str().map(str::to_owned));
            let after = before.map_or(0, |mark| mark.offset);
            end.offset = self.runtime.block_on(self.events(&id, after, &mut model, each)).map_err(failed)?;
            end.state = model.into();
        } else {
            // It was destroyed, or another reader has it.
            let _ = each(Item::Reset);
        }
        Ok(Mark { files: vec![end] })
    }

    /// `total` counts what is known to be there, so that it is larger than the page's end if there is more.
    fn messages(&self, found: &Found, want: &Want) -> Result<Messages, ReadError> {
        let (id, _) = self.row(found)?;
        let start = Position { skip: want.skip, ..Position::default() };
        let limit = want.limit.min(1000);
        let (log, all) = (self.node.log(), want.branch == Branch::All);
        let page = self.runtime.block_on(async {
            let taken_back = if all { Vec::new() } else { story::taken_back(log, &id).await? };
            let wanted = Wanted { epoch: EpochChoice::All, taken_back };
            conversation::page(log, &id, start, &wanted, limit).await
        });
        let page = page.map_err(failed)?;
        let total = want.skip + page.items.len() + usize::from(page.next.is_some());
        Ok(Messages { items: page.items, total, warnings: Vec::new() })
    }
}
