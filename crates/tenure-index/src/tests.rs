//! The index over a reader that holds its conversations in memory, so that each test says what changes and when.

mod near;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tenure_event::{Message, MessageId, Part, PartBody, Role, Timestamp, ToolPart, ToolState, Usage};
use tenure_history::{
    Conversation, Counted, Each, FileMark, Found, Item, Mark, Messages, Place, ReadError, Reader, Said,
    Sighting, Stamp, ToolOutcome, Want,
};

use crate::{
    By, Index, ListWant, Looker, Opened, Order, Pace, Prices, Progress, Round, SearchWant, UsageWant, Writer,
};

type Shelf = Arc<Mutex<BTreeMap<String, Kept>>>;

/// A conversation of the reader below.
#[derive(Clone, Default)]
struct Kept {
    items: Vec<Item>,
    /// Raised when what was there before is not there any more.
    edition: u64,
    cwd: &'static str,
    forked_at: i64,
}

struct Shelves {
    all: Shelf,
    dir: PathBuf,
    /// All are in one file of this name, as in a database.
    database: Option<&'static str>,
}

impl Shelves {
    fn found(&self, id: &str, kept: &Kept) -> Found {
        Found {
            agent: "claude".into(),
            native_id: id.to_owned(),
            path: self.dir.join(self.database.unwrap_or(id)),
            parts: Vec::new(),
            size_bytes: kept.items.len() as u64,
            modified: kept.items.iter().filter_map(said_at).max().unwrap_or_default(),
            name: None,
            stamp: Stamp { size: kept.items.len() as u64, modified_ns: 0, other: kept.edition },
        }
    }
}

impl Reader for Shelves {
    fn agent(&self) -> &'static str {
        "claude"
    }

    fn roots(&self) -> Vec<PathBuf> {
        vec![self.dir.clone()]
    }

    fn scan(&self, each: &mut dyn FnMut(Sighting)) {
        for (id, kept) in self.all.lock().unwrap().iter() {
            each(Sighting::Found(self.found(id, kept)));
        }
    }

    fn at(&self, path: &Path) -> Option<Found> {
        let id = path.file_name()?.to_str()?;
        Some(self.found(id, self.all.lock().unwrap().get(id)?))
    }

    fn describe(&self, found: &Found) -> Result<Option<Conversation>, ReadError> {
        let kept = self.all.lock().unwrap()[&found.native_id].clone();
        let first = kept.items.iter().find_map(|item| match item {
            Item::Message(said) => Some(said.message.text.clone()),
            _ => None,
        });
        let entry = Conversation {
            cwd: Some(kept.cwd.to_owned()),
            created_at: Some(Timestamp::from_millis(kept.forked_at)),
            first_input: first.clone(),
            title: first.clone(),
            ..Conversation::of(found)
        };
        Ok(first.is_some().then_some(entry))
    }

    fn read(&self, found: &Found, mark: Option<&Mark>, each: &mut Each<'_>) -> Result<Mark, ReadError> {
        let kept = self.all.lock().unwrap()[&found.native_id].clone();
        let place = mark.and_then(|mark| mark.file(&found.path));
        let same = place.filter(|place| place.head == kept.edition);
        if place.is_some() && same.is_none() {
            let _ = each(Item::Reset);
        }
        let mut at = same.map_or(0, |place| usize::try_from(place.offset).unwrap());
        while let Some(item) = kept.items.get(at) {
            at += 1;
            if each(item.clone()).is_break() {
                break;
            }
        }
        let mut end = Mark::default();
        let head = kept.edition;
        end.set(FileMark { path: found.path.clone(), head, offset: at as u64, ..FileMark::default() });
        Ok(end)
    }

    fn messages(&self, _: &Found, _: &Want) -> Result<Messages, ReadError> {
        Ok(Messages::default())
    }
}

fn said_at(item: &Item) -> Option<Timestamp> {
    match item {
        Item::Message(said) => Some(said.message.ts),
        _ => None,
    }
}

fn place() -> Place {
    Place { path: "x".into(), offset: 0 }
}

