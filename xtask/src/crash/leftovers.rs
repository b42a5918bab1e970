//! What must be left of sessions that were destroyed, and of such as were never born: a tombstone or nothing, no
//! directory, no process, no secret in any file of the home.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::churn::{CANARY, Life, Lives, is_churned};
use super::daemon::Place;
use super::http::{self, Endpoint};
use super::procs;
use super::report::{Fault, Report};

/// Clearing is done in the background.
const CLEARED_WITHIN: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(20);
/// All that a transcript which was kept may need.
const KEPT: &str = "blobs";

/// Looks, while the daemon still runs.
pub(super) fn look(place: &Place, endpoint: &Endpoint, lives: &Lives, report: &mut Report) {
    for odd in &lives.odd {
        report.add(Fault::Answer, odd.clone());
    }
    for life in &lives.all {
        if !life.destroyed {
            report.add(Fault::Leftover, format!("{} could not be destroyed", life.id));
        }
        if let Some(fault) = tombstone(endpoint, life) {
            report.add(Fault::Tombstone, format!("{}: {fault}", life.id));
        }
    }
    let until = Instant::now() + CLEARED_WITHIN;
    let mut left = left(place, lives);
    while !left.is_empty() && Instant::now() < until {
        thread::sleep(Duration::from_millis(50));
        left = self::left(place, lives);
    }
    for what in left {
        report.add(Fault::Leftover, what);
    }
}

/// One that was destroyed tells so, and takes nothing more; of one that was never born nothing is known.
fn tombstone(endpoint: &Endpoint, life: &Life) -> Option<String> {
    let path = format!("/v1/sessions/{}", life.id);
    let Ok(reply) = http::ask(endpoint, "GET", &path, None, PATIENCE) else {
        return Some("GET got no answer".to_owned());
    };
    let is_tombstone = reply.status == 200 && reply.json()["lifecycle"] == "destroyed";
    if !(is_tombstone || reply.status == 404 && !life.created) {
        return Some(format!("GET tells {}", reply.brief()));
    }
    let refused = if is_tombstone { 410 } else { 404 };
    let input = json!({"input": "hello"});
    match http::ask(endpoint, "POST", &format!("{path}/inputs"), Some(&input), PATIENCE) {
        Ok(reply) if reply.status == refused => None,
        Ok(reply) => Some(format!("an input got {}", reply.brief())),
        Err(e) => Some(format!("an input got no answer: {e}")),
    }
}

fn left(place: &Place, lives: &Lives) -> Vec<String> {
    let home = place.home();
    let mut left = Vec::new();
    for name in names(&home.join("sessions")).into_iter().filter(|name| is_churned(name)) {
        let keeps = lives.all.iter().any(|life| life.id == name && life.created && life.keeps);
        let files = names(&home.join("sessions").join(&name));
        if !keeps {
            left.push(format!("the directory of {name}: {files:?}"));
        } else if files.iter().any(|file| file != KEPT) {
            left.push(format!("{files:?} in the directory of {name}, whose transcript was kept"));
        }
    }
    left.extend(names(&home.join("workspaces")).into_iter().map(|name| format!("the workspace {name}")));
    let scratches = lives.all.iter().filter_map(|life| life.scratch.as_deref());
    left.extend(scratches.filter(|dir| Path::new(dir).exists()).map(|dir| format!("the workspace {dir}")));
    let of_ours = |session: &Option<String>| session.as_deref().is_some_and(is_churned);
    let processes = procs::marked(&place.mark()).into_iter().filter(|process| of_ours(&process.session));
    left.extend(processes.map(|process| format!("the process {}", process.brief())));
    secrets(&place.scratch, &mut left);
    left
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Files with a secret in them; what the agents themselves wrote is theirs.
fn secrets(dir: &Path, left: &mut Vec<String>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => secrets(&path, left),
            Ok(kind) if kind.is_file() => {
                let bytes = fs::read(&path).unwrap_or_default();
                if let Some(at) = String::from_utf8_lossy(&bytes).find(CANARY) {
                    left.push(format!("a secret in {} at {at}", path.display()));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
