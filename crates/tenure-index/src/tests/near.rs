//! Looking at what is known to have changed, alone and between two steps of a round; and beginning anew.

use std::ops::ControlFlow;
use std::path::PathBuf;

use tenure_event::Role;

use super::{Ground, Kept, text, two_messages};
use crate::{Index, Opened, Pace, Progress};

#[test]
fn what_has_changed_is_looked_at_alone() {
    let mut ground = Ground::new();
    for id in ["one", "two", "gone"] {
        ground.put(id, two_messages());
    }
    ground.round();
    ground.add("one", text(3_000, Role::User, "c", "a rare giraffe"));
    ground.add("two", text(3_000, Role::User, "d", "a rare okapi"));
    ground.put("new", Kept { items: vec![text(4_000, Role::User, "e", "a rare quokka")], ..Kept::default() });
    ground.shelf.lock().unwrap().remove("gone");
    std::fs::remove_file(ground.path.join("gone")).unwrap();

    let round = ground.look_at(&["one", "one", "new"]);
    assert_eq!((round.progress.found, round.progress.read, round.only_whole), (2, 2, false));
    assert_eq!(ground.find("rare"), ["a rare quokka", "a rare giraffe"], "nobody looked at the other");
    assert_eq!(ground.find("pump").len(), 6, "nothing is taken for gone");
    assert_eq!(ground.look_at(&["one"]).progress.to_read, 0, "it is as it was");
    assert!(ground.look_at(&["gone"]).only_whole, "only a look at everything can tell");

    let round = ground.round();
    assert_eq!((round.progress.to_read, round.removed), (1, 1));
    assert_eq!(ground.find("rare").len(), 3);
}

/// Hears of a change once, after three steps.
struct Hears {
    steps: usize,
    path: Option<PathBuf>,
    change: Box<dyn FnMut()>,
    /// Asked whenever a step is done.
    found: Box<dyn Fn() -> bool>,
    /// After how many steps it was found.
    found_at: Option<usize>,
    bytes: u64,
}

impl Hears {
    /// Makes this change to what is there.
    fn of(path: PathBuf, change: impl FnMut() + 'static) -> Self {
        let found = Box::new(|| false);
        Self { steps: 0, path: Some(path), change: Box::new(change), found, found_at: None, bytes: 0 }
    }
}

impl Pace for Hears {
    fn go_on(&mut self, progress: Progress) -> ControlFlow<()> {
        self.steps += 1;
        assert!(progress.file_bytes >= self.bytes, "what was read is counted on");
        self.bytes = progress.file_bytes;
        if self.found_at.is_none() && (self.found)() {
            self.found_at = Some(self.steps);
        }
        ControlFlow::Continue(())
    }

    fn news(&mut self) -> Option<Vec<PathBuf>> {
        let is_time = self.steps >= 3;
        let path = is_time.then(|| self.path.take()).flatten()?;
        (self.change)();
        Some(vec![path])
    }
}

#[test]
fn what_changes_while_a_large_conversation_is_read_is_found_before_that_ends() {
    let mut ground = Ground::new();
    ground.put("small", two_messages());
    ground.round();
    let long = "word ".repeat(100_000);
    let items = (0..30).map(|n| text(9_000 + n, Role::User, &format!("m{n}"), &long));
    ground.put("large", Kept { items: items.collect(), ..Kept::default() });
    let (shelf, index) = (std::sync::Arc::clone(&ground.shelf), ground.index.clone());
    let mut hears = Hears::of(ground.path.join("small"), move || {
        let said = text(10_000, Role::User, "c", "a rare giraffe");
        shelf.lock().unwrap().get_mut("small").unwrap().items.push(said);
    });
    hears.found = Box::new(move || {
        let want = crate::SearchWant { text: "giraffe".into(), limit: 1, ..crate::SearchWant::default() };
        !index.looker().unwrap().search(&want).unwrap().items.is_empty()
    });
    let round = ground.round_at(&mut hears);
    assert!(!round.broken_off && round.progress.read == 1, "{round:?}");
    let found_at = hears.found_at.expect("it was found");
    assert!(found_at < hears.steps - 2, "found after {found_at} of {} steps", hears.steps);
    assert_eq!(ground.round().progress.to_read, 0);
}

#[test]
fn a_large_conversation_that_changes_while_it_is_read_is_put_in_once() {
    let mut ground = Ground::new();
    let long = format!("a rare okapi {}", "word ".repeat(100_000));
    let items = (0..30).map(|n| text(9_000 + n, Role::User, &format!("m{n}"), &long));
    ground.put("large", Kept { items: items.collect(), ..Kept::default() });
    let shelf = std::sync::Arc::clone(&ground.shelf);
    let mut hears = Hears::of(ground.path.join("large"), move || {
        let said = text(10_000, Role::User, "c", "another okapi");
        shelf.lock().unwrap().get_mut("large").unwrap().items.push(said);
    });
    ground.round_at(&mut hears);
    assert!(hears.path.is_none(), "it has changed");
    let want = crate::SearchWant { text: "okapi".into(), limit: 100, ..crate::SearchWant::default() };
    assert_eq!(ground.found(&want).len(), 31);
    ground.round();
    assert_eq!(ground.found(&want).len(), 31);
}

#[test]
fn an_index_that_is_thrown_away_and_made_anew_has_nothing_and_goes_on_wherever_that_was_broken_off() {
    let mut ground = Ground::new();
    ground.put("one", two_messages());
    ground.round();
    let looker = ground.looker();
    ground.index.make_anew().unwrap();
    assert!(!looker.stands(&ground.index) && !ground.writer.stands(&ground.index));
    assert_eq!(ground.looker().counts().unwrap(), (0, 0));
    ground.writer = ground.index.writer().unwrap();
    ground.round();
    assert_eq!(ground.find("pump").len(), 2);

    // Killed when the file was gone and what lies beside it was not, and when the new one was empty.
    for left in [None, Some("")] {
        std::fs::remove_file(ground.index.path()).unwrap();
        if let Some(text) = left {
            std::fs::write(ground.index.path(), text).unwrap();
        }
        let (index, opened) = Index::open(ground.index.path()).unwrap();
        assert!(matches!(opened, Opened::Anew(_)), "{left:?}: {opened:?}");
        (ground.writer, ground.index) = (index.writer().unwrap(), index);
        assert_eq!(ground.round().progress.read, 1, "{left:?}");
        assert_eq!(ground.find("pump").len(), 2, "{left:?}");
    }
}
