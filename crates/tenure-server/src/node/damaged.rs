//! A session of which something cannot be read, as it is shown all the same: what its row in the list says, and that
//! it is not well. Nothing is made up: what is not known is null or empty.

use serde_json::json;
use tenure_api::Session;
use tenure_event::{Health, HealthReason, HealthState};
use tenure_log::SessionRow;

/// Of every such session.
pub(super) const HEALTH: Health = Health { state: HealthState::Unhealthy, why: Some(HealthReason::Storage) };

/// A session whose view cannot be read.
pub(super) fn from_row(row: &SessionRow, node: &str) -> Option<Session> {
    let view = json!({
        "id": row.id, "agent": row.agent, "native_id": row.native_id, "title": row.title, "tags": row.tags,
        "metadata": {}, "cwd": row.cwd,
        "workspace": {"id": row.workspace_id, "kind": "directory", "path": row.cwd},
        "project": {"id": row.project_id, "path": row.cwd},
        "lifecycle": row.lifecycle, "activity": null, "last_outcome": null, "archived": row.archived,
        "health": HEALTH, "tasks_running": 0, "model": null, "mode": null, "effort": null, "epoch": 0,
        "queue": [], "pending_asks": [], "usage": tenure_event::Usage::default(), "node": node, "last_seq": 0,
        "created_at": row.created_at, "updated_at": row.updated_at,
    });
    serde_json::from_value(view).ok()
}

#[cfg(test)]
mod tests {
    use tenure_event::{ProjectId, SessionId, Timestamp, WorkspaceId};

    use super::*;

    #[test]
    fn a_row_alone_is_enough_to_be_shown() {
        let at = Timestamp::from_millis(1);
        let row = SessionRow {
            id: SessionId::parse("s").expect("valid"),
            lifecycle: "suspended".to_owned(),
            activity: None,
            agent: "scripted".to_owned(),
            native_id: None,
            project_id: ProjectId::parse("p").expect("valid"),
            workspace_id: WorkspaceId::parse("w").expect("valid"),
            cwd: "/work".to_owned(),
            title: Some("title".to_owned()),
            tags: vec!["tag".to_owned()],
            archived: false,
            live: false,
            created_at: at,
            updated_at: at,
            view: String::new(),
            state: Vec::new(),
        };
        let shown = from_row(&row, "node").expect("a session");
        assert_eq!((shown.id.as_str(), shown.title.as_deref()), ("s", Some("title")));
        assert_eq!(shown.axes.health, HEALTH);
    }
}
