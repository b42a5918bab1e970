//! What the store keeps, lets go, and does with damage.

use std::collections::HashSet;
use std::fs;
use std::time::Duration;

use super::{Place, TreeId};
use crate::checkpoint::{Hash, StoreError, TextLimits, Tree, compare, diff, tree};

fn sweep(place: &mut Place, keep: &[TreeId]) {
    place.store.sweep(&keep.iter().copied().collect(), &HashSet::new()).expect("swept");
}

fn files(place: &Place, kind: &str) -> usize {
    fs::read_dir(place.at.join(kind)).expect("a directory").count()
}

#[test]
fn what_is_not_needed_goes_and_what_is_needed_stays_whole() {
    let mut place = Place::new();
    let noise = |n: u64, bytes: usize| {
        let blocks = (0..).map(|i: u64| Hash::of(&[n.to_le_bytes(), i.to_le_bytes()].concat()).0);
        blocks.take(bytes / 32).flatten().collect::<Vec<u8>>()
    };
    let mut kept = Vec::new();
    for n in 0..6 {
        place.put("always", "the same");
        place.put(&format!("f{n}"), noise(n, 1000));
        place.put("changing", noise(100 + n, 5000));
        kept.push((place.take(), place.picture()));
    }
    let (all, (last, picture)) = (place.store.bytes(), kept[5].clone());
    let (second, picture_two) = kept[1].clone();
    sweep(&mut place, &[second, last]);
    assert!(place.store.bytes() < all, "{} of {all}", place.store.bytes());
    place.reopen();
    assert_eq!(place.force(second), Vec::<String>::new());
    assert_eq!(place.picture(), picture_two);
    assert_eq!(place.force(last), Vec::<String>::new());
    assert_eq!(place.picture(), picture);
    assert!(matches!(place.store.tree(&kept[3].0), Err(StoreError::NoTree(_)) | Ok(_)));

    sweep(&mut place, &[]);
    // Journals that were carried out need nothing either.
    assert_eq!((files(&place, "packs"), files(&place, "trees"), files(&place, "journals")), (0, 0, 0));
    assert_eq!(place.store.bytes(), 0);
    let again = place.take();
    assert_eq!(again, last);
    assert_eq!(place.force(again), Vec::<String>::new());
}

#[test]
fn what_a_change_under_way_needs_is_kept() {
    let mut place = Place::new();
    place.put("f", "one");
    let one = place.take();
    place.put("f", "two");
    let plan = place.plan(one, &[]).forced();
    let mut journal = place.journal(one, &plan);
    sweep(&mut place, &[]);
    place.reopen();
    place.store.carry_out(&place.root, &mut journal, true).expect("done");
    assert_eq!(place.text("f").as_deref(), Some("one"));
}

#[test]
fn small_changes_of_many_files_are_small() {
    let mut place = Place::new();
    for n in 0..300 {
        place.put(&format!("dir/file-{n}"), format!("{n}"));
    }
    let first = place.take();
    let size = |place: &Place, id: &TreeId| {
        fs::metadata(place.at.join("trees").join(id.to_string())).expect("there").len()
    };
    let mut last = first;
    for n in 0..80 {
        place.put("dir/file-7", format!("again {n}"));
        last = place.take();
    }
    assert!(size(&place, &last) * 10 < size(&place, &first));
    place.reopen();
    let tree = place.store.tree(&last).expect("a tree");
    assert_eq!((tree.entries().len(), tree.id()), (301, last));
}

#[test]
fn damage_is_found_and_read_anew_where_the_files_still_are() {
    let mut place = Place::new();
    place.put("a", "the bytes of a");
    let one = place.take();
    for pack in fs::read_dir(place.at.join("packs")).expect("packs") {
        fs::write(pack.expect("one").path(), "no pack").expect("written");
    }
    fs::write(place.at.join("seen"), "nothing").expect("written");
    place.reopen();
    assert_eq!(place.taken().read, 1, "what is lost is read again");
    place.put("a", "other");
    assert_eq!(place.force(one), Vec::<String>::new());
    assert_eq!(place.text("a").as_deref(), Some("the bytes of a"));

    fs::write(place.at.join("trees").join(one.to_string()), "nonsense").expect("written");
    place.reopen();
    assert!(matches!(place.store.tree(&one), Err(StoreError::Damaged(_))));
}

#[test]
fn any_bytes_are_a_tree_or_none_and_never_a_panic() {
    let mut place = Place::new();
    place.put("dir/file", "x");
    let id = place.take();
    let bytes = place.store.tree_bytes(&id).expect("bytes");
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut other = bytes.clone();
            other[at] ^= flip;
            let _ = tree::read(&other, None).map(|tree| tree.id());
        }
        assert_eq!(tree::read(&bytes[..at], None), None, "cut at {at}");
    }
}

#[test]
fn changes_are_shown_as_lines() {
    let mut place = Place::new();
    place.put("text", "one\ntwo\nthree\n");
    place.put("binary", [0, 1, 2]);
    place.put("large", "x".repeat(5000));
    let one = place.take();
    place.put("text", "one\n2\nthree\nfour\n");
    place.put("binary", [0, 1, 3]);
    place.put("large", "y".repeat(5000));
    place.put("new", "line\n");
    let two = place.take();
    let (before, after): (std::sync::Arc<Tree>, _) =
        (place.store.tree(&one).expect("a tree"), place.store.tree(&two).expect("a tree"));
    let limits = TextLimits { file_bytes: 1000, shown_bytes: 1000, time: Duration::from_secs(5) };
    let shown: Vec<_> = diff(&before, &after).iter().map(|c| compare(&place.store, c, limits)).collect();
    assert!(shown[0].binary && shown[1].large, "{shown:?}");
    assert_eq!((shown[2].insertions, shown[2].deletions), (1, 0));
    assert!(
        shown[2].unified.as_ref().is_some_and(|t| t.starts_with("--- /dev/null\n+++ b/new\n")),
        "{shown:?}"
    );
    assert_eq!((shown[3].insertions, shown[3].deletions), (2, 1));
    assert!(shown[3].unified.as_ref().is_some_and(|t| t.contains("-two\n+2\n")));
    let short = TextLimits { shown_bytes: 20, ..limits };
    let cut = compare(&place.store, &diff(&before, &after)[3], short);
    assert!(cut.cut && cut.unified.is_some_and(|t| t.len() <= 20));
}
