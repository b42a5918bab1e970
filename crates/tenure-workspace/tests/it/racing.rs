//! The same ways, taken at the moment when a directory becomes a link.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{CWD, RenameFlags};
use tenure_workspace::ReadError;

use crate::{Ground, SECRET};

/// How often each outcome must have been seen before the race counts as run.
const EACH: u32 = 200;

/// Runs `attempt` while another thread swaps the directory `work` and the link `trap`, which leads outside,
/// until it has both succeeded (`true`) and been refused often enough.
fn race(ground: &Ground, mut attempt: impl FnMut() -> bool) {
    let (work, trap) = (ground.inside("work"), ground.inside("trap"));
    let done = AtomicBool::new(false);
    let swap = |work: &PathBuf, trap: &PathBuf| {
        rustix::fs::renameat_with(CWD, work, CWD, trap, RenameFlags::EXCHANGE).unwrap();
    };
    thread::scope(|scope| {
        let _stop = Stop(&done);
        let swapper = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                swap(&work, &trap);
            }
        });
        let (mut passed, mut refused) = (0, 0);
        while (passed < EACH || refused < EACH) && !swapper.is_finished() {
            if attempt() {
                passed += 1;
            } else {
                refused += 1;
            }
        }
    });
}

/// Ends the swapping thread, also when an attempt panics.
struct Stop<'done>(&'done AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn ground() -> Ground {
    let ground = Ground::new();
    ground.put("work/secret.txt", "harmless");
    ground.link("../outside", "trap");
    ground
}

#[test]
fn a_directory_swapped_for_a_link_while_reading_never_leads_out() {
    let ground = ground();
    race(&ground, || match ground.root.read_text("work/secret.txt", None, None) {
        Ok(text) => {
            assert_ne!(text, SECRET);
            true
        }
        Err(ReadError::Outside { .. }) => false,
        Err(error) => panic!("{error}"),
    });
}

#[test]
fn a_directory_swapped_for_a_link_while_writing_never_leads_out() {
    let ground = ground();
    let before = fs::read_dir(ground.outside("")).unwrap().count();
    race(&ground, || ground.root.write_text("work/secret.txt", "harmless").is_ok());
    assert_eq!(fs::read_dir(ground.outside("")).unwrap().count(), before);
    ground.assert_outside_untouched();
}