fn message(ms: i64, role: Role, id: &str, body: PartBody) -> Item {
    let part = Part { id: format!("{id}.0"), body, bytes: None, blob: None };
    let text = match &part.body {
        PartBody::Text { text } => text.clone(),
        _ => String::new(),
    };
    Item::Message(Box::new(Said {
        message: Message {
            id: MessageId::parse(&format!("msg_{id}")).unwrap(),
            native_ids: vec![id.to_owned()],
            role,
            parts: vec![part],
            text,
            turn_id: None,
            seq: None,
            ts: Timestamp::from_millis(ms),
            model: None,
            usage: None,
            partial: false,
            origin: None,
            parent_tool_id: None,
            epoch: 0,
        },
        hidden: false,
        subagent: None,
        place: place(),
    }))
}

fn text(ms: i64, role: Role, id: &str, text: &str) -> Item {
    message(ms, role, id, PartBody::Text { text: text.to_owned() })
}

fn counted(key: &str, model: &str, tokens: u64) -> Item {
    Item::Used(Counted {
        key: key.to_owned(),
        ts: Timestamp::from_millis(86_400_000),
        model: Some(model.to_owned()),
        usage: Usage { input_tokens: tokens, ..Usage::default() },
        message_id: None,
        subagent: None,
    })
}

struct Ground {
    _dir: tempfile::TempDir,
    path: PathBuf,
    shelf: Shelf,
    index: Index,
    writer: Writer,
    database: Option<&'static str>,
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().to_owned();
        let (index, opened) = Index::open(&path.join("search.db")).unwrap();
        assert_eq!(opened, Opened::Anew(None));
        let writer = index.writer().unwrap();
        Self { _dir: dir, path, shelf: Shelf::default(), index, writer, database: None }
    }

    /// Puts a conversation, whose file is there too.
    fn put(&self, id: &str, kept: Kept) {
        std::fs::write(self.path.join(id), "").unwrap();
        self.shelf.lock().unwrap().insert(id.to_owned(), kept);
    }

    fn add(&self, id: &str, item: Item) {
        self.shelf.lock().unwrap().get_mut(id).unwrap().items.push(item);
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Shelves { all: Arc::clone(&self.shelf), dir: self.path.clone(), database: self.database })
    }

    fn round(&mut self) -> Round {
        self.round_while(&mut |_| ControlFlow::Continue(()))
    }

    fn round_while(&mut self, mut go_on: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Round {
        self.round_at(&mut go_on)
    }

    fn round_at(&mut self, pace: &mut dyn Pace) -> Round {
        let reader = self.reader();
        self.writer.round(&[reader], &mut |cwd| Some(format!("project{cwd}")), pace).unwrap()
    }

    /// Looks at the files of these conversations alone.
    fn look_at(&mut self, ids: &[&str]) -> Round {
        let (reader, paths) = (self.reader(), ids.iter().map(|id| self.path.join(id)).collect::<Vec<_>>());
        let mut pace = |_: Progress| ControlFlow::Continue(());
        self.writer.look_at(&[reader], &paths, &mut |_| None, &mut pace).unwrap()
    }

    fn looker(&self) -> Looker {
        self.index.looker().unwrap()
    }

    fn find(&self, text: &str) -> Vec<String> {
        self.found(&SearchWant { text: text.to_owned(), limit: 10, ..SearchWant::default() })
    }

    fn found(&self, want: &SearchWant) -> Vec<String> {
        let hits = self.looker().search(want).unwrap();
        hits.items.iter().map(|hit| hit.snippet.clone()).collect()
    }
}

fn two_messages() -> Kept {
    let items = vec![
        text(1_000, Role::User, "a", "mend the pump"),
        text(2_000, Role::Assistant, "b", "The pump runs"),
    ];
    Kept { items, cwd: "/repo", ..Kept::default() }
}

#[test]
fn what_was_said_is_found_newest_first_and_only_what_is_new_is_read_again() {
    let mut ground = Ground::new();
    ground.put("one", two_messages());
    let round = ground.round();
    assert_eq!((round.progress.found, round.progress.to_read, round.progress.read), (1, 1, 1));
    assert_eq!(ground.find("pump"), ["The pump runs", "mend the pump"]);
    assert_eq!(ground.find("PÜMP run*"), ["The pump runs"], "neither case nor accents matter");

    ground.add("one", text(3_000, Role::User, "c", "and now the valve"));
    assert_eq!(ground.round().progress.to_read, 1);
    assert_eq!(ground.find("pump").len(), 2, "nothing is there twice");
    assert_eq!(ground.find("valve"), ["and now the valve"]);
    assert_eq!(ground.round().progress.to_read, 0, "nothing has changed");
}

