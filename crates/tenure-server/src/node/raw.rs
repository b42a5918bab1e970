//! The agent's own lines, as far as they are still kept.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde_json::json;
use tenure_api::{ErrorCode, Problem, RawItem, RawPage};
use tenure_event::SessionId;
use tenure_host::spool::{LineKind, SpoolLine, read_tail};

use super::Node;
use crate::owner::{off_thread, session_dir};
use crate::problem;

/// Lines of one page.
const LINES: usize = 1000;
/// No process says so many bytes, and the system takes no position far beyond.
const LONGEST: u64 = 1 << 60;
/// Bytes of one page, about.
const BYTES: usize = 1 << 20;

impl Node {
    /// Lines of the session's last process that begin after `after`, oldest first. An offset is one of a process: with
    /// `generation` it must be one of the last.
    ///
    /// # Errors
    /// `not_found` for an unknown session, `cursor_expired` for another generation.
    pub async fn raw(
        &self,
        id: &SessionId,
        after: Option<u64>,
        generation: Option<u32>,
    ) -> Result<RawPage, Problem> {
        self.shared.must_exist(id).await?;
        let dir = session_dir(&self.shared.home, id);
        let from = after.map_or(0, |after| after.saturating_add(1));
        let read = move || {
            let Some((last, dir)) = last_generation(&dir) else {
                return Ok(RawPage { generation: 0, items: Vec::new() });
            };
            // What comes from another process is not looked for in this one.
            let lines = if from > LONGEST || generation.is_some_and(|wanted| wanted != last) {
                Vec::new()
            } else {
                read_tail(&dir, from, u64::MAX, LINES, BYTES).map_or_else(missing, |tail| Ok(tail.lines))?
            };
            Ok(RawPage { generation: last, items: lines.into_iter().map(item).collect() })
        };
        let page = off_thread(read).await;
        let page = page.map_err(|e| problem::internal(&format!("the agent's output cannot be read: {e}")))?;
        match generation.filter(|wanted| *wanted != page.generation) {
            Some(wanted) => Err(expired(id, wanted, page.generation)),
            None => Ok(page),
        }
    }
}

fn missing(e: std::io::Error) -> std::io::Result<Vec<SpoolLine>> {
    if e.kind() == std::io::ErrorKind::NotFound { Ok(Vec::new()) } else { Err(e) }
}

fn expired(id: &SessionId, wanted: u32, last: u32) -> Problem {
    let what = format!(
        "the lines of process {wanted} of this session are not kept; those of process {last} are: ask without `after`"
    );
    Problem::new(ErrorCode::CursorExpired, what).with_data(json!({"generation": last})).about(id)
}

/// The directory of the session's last process, with its number.
fn last_generation(dir: &Path) -> Option<(u32, PathBuf)> {
    let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix('g')?.parse::<u32>().ok();
    let dirs = std::fs::read_dir(dir).ok()?.flatten().map(|e| e.path());
    dirs.filter_map(|p| Some((number(&p)?, p))).max()
}

fn item(line: SpoolLine) -> RawItem {
    let (text, base64) = match line.kind {
        LineKind::Line(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => (Some(text.to_owned()), None),
            Err(_) => (None, Some(base64::engine::general_purpose::STANDARD.encode(&bytes))),
        },
        LineKind::Oversized { len } => {
            (Some(format!("(a line of at least {len} bytes, over the limit)")), None)
        }
    };
    RawItem { offset: line.offset, line: text, base64 }
}
