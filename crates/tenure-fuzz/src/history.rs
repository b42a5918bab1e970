//! What agents left on disk, damaged in any way: it is listed and read without a panic, reading in two goes gives what
//! reading in one gives, and pages put together are the whole.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use tenure_history::{Branch, Found, Item, Mark, Reader, Roots, Want, list, readers, scan};

const ID: &str = "01a1f876-62b3-7482-9fe8-944ba2c7e577";

/// A transcript of Claude Code.
pub fn claude_history(data: &[u8]) {
    holds(data, &format!("projects/-w/{ID}.jsonl"), |root| Roots { claude: vec![root], ..Roots::default() });
}

/// A rollout of Codex.
pub fn codex_history(data: &[u8]) {
    let name = format!("sessions/2026/11/20/rollout-2026-11-20T10-17-50-{ID}.jsonl");
    holds(data, &name, |root| Roots { codex: vec![root], ..Roots::default() });
}

/// A session file of Pi.
pub fn pi_history(data: &[u8]) {
    let name = format!("sessions/--w--/2026-11-20T10-19-38-960Z_{ID}.jsonl");
    holds(data, &name, |root| Roots { pi: vec![root], ..Roots::default() });
}

fn holds(data: &[u8], name: &str, roots: impl Fn(std::path::PathBuf) -> Roots) {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(name);
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("directories");
    fs::write(&path, data).expect("a file");
    for reader in readers(&roots(dir.path().to_owned())) {
        let listing = list(&[reader.as_ref()]);
        for found in scan(reader.as_ref()).0 {
            assert!(listing.items.len() <= 1);
            let whole = read(reader.as_ref(), &found, None, usize::MAX).0;
            in_two(reader.as_ref(), &found, &whole);
            pages(reader.as_ref(), &found);
        }
    }
}

/// Reads at most so many pieces.
fn read(reader: &dyn Reader, found: &Found, mark: Option<&Mark>, most: usize) -> (Vec<Item>, Mark) {
    let mut items = Vec::new();
    let mark = reader
        .read(found, mark, &mut |item| {
            items.push(item);
            if items.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .expect("it can be opened");
    (items, mark)
}

fn in_two(reader: &dyn Reader, found: &Found, whole: &[Item]) {
    let (first, mark) = read(reader, found, None, whole.len() / 2 + 1);
    let kept = serde_json::to_string(&mark).expect("a mark can be kept");
    let mark: Mark = serde_json::from_str(&kept).expect("and be read again");
    let (rest, end) = read(reader, found, Some(&mark), usize::MAX);
    let said = |items: &[Item]| -> Vec<Item> {
        items.iter().filter(|item| !matches!(item, Item::Warning(_))).cloned().collect()
    };
    assert_eq!(said(&[first, rest].concat()), said(whole));
    let (more, _) = read(reader, found, Some(&end), usize::MAX);
    assert!(more.iter().all(|item| matches!(item, Item::Warning(_))), "it was read to its end: {more:?}");
}

fn pages(reader: &dyn Reader, found: &Found) {
    for branch in [Branch::Current, Branch::All] {
        let want = Want { branch, ..Want::default() };
        let whole = reader.messages(found, &want).expect("it can be opened");
        assert_eq!(whole.items.len(), whole.total);
        let middle = whole.total / 2;
        let page = |skip, limit| {
            reader.messages(found, &Want { skip, limit, ..want.clone() }).expect("it can be opened").items
        };
        assert_eq!([page(0, middle), page(middle, usize::MAX)].concat(), whole.items);
    }
}
