//! Lists of sessions: every filter, alone and together, against a plain model; cursors.

use proptest::prelude::*;
use tenure_event::{ProjectId, WorkspaceId};
use tenure_log::{EventLog, LogOptions, MemoryLog, ProjectWork, SessionFilter, SessionRow, SqliteLog};

use crate::support::{change, public, put_row, row, ses};

super::contract!(
    newest_activity_comes_first,
    a_cursor_goes_on_where_the_page_ended,
    filters_narrow_the_list,
    destroyed_ones_are_shown_by_name_only,
    live_sessions_are_found,
    counts_are_by_lifecycle,
    work_is_summed_by_project,
);

fn filter() -> SessionFilter {
    SessionFilter { limit: 100, ..SessionFilter::default() }
}

async fn put(log: &impl EventLog, row: SessionRow) {
    log.append(change(row.id.as_str(), 0, vec![], vec![put_row(row.clone())])).await.expect("stored");
}

async fn ids(log: &impl EventLog, filter: SessionFilter) -> Vec<String> {
    let page = log.sessions(filter).await.expect("read");
    page.rows.iter().map(|r| r.id.to_string()).collect()
}

async fn newest_activity_comes_first(log: &impl EventLog) {
    for (id, ms) in [("a", 5), ("b", 9), ("c", 7), ("d", 7)] {
        put(log, row(id, ms)).await;
    }
    assert_eq!(ids(log, filter()).await, ["b", "d", "c", "a"]);
    put(log, row("a", 10)).await;
    assert_eq!(ids(log, filter()).await, ["a", "b", "d", "c"]);
    let page = log.sessions(SessionFilter { limit: 1, ..filter() }).await.expect("read");
    assert_eq!((page.rows, page.more), (vec![public(&row("a", 10))], true));
}

async fn a_cursor_goes_on_where_the_page_ended(log: &impl EventLog) {
    for n in 0..25 {
        let mut row = row(&format!("s{n}"), n / 4);
        row.archived = n % 2 == 0;
        put(log, row).await;
    }
    let whole = ids(log, filter()).await;
    for limit in [1, 3, 25] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = log.sessions(SessionFilter { limit, after, ..filter() }).await.expect("read");
            after = page.rows.last().map(|r| (r.updated_at, r.id.clone()));
            seen.extend(page.rows.iter().map(|r| r.id.to_string()));
            if !page.more {
                break;
            }
            assert_eq!(page.rows.len(), limit);
        }
        assert_eq!(seen, whole);
    }
}

async fn filters_narrow_the_list(log: &impl EventLog) {
    let mut odd = row("odd", 1);
    odd.activity = Some("running".to_owned());
    odd.agent = "claude".to_owned();
    odd.native_id = Some("n-1".to_owned());
    odd.project_id = ProjectId::parse("prj_2").expect("valid");
    odd.workspace_id = WorkspaceId::parse("wks_2").expect("valid");
    odd.cwd = "/home/me/two".to_owned();
    odd.title = Some("Änderung 100%".to_owned());
    odd.tags = vec!["red".to_owned(), "blue".to_owned()];
    odd.lifecycle = "suspended".to_owned();
    put(log, odd.clone()).await;
    for n in 0..5 {
        put(log, row(&format!("plain-{n}"), n)).await;
    }
    let mut archived = row("hidden", 9);
    archived.archived = true;
    put(log, archived).await;
    let some = |text: &str| Some(text.to_owned());
    let many = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    for (n, narrow) in [
        SessionFilter { activity: many(&["running", "waiting"]), ..filter() },
        SessionFilter { lifecycle: many(&["suspended", "closed"]), ..filter() },
        SessionFilter { agent: some("claude"), ..filter() },
        SessionFilter { native_id: some("n-1"), ..filter() },
        SessionFilter { project_id: Some(odd.project_id.clone()), ..filter() },
        SessionFilter { workspace_id: Some(odd.workspace_id.clone()), ..filter() },
        SessionFilter { cwd: some("/home/me/two"), ..filter() },
        SessionFilter { tag: some("blue"), ..filter() },
        SessionFilter { text: some("äNDERUNG 100%"), ..filter() },
        SessionFilter { text: some("OD"), ..filter() },
        SessionFilter { tag: some("red"), agent: some("claude"), archived: Some(false), ..filter() },
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(ids(log, narrow).await, ["odd"], "filter {n}");
    }
    assert_eq!(ids(log, SessionFilter { archived: Some(true), ..filter() }).await, ["hidden"]);
    assert_eq!(ids(log, SessionFilter { archived: Some(false), ..filter() }).await.len(), 6);
    assert_eq!(ids(log, SessionFilter { tag: some("re"), ..filter() }).await.len(), 0);
    odd.tags = vec!["green".to_owned()];
    put(log, odd).await;
    assert_eq!(ids(log, SessionFilter { tag: some("blue"), ..filter() }).await.len(), 0);
    assert_eq!(ids(log, SessionFilter { tag: some("green"), ..filter() }).await, ["odd"]);
}

