//! Entries of the index as they are shown.

use std::collections::{BTreeSet, HashMap};

use tenure_api::{History, ProjectRef};
use tenure_event::SessionId;
use tenure_index::Listed;
use tenure_log::{EventLog, SessionFilter};

use crate::http::app::App;
use crate::http::problem::Answer;

/// Sessions that are looked at for those that hold a page's conversations: a page has 1,000 at most, and more than one
/// session for a conversation are few.
const HOLDERS: usize = 2_000;

/// Turns entries of the index into what is shown: with their projects, and with the sessions that hold them. Both are asked
/// for once, whatever the number of entries.
pub(in crate::http) struct Shown<'a> {
    app: &'a App,
    projects: HashMap<String, ProjectRef>,
    /// By the agent that keeps the record and its id of the conversation.
    holders: HashMap<(String, String), Holder>,
}

/// A session that holds a conversation, and what it is called here.
struct Holder {
    id: SessionId,
    title: Option<String>,
    archived: bool,
}

impl<'a> Shown<'a> {
    pub(in crate::http) async fn new(
        app: &'a App,
        entries: impl IntoIterator<Item = &Listed>,
    ) -> Answer<Self> {
        let foreign = |entry: &&Listed| own_id(app, entry).is_none();
        let native_ids: BTreeSet<String> =
            entries.into_iter().filter(foreign).map(|entry| entry.conversation.native_id.clone()).collect();
        let rows = app.log().projects().await?;
        let named =
            |row: tenure_log::ProjectRow| (row.id.to_string(), ProjectRef { id: row.id, path: row.path });
        let projects = rows.into_iter().map(named).collect();
        let mut holders = HashMap::new();
        if !native_ids.is_empty() {
            let native_ids = native_ids.into_iter().collect();
            let filter = SessionFilter { native_ids, limit: HOLDERS, ..SessionFilter::default() };
            for row in app.log().sessions(filter).await?.rows {
                let keeper = app.node.record_keeper(&row.agent);
                // The newest first: it is the one that is told.
                let holder = Holder { id: row.id, title: row.title, archived: row.archived };
                holders.entry((keeper, row.native_id.unwrap_or_default())).or_insert(holder);
            }
        }
        Ok(Self { app, projects, holders })
    }

    pub(in crate::http) fn entry(&self, listed: Listed) -> History {
        let own = own_id(self.app, &listed);
        let entry = listed.conversation;
        let named = (entry.agent, entry.native_id);
        let holder = self.holders.get(&named);
        // What it is called here comes before what its agent calls it.
        let title = holder.and_then(|holder| holder.title.clone());
        History {
            session_id: own.or_else(|| holder.map(|holder| holder.id.clone())),
            project: listed.project.and_then(|id| self.projects.get(&id).cloned()),
            agent: named.0,
            native_id: named.1,
            cwd: entry.cwd,
            title: title.clone().or(entry.title),
            custom_title: title.or(entry.custom_title),
            first_input: entry.first_input,
            git_branch: entry.git_branch,
            tags: entry.tags,
            archived: entry.archived == Some(true) || holder.is_some_and(|holder| holder.archived),
            model: entry.model,
            forked_from: entry.forked_from,
            subagents: entry.subagents,
            size_bytes: entry.size_bytes,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
        }
    }
}

/// The session that an entry is, if it is one of ours under its own id.
fn own_id(app: &App, listed: &Listed) -> Option<SessionId> {
    let entry = &listed.conversation;
    SessionId::parse(&entry.native_id).ok().filter(|_| app.history.is_own(&entry.path))
}
