//! Ends every process of a home: by the identity files of its shims, by the names of shims that were only just
//! started, and by the mark that all agents carry.

use std::path::Path;

use tenure_host::{PidRef, ShimIdentity, process};

/// In the environment of every process that Tenure starts for a session.
const MARK: &str = "TENURE_HOME_MARK";

/// Ends the trees of all shims below a home, and marked processes that have left their trees.
pub(super) fn end_all(home: &Path) {
    let mut all = Vec::new();
    let mut marks = std::collections::BTreeSet::new();
    let recorded = shims(home).into_iter().flat_map(|identity| [identity.shim, identity.agent]);
    let living = recorded.filter(PidRef::is_alive).chain(started(home));
    for process in living {
        marks.extend(mark_of(process.pid));
        all.extend(process::tree(process.pid));
    }
    process::sweep(&all);
    for mark in marks {
        let left: Vec<PidRef> =
            process::find_marked(MARK, &mark).into_iter().map(|marked| marked.process).collect();
        process::sweep(&left);
    }
}

/// The processes of a home's sessions, as their shims recorded them.
pub(super) fn shims(home: &Path) -> Vec<ShimIdentity> {
    let list = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let generations = list(&home.join("sessions")).flat_map(|session| list(&session.path()));
    generations.filter_map(|dir| tenure_host::read_identity(&dir.path()).ok().flatten()).collect()
}

/// Shims of a home by their arguments: one that was started last has recorded nothing yet.
fn started(home: &Path) -> Vec<PidRef> {
    let pids = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_ours = |pid: &i32| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0).skip(1);
        let dir = |bytes: &[u8]| Path::new(&*String::from_utf8_lossy(bytes)).starts_with(home);
        arguments.next() == Some(b"shim") && arguments.next().is_some_and(dir)
    };
    pids.filter(is_ours).filter_map(PidRef::of).collect()
}

fn mark_of(pid: i32) -> Option<String> {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let text = String::from_utf8_lossy(&environment);
    let value = text.split('\0').find_map(|pair| pair.strip_prefix(MARK)?.strip_prefix('='));
    value.map(str::to_owned)
}