async fn destroyed_ones_are_shown_by_name_only(log: &impl EventLog) {
    let mut gone = row("gone", 5);
    gone.lifecycle = "destroyed".to_owned();
    gone.activity = None;
    put(log, gone).await;
    put(log, row("here", 1)).await;
    assert_eq!(ids(log, filter()).await, ["here"]);
    let both = vec!["destroyed".to_owned(), "live".to_owned()];
    assert_eq!(ids(log, SessionFilter { lifecycle: both, ..filter() }).await, ["gone", "here"]);
    let destroyed = || vec!["destroyed".to_owned()];
    let hidden = SessionFilter { lifecycle: destroyed(), archived: Some(true), ..filter() };
    assert_eq!(ids(log, hidden).await.len(), 0);
    let shown = SessionFilter { lifecycle: destroyed(), archived: Some(false), ..filter() };
    assert_eq!(ids(log, shown).await, ["gone"]);
}

async fn live_sessions_are_found(log: &impl EventLog) {
    for n in 0..4 {
        let mut row = row(&format!("s{n}"), 1);
        row.live = n % 2 == 1;
        put(log, row).await;
    }
    assert_eq!(log.live_sessions().await.expect("read"), [ses("s1"), ses("s3")]);
    put(log, row("s1", 1)).await;
    assert_eq!(log.live_sessions().await.expect("read"), [ses("s3")]);
}

async fn counts_are_by_lifecycle(log: &impl EventLog) {
    for n in 0..3 {
        put(log, row(&format!("s{n}"), 1)).await;
    }
    let mut closed = row("c", 1);
    closed.lifecycle = "closed".to_owned();
    put(log, closed).await;
    let counts = log.counts().await.expect("read");
    assert_eq!(counts["sessions"], serde_json::json!({"closed": 1, "live": 3}));
    assert!(counts["bytes"].is_u64());
}

async fn work_is_summed_by_project(log: &impl EventLog) {
    let project = |name: &str| ProjectId::parse(name).expect("valid");
    let session = |id: &str, at_work: &str, cwd: &str, ms| SessionRow {
        project_id: project(at_work),
        cwd: cwd.to_owned(),
        ..row(id, ms)
    };
    for row in
        [session("a", "one", "/one", 5), session("b", "one", "/one", 9), session("c", "one", "/one/deep", 7)]
    {
        put(log, row).await;
    }
    put(log, session("d", "two", "/two", 1)).await;
    put(log, SessionRow { archived: true, ..session("e", "two", "/two", 2) }).await;
    put(
        log,
        SessionRow { lifecycle: "destroyed".to_owned(), activity: None, ..session("f", "two", "/two", 8) },
    )
    .await;
    let sum = |of: &str, cwd: &str, sessions, ms| ProjectWork {
        project_id: project(of),
        agent: row("x", 0).agent,
        cwd: cwd.to_owned(),
        sessions,
        updated_at: row("x", ms).updated_at,
    };
    let mut all = log.work(None).await.expect("read");
    all.sort();
    assert_eq!(all, [sum("one", "/one", 2, 9), sum("one", "/one/deep", 1, 7), sum("two", "/two", 2, 2)]);
    assert_eq!(log.work(Some(&project("two"))).await.expect("read"), [sum("two", "/two", 2, 2)]);
    assert_eq!(log.work(Some(&project("three"))).await.expect("read"), []);
}