#[test]
fn a_file_that_was_replaced_leaves_nothing_of_what_it_held() {
    let mut ground = Ground::new();
    ground.put("one", two_messages());
    ground.round();
    let items = vec![text(5_000, Role::User, "n", "something else")];
    ground.put("one", Kept { items, edition: 1, ..Kept::default() });
    ground.round();
    assert!(ground.find("pump").is_empty());
    assert_eq!(ground.find("else"), ["something else"]);
}

#[test]
fn a_conversation_whose_file_is_gone_is_forgotten_and_one_that_only_cannot_be_seen_is_not() {
    let mut ground = Ground::new();
    ground.put("one", two_messages());
    ground.put("two", two_messages());
    ground.round();
    ground.shelf.lock().unwrap().clear();
    std::fs::remove_file(ground.path.join("one")).unwrap();
    assert_eq!(ground.round().removed, 1);
    let list = ground.looker().list(&ListWant { limit: 10, ..ListWant::default() }).unwrap();
    let ids: Vec<&str> = list.items.iter().map(|item| item.conversation.native_id.as_str()).collect();
    assert_eq!(ids, ["two"]);
    assert_eq!(ground.find("pump").len(), 2);
}

#[test]
fn what_a_database_does_not_have_any_more_is_forgotten() {
    let mut ground = Ground::new();
    ground.database = Some("all.db");
    std::fs::write(ground.path.join("all.db"), "").unwrap();
    for id in ["one", "two", "three"] {
        ground.put(id, two_messages());
    }
    ground.round();
    ground.shelf.lock().unwrap().remove("two");
    assert_eq!(ground.round().removed, 1);
    assert_eq!(ground.looker().counts().unwrap(), (2, 2));
}

#[test]
fn a_writer_and_a_looker_know_that_their_file_was_removed() {
    let mut ground = Ground::new();
    ground.put("one", two_messages());
    ground.round();
    let looker = ground.looker();
    assert!(ground.writer.stands(&ground.index) && looker.stands(&ground.index));
    std::fs::remove_file(ground.index.path()).unwrap();
    assert!(!ground.writer.stands(&ground.index) && !looker.stands(&ground.index));
    let (index, opened) = Index::open(ground.index.path()).unwrap();
    assert_eq!(opened, Opened::Anew(None));
    assert!(!ground.writer.stands(&index) && !looker.stands(&index), "another file of the same name");
}

