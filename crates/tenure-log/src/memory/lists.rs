//! What can be listed of the log in memory: by looking at every row.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tenure_event::{AskState, ProjectId, SessionId, Timestamp, WorkspaceId};

use super::tables::Tables;
use crate::{
    InputRow, ProjectRow, ProjectWork, SessionFilter, SessionPage, SessionRow, StoredAsk, WorkspaceRow,
};

impl Tables {
    pub(super) fn row(&self, id: &SessionId) -> Option<SessionRow> {
        self.sessions.get(id).map(|(_, row)| without_state(row))
    }

    pub(super) fn list(&self, filter: &SessionFilter) -> SessionPage {
        let mut found: Vec<_> = self
            .sessions
            .values()
            .filter(|(_, row)| passes(filter, row))
            .map(|(no, row)| (place(row.updated_at, *no), row))
            .collect();
        if let Some((at, id)) = &filter.after {
            let no = self.sessions.get(id).map_or(0, |(no, _)| *no);
            found.retain(|(found, _)| *found > place(*at, no));
        }
        found.sort_by_key(|(place, _)| *place);
        let limit = filter.limit.max(1);
        let more = found.len() > limit;
        SessionPage { rows: found.into_iter().take(limit).map(|(_, row)| without_state(row)).collect(), more }
    }

    pub(super) fn live(&self) -> Vec<SessionId> {
        let mut live: Vec<_> = self.sessions.values().filter(|(_, row)| row.live).collect();
        live.sort_by_key(|(no, _)| *no);
        live.into_iter().map(|(_, row)| row.id.clone()).collect()
    }

    pub(super) fn lifecycles(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for (_, row) in self.sessions.values() {
            *counts.entry(row.lifecycle.as_str()).or_default() += 1;
        }
        counts
    }

    pub(super) fn asks(
        &self,
        session: Option<&SessionId>,
        states: &[AskState],
        limit: usize,
    ) -> Vec<StoredAsk> {
        let mut found: Vec<_> = self
            .asks
            .values()
            .filter(|ask| session.is_none_or(|s| ask.session_id == *s))
            .filter(|ask| states.is_empty() || states.contains(&ask.state))
            .cloned()
            .collect();
        found.sort_by(|a, b| (b.opened_at, &b.id).cmp(&(a.opened_at, &a.id)));
        found.truncate(limit);
        found
    }

    pub(super) fn inputs(&self, session: &SessionId, limit: usize) -> Vec<InputRow> {
        let mut found: Vec<_> = self.inputs.values().filter(|i| i.session_id == *session).cloned().collect();
        found.sort_by(|a, b| (b.admitted_seq, &b.id).cmp(&(a.admitted_seq, &a.id)));
        found.truncate(limit);
        found
    }

    pub(super) fn workspace_at(&self, path: &str) -> Option<WorkspaceRow> {
        let here = self.workspaces.values().filter(|w| w.path == path);
        here.min_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id))).cloned()
    }

    pub(super) fn workspaces(&self, after: Option<&WorkspaceId>, limit: usize) -> Vec<WorkspaceRow> {
        let later = self.workspaces.values().filter(|w| after.is_none_or(|after| w.id > *after));
        let mut all: Vec<_> = later.cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.truncate(limit);
        all
    }

    pub(super) fn projects(&self) -> Vec<ProjectRow> {
        let mut all: Vec<_> = self.projects.values().cloned().collect();
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        all
    }

    pub(super) fn work(&self, project: Option<&ProjectId>) -> Vec<ProjectWork> {
        let mut sums: BTreeMap<(&ProjectId, &str, &str), (u64, Timestamp)> = BTreeMap::new();
        let here = self.sessions.values().map(|(_, row)| row).filter(|row| row.lifecycle != "destroyed");
        for row in here.filter(|row| project.is_none_or(|project| row.project_id == *project)) {
            let key = (&row.project_id, row.agent.as_str(), row.cwd.as_str());
            let sum = sums.entry(key).or_insert((0, row.updated_at));
            *sum = (sum.0 + 1, sum.1.max(row.updated_at));
        }
        let told =
            |((project_id, agent, cwd), (sessions, updated_at)): ((&ProjectId, &str, &str), _)| ProjectWork {
                project_id: project_id.clone(),
                agent: agent.to_owned(),
                cwd: cwd.to_owned(),
                sessions,
                updated_at,
            };
        sums.into_iter().map(told).collect()
    }
}

/// Newest activity first; of the same instant the younger session first.
fn place(updated_at: Timestamp, no: u64) -> (Reverse<Timestamp>, Reverse<u64>) {
    (Reverse(updated_at), Reverse(no))
}

fn without_state(row: &SessionRow) -> SessionRow {
    SessionRow { state: Vec::new(), ..row.clone() }
}

fn passes(filter: &SessionFilter, row: &SessionRow) -> bool {
    fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
        wanted.is_none_or(|w| w == found)
    }
    let lifecycle = if filter.lifecycle.is_empty() {
        row.lifecycle != "destroyed"
    } else {
        filter.lifecycle.contains(&row.lifecycle)
    };
    let activity =
        filter.activity.is_empty() || row.activity.as_ref().is_some_and(|a| filter.activity.contains(a));
    let text = filter.text.as_ref().is_none_or(|text| {
        let text = text.to_lowercase();
        row.id.as_str().to_lowercase().contains(&text)
            || row.title.as_ref().is_some_and(|t| t.to_lowercase().contains(&text))
    });
    lifecycle
        && activity
        && text
        && is(filter.agent.as_ref(), &row.agent)
        && is(filter.project_id.as_ref(), &row.project_id)
        && is(filter.workspace_id.as_ref(), &row.workspace_id)
        && is(filter.cwd.as_ref(), &row.cwd)
        && filter.native_id.as_ref().is_none_or(|n| row.native_id.as_ref() == Some(n))
        && (filter.native_ids.is_empty()
            || row.native_id.as_ref().is_some_and(|n| filter.native_ids.contains(n)))
        && filter.tag.as_ref().is_none_or(|t| row.tags.contains(t))
        && filter.archived.is_none_or(|a| row.archived == a)
}
