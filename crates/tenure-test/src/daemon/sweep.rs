//! Ends every process of a home: by the identity files of its shims, and by the mark that all of them carry.

use std::path::Path;

use tenure_host::{PidRef, process};

/// In the environment of every process that Tenure starts for a session.
const MARK: &str = "TENURE_HOME_MARK";

/// Ends the trees of all shims below a home, and marked processes that have left their trees.
pub(super) fn end_all(home: &Path) {
    let mut all = Vec::new();
    let mut marks = std::collections::BTreeSet::new();
    for shim in shims(home) {
        if let Some(mark) = mark_of(shim.pid) {
            marks.insert(mark);
        }
        all.extend(process::tree(shim.pid));
    }
    process::sweep(&all);
    for mark in marks {
        let left: Vec<PidRef> =
            process::find_marked(MARK, &mark).into_iter().map(|marked| marked.process).collect();
        process::sweep(&left);
    }
}

/// The shims that live.
pub(super) fn shims(home: &Path) -> Vec<PidRef> {
    let list = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let generations = list(&home.join("sessions")).flat_map(|session| list(&session.path()));
    let identities = generations.filter_map(|dir| tenure_host::read_identity(&dir.path()).ok().flatten());
    identities.flat_map(|identity| [identity.shim, identity.agent]).filter(PidRef::is_alive).collect()
}

fn mark_of(pid: i32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let text = String::from_utf8_lossy(&environment);
    let value = text.split('\0').find_map(|pair| pair.strip_prefix(MARK)?.strip_prefix('='));
    value.map(str::to_owned)
}