fn word(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(words).prop_map(str::to_owned)
}

const LIFECYCLES: &[&str] = &["live", "closed", "destroyed"];
const ACTIVITIES: &[&str] = &["idle", "running"];
const WORDS: &[&str] = &["x", "y"];

prop_compose! {
    fn any_row()(
        (id, updated, life) in (0..12_u8, 0..4_i64, word(LIFECYCLES)),
        activity in proptest::option::of(word(ACTIVITIES)),
        (agent, native, cwd) in (word(WORDS), proptest::option::of(word(WORDS)), word(WORDS)),
        (project, workspace, title) in (word(WORDS), word(WORDS), proptest::option::of(word(WORDS))),
        (tags, archived) in (proptest::collection::vec(word(WORDS), 0..3), any::<bool>()),
    ) -> SessionRow {
        SessionRow {
            lifecycle: life,
            activity,
            agent,
            native_id: native,
            cwd,
            project_id: ProjectId::parse(&project).expect("valid"),
            workspace_id: WorkspaceId::parse(&workspace).expect("valid"),
            title,
            tags,
            archived,
            ..row(&format!("s{id}"), updated)
        }
    }
}

prop_compose! {
    fn any_filter()(
        lifecycle in proptest::collection::vec(word(LIFECYCLES), 0..3),
        activity in proptest::collection::vec(word(ACTIVITIES), 0..2),
        (agent, native, cwd) in (
            proptest::option::weighted(0.3, word(WORDS)),
            proptest::option::weighted(0.2, word(WORDS)),
            proptest::option::weighted(0.3, word(WORDS)),
        ),
        (project, workspace, text) in (
            proptest::option::weighted(0.3, word(WORDS)),
            proptest::option::weighted(0.3, word(WORDS)),
            proptest::option::weighted(0.3, word(&["X", "s1", "z"])),
        ),
        (tag, archived) in (proptest::option::weighted(0.3, word(WORDS)), any::<Option<bool>>()),
        natives in proptest::collection::vec(word(&["x", "z"]), 0..2),
        (after, limit) in (proptest::option::of((0..4_i64, 0..14_u8)), 1..6_usize),
    ) -> SessionFilter {
        SessionFilter {
            lifecycle,
            activity,
            agent,
            native_id: native,
            native_ids: natives,
            cwd,
            project_id: project.map(|p| ProjectId::parse(&p).expect("valid")),
            workspace_id: workspace.map(|w| WorkspaceId::parse(&w).expect("valid")),
            text,
            tag,
            archived,
            after: after.map(|(ms, id)| (crate::support::at(ms), ses(&format!("s{id}")))),
            limit,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the rows and the filter, an index finds what looking at every row finds.
    #[test]
    fn indexes_find_what_is_there(
        rows in proptest::collection::vec(any_row(), 1..30),
        filters in proptest::collection::vec(any_filter(), 20),
    ) {
        let home = tempfile::tempdir().expect("scratch");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        runtime.block_on(async {
            let sqlite = SqliteLog::open(home.path(), LogOptions::default()).expect("opens");
            let memory = MemoryLog::new();
            for row in rows {
                put(&sqlite, row.clone()).await;
                put(&memory, row).await;
            }
            for filter in filters {
                let found = sqlite.sessions(filter.clone()).await.expect("read");
                let plain = memory.sessions(filter.clone()).await.expect("read");
                assert_eq!((found.rows, found.more), (plain.rows, plain.more), "{filter:?}");
            }
        });
    }
}
