//! Every filter is served by an index, in order.

use super::*;
use crate::sqlite::schema;
use tenure_event::{ProjectId, WorkspaceId};

/// How SQLite would run the walks of a list.
fn plan(db: &Connection, filter: &SessionFilter) -> String {
    let driver = driver(filter);
    let mut plan = String::new();
    for value in values(&driver) {
        let (sql, values) = query(filter, &driver, value, USUAL, Some((5, 5)));
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("valid");
        let mut rows = explain.query(params_from_iter(values)).expect("explained");
        while let Some(row) = rows.next().expect("row") {
            plan += &row.get::<_, String>(3).expect("text");
            plan += "\n";
        }
    }
    plan
}

#[test]
fn no_list_scans_or_sorts() {
    let home = tempfile::tempdir().expect("scratch");
    let db = schema::open(&home.path().join("tenure.db")).expect("made");
    let (some, many) = (|| Some("x".to_owned()), || vec!["x".to_owned(), "y".to_owned()]);
    let none = SessionFilter::default;
    for (index, filter) in [
        ("sessions_recent", none()),
        ("COVERING INDEX sessions_recent", SessionFilter { text: some(), ..none() }),
        ("sessions_lifecycle", SessionFilter { lifecycle: many(), ..none() }),
        ("sessions_activity", SessionFilter { activity: many(), ..none() }),
        ("sessions_agent", SessionFilter { agent: some(), ..none() }),
        ("sessions_project", SessionFilter { project_id: ProjectId::parse("x").ok(), ..none() }),
        ("sessions_workspace", SessionFilter { workspace_id: WorkspaceId::parse("x").ok(), ..none() }),
        ("sessions_cwd", SessionFilter { cwd: some(), ..none() }),
        ("sessions_native", SessionFilter { native_id: some(), ..none() }),
        ("sessions_native", SessionFilter { native_ids: many(), ..none() }),
        ("SEARCH t USING PRIMARY KEY", SessionFilter { tag: some(), ..none() }),
        ("sessions_agent", SessionFilter { agent: some(), text: some(), lifecycle: many(), ..none() }),
    ] {
        let plan = plan(&db, &filter);
        assert!(plan.contains(index), "{index} in\n{plan}");
        assert!(!plan.contains("SCAN s") && !plan.contains("SCAN t") && !plan.contains("B-TREE"), "{plan}");
    }
}
