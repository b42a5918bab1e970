//! The order to die: a file that the environment names. Whoever writes it chooses a label and which passage of
//! it is meant; the first process that gets there takes the file away, so that one order is one death.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Signal, getpid, kill_process};

/// Names the file. It holds one line: a number of the order, a label, and which passage is meant (from 1).
/// Taken, it has the ending `taken` and holds the label and the process id.
pub const VARIABLE: &str = "TENURE_CRASH_ORDER";

/// The order that was last seen, and how often its label was passed since.
static SEEN: Mutex<(String, u64)> = Mutex::new((String::new(), 0));

fn name() -> Option<OsString> {
    std::env::var_os(VARIABLE)
}

/// Dies here, if that is ordered.
pub fn pass(label: &str) {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| name().map(PathBuf::from)) else { return };
    let Ok(order) = fs::read_to_string(file) else { return };
    let mut words = order.split_whitespace().skip(1);
    if words.next() != Some(label) {
        return;
    }
    let nth = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    if count(order.as_str()) < nth {
        return;
    }
    let taken = file.with_extension("taken");
    if fs::rename(file, &taken).is_ok() {
        let pid = getpid();
        // Without it the test does not learn who died, and says so.
        let _ = fs::write(&taken, format!("{label} {}\n", pid.as_raw_nonzero()));
        let _ = kill_process(pid, Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}

fn count(order: &str) -> u64 {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    if seen.0 != order {
        *seen = (order.to_owned(), 0);
    }
    seen.1 += 1;
    seen.1
}

pub(crate) fn inherit(command: &mut Command) {
    if let Some(file) = name() {
        command.env(VARIABLE, file);
    }
}
