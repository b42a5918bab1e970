//! Which processes say that they have a conversation open: `sessions/PID.json`, written by each while it runs. One that was
//! killed leaves its file.

use std::path::Path;

use serde::Deserialize;

use crate::{Claim, files};

/// The largest such file that is read.
const MOST_BYTES: u64 = 64 << 10;
/// Files that are looked at.
const MOST_FILES: usize = 10_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Registered {
    pid: i32,
    session_id: String,
    #[serde(default)]
    proc_start: Option<String>,
}

pub(super) fn claims(root: &Path, native_id: &str) -> Vec<Claim> {
    let registered =
        |path: &Path| -> Option<Registered> { serde_json::from_slice(&files::small(path, MOST_BYTES)?).ok() };
    let entries = std::fs::read_dir(root.join("sessions")).into_iter().flatten().flatten().take(MOST_FILES);
    let paths =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json"));
    let all = paths.filter_map(|path| registered(&path)).filter(|one| one.session_id == native_id);
    all.map(|one| Claim { pid: one.pid, started: one.proc_start }).collect()
}