#[test]
fn a_round_that_is_broken_off_goes_on_where_it_was() {
    let mut ground = Ground::new();
    let long = "word ".repeat(100_000);
    let items = (0..20).map(|n| text(1_000 + n, Role::User, &format!("m{n}"), &format!("{long} end{n}")));
    ground.put("one", Kept { items: items.collect(), ..Kept::default() });
    let mut steps = 0;
    let round = ground.round_while(&mut |_| {
        steps += 1;
        if steps == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(round.broken_off && round.progress.read == 0);
    assert_eq!(ground.looker().counts().unwrap(), (1, 0));
    let before = ground.find("end0").len() + ground.find("end19").len();
    assert_eq!(before, 1, "some of it is there");

    // As after a kill: another writer, which knows nothing but the file.
    ground.writer = ground.index.writer().unwrap();
    let rest = ground.round();
    assert!(rest.progress.bytes < 20 * 500_000, "it did not begin again");
    let want = SearchWant { text: "word".into(), limit: 100, ..SearchWant::default() };
    assert_eq!(ground.found(&want).len(), 20);
    assert_eq!(ground.looker().counts().unwrap(), (1, 1));
}

/// A past of which a round, broken off when one conversation was listed or read, leaves most to do.
fn begun_with_much_to_do(ground: &mut Ground, break_off: &dyn Fn(Progress, (u64, u64)) -> bool) {
    let long = "word ".repeat(100_000);
    let items = (0..20).map(|n| text(9_000 + n, Role::User, &format!("m{n}"), &long));
    ground.put("large", Kept { items: items.collect(), ..Kept::default() });
    for n in 0..500_i64 {
        let items = vec![text(1_000 + n, Role::User, &format!("o{n}"), "one of many")];
        ground.put(&format!("other{n}"), Kept { items, ..Kept::default() });
    }
    let looker = ground.looker();
    let round = ground.round_while(&mut |progress| {
        let is_enough = break_off(progress, looker.counts().unwrap());
        if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(round.broken_off && round.progress.read == 0);
}

/// How far the list and the reading were when a word was found, in a round that is not broken off.
fn when_found(ground: &mut Ground, word: &str) -> (u64, u64) {
    let mut looker = ground.looker();
    let want = SearchWant { text: word.to_owned(), limit: 10, ..SearchWant::default() };
    let mut when = None;
    let round = ground.round_while(&mut |_| {
        if when.is_none() && !looker.search(&want).unwrap().items.is_empty() {
            when = Some(looker.counts().unwrap());
        }
        ControlFlow::Continue(())
    });
    assert!(!round.broken_off);
    let (all, read) = looker.counts().unwrap();
    assert_eq!(all, read, "and nothing was forgotten over it");
    when.unwrap()
}

#[test]
fn what_grows_while_a_large_conversation_is_read_is_found_before_that_is() {
    let mut ground = Ground::new();
    begun_with_much_to_do(&mut ground, &|progress, _| progress.bytes > 0);
    ground.add("other7", text(1_900, Role::User, "new", "a rare giraffe"));
    let (all, read) = when_found(&mut ground, "giraffe");
    assert_eq!((all, read), (501, 1));
}

#[test]
fn what_begins_while_a_large_past_is_listed_is_found_before_that_is_listed() {
    let mut ground = Ground::new();
    begun_with_much_to_do(&mut ground, &|_, (all, _)| all > 0);
    // Older than all others, as its file says: that it is new is what counts.
    ground.put("begun", Kept { items: vec![text(1, Role::User, "b", "a rare zebra")], ..Kept::default() });
    let (all, read) = when_found(&mut ground, "zebra");
    assert!(all < 501 && read == 1, "{all} {read}");
}

#[test]
fn a_large_growth_does_not_hide_a_small_one_and_comes_next_if_it_was_cut_short() {
    let mut ground = Ground::new();
    begun_with_much_to_do(&mut ground, &|progress, _| progress.bytes > 0);
    ground.add("large", text(9_900, Role::User, "last", "a rare walrus"));
    ground.add("other3", text(1_900, Role::User, "new", "a rare giraffe"));
    let looker = ground.looker();
    let round = ground.round_while(&mut |progress| {
        if progress.read == 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(round.broken_off && !ground.find("giraffe").is_empty());
    assert_eq!(looker.counts().unwrap().1, 1, "the large one is not read");
    assert_eq!(when_found(&mut ground, "walrus"), (501, 2), "before the many");
}

#[test]
fn tools_are_found_by_name_by_file_and_by_what_they_gave() {
    let mut ground = Ground::new();
    let call = ToolPart {
        tool_id: "t1".into(),
        tool: "Edit".into(),
        title: "Edit".into(),
        input: json!({"file_path": "/repo/src/pump.rs", "old_string": "slow", "new_string": "fast"}),
        ..ToolPart::default()
    };
    let outcome = ToolOutcome {
        tool_id: "t1".into(),
        message_id: None,
        state: ToolState::Completed,
        output: Some(json!("three lines were changed")),
        error: None,
        ts: Timestamp::from_millis(3_000),
        native_id: None,
        subagent: None,
        place: place(),
    };
    let items = vec![
        text(1_000, Role::User, "u", "make it fast"),
        message(2_000, Role::Assistant, "e", PartBody::Tool(call)),
        Item::ToolEnded(outcome),
    ];
    ground.put("one", Kept { items, ..Kept::default() });
    ground.round();
    let by = |want: SearchWant| ground.found(&SearchWant { limit: 10, ..want }).len();
    assert_eq!(by(SearchWant { tools: vec!["edit".into()], ..SearchWant::default() }), 1);
    assert_eq!(by(SearchWant { tools: vec!["Bash".into()], ..SearchWant::default() }), 0);
    assert_eq!(by(SearchWant { file: Some("src/pump.rs".into()), ..SearchWant::default() }), 1);
    assert_eq!(by(SearchWant { file: Some("pump.py".into()), ..SearchWant::default() }), 0);
    assert_eq!(by(SearchWant { text: "fast".into(), ..SearchWant::default() }), 2);
    let users = SearchWant { text: "fast".into(), roles: vec!["user".into()], ..SearchWant::default() };
    assert_eq!(by(users), 1);
    let given = SearchWant { text: "changed".into(), roles: vec!["tool".into()], ..SearchWant::default() };
    assert_eq!(by(given), 1);
    assert_eq!(by(SearchWant { text: "xr75736572".into(), ..SearchWant::default() }), 0, "no facet is text");
}

#[test]
fn pages_of_hits_meet_without_a_gap_in_both_orders() {
    let mut ground = Ground::new();
    let items = (0..25).map(|n| text(1_000, Role::User, &format!("m{n}"), &format!("pump {n}")));
    ground.put("one", Kept { items: items.collect(), ..Kept::default() });
    ground.round();
    for order in [Order::Newest, Order::Rank] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let want = SearchWant { text: "pump".into(), order, cursor, limit: 10, ..SearchWant::default() };
            let hits = ground.looker().search(&want).unwrap();
            seen.extend(hits.items.into_iter().map(|hit| hit.message_id.unwrap()));
            cursor = hits.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 25);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 25, "{order:?}");
    }
}

#[test]
fn a_list_is_paged_and_narrowed() {
    let mut ground = Ground::new();
    for n in 0..7_i64 {
        let cwd = if n % 2 == 0 { "/even" } else { "/odd" };
        let items = vec![text(1_000 * n, Role::User, &format!("m{n}"), &format!("Task {n}"))];
        ground.put(&format!("c{n}"), Kept { items, cwd, ..Kept::default() });
    }
    ground.put("empty", Kept::default());
    ground.round();
    let looker = ground.looker();
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = looker.list(&ListWant { limit: 3, cursor, ..ListWant::default() }).unwrap();
        ids.extend(page.items.into_iter().map(|item| item.conversation.native_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]);
    let count = |want: ListWant| looker.list(&ListWant { limit: 10, ..want }).unwrap().items.len();
    assert_eq!(count(ListWant { cwds: vec!["/odd".into()], ..ListWant::default() }), 3);
    assert_eq!(count(ListWant { projects: vec!["project/even".into()], ..ListWant::default() }), 4);
    assert_eq!(count(ListWant { text: Some("TASK 3".into()), ..ListWant::default() }), 1);
    assert_eq!(count(ListWant { since: Some(Timestamp::from_millis(5_000)), ..ListWant::default() }), 2);
    assert_eq!(count(ListWant { agent: Some("codex".into()), ..ListWant::default() }), 0);
    assert!(looker.list(&ListWant { cursor: Some("x".into()), ..ListWant::default() }).is_err());
}

#[test]
fn what_a_fork_carries_along_is_counted_once_for_the_one_that_had_it_first() {
    let mut ground = Ground::new();
    let model = "claude-sonnet-4-5";
    let mut first = two_messages();
    first.items.extend([counted("k1", model, 1_000_000), counted("k1", model, 2_000_000)]);
    let mut fork = two_messages();
    fork.items.extend([counted("k1", model, 2_000_000), counted("k2", "nobody-knows-it", 500)]);
    fork.forked_at = 10;
    // The fork is read first.
    ground.put("a-fork", fork);
    ground.put("b-first", first);
    ground.round();
    let want = UsageWant {
        by: By::Conversation,
        agent: None,
        projects: Vec::new(),
        cwds: Vec::new(),
        model: None,
        since: None,
        until: None,
        offset_seconds: 0,
    };
    let prices = Prices::with(&BTreeMap::new());
    let (rows, total) = ground.looker().usage(&want, &prices).unwrap();
    assert_eq!(rows[0].key.as_deref(), Some("claude/b-first"));
    assert_eq!((rows[0].usage.input_tokens, rows[0].usage.cost_usd), (2_000_000, Some(6.0)));
    assert_eq!((rows[1].usage.input_tokens, rows[1].usage.cost_usd), (500, None));
    assert_eq!(rows[1].unpriced, ["nobody-knows-it"]);
    assert_eq!((total.calls, total.usage.input_tokens, total.usage.cost_usd), (2, 2_000_500, None));
    let (days, _) = ground.looker().usage(&UsageWant { by: By::Day, ..want }, &prices).unwrap();
    assert_eq!(days[0].key.as_deref(), Some("1970-01-02"));
}

#[test]
fn a_file_that_is_no_index_is_made_anew_and_a_good_one_is_kept() {
    let mut ground = Ground::new();
    ground.put("one", two_messages());
    ground.round();
    let path: &Path = &ground.path.join("search.db");
    assert_eq!(Index::open(path).unwrap().1, Opened::Kept);
    drop(ground.writer);
    std::fs::write(path, "no database").unwrap();
    let (index, opened) = Index::open(path).unwrap();
    assert!(matches!(opened, Opened::Anew(Some(_))), "{opened:?}");
    assert_eq!(index.looker().unwrap().counts().unwrap(), (0, 0));
}
