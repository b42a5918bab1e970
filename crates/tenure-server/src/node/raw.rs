//! The agent's own lines, as far as they are still kept.

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use tenure_api::Problem;
use tenure_event::SessionId;
use tenure_host::spool::{LineKind, read_tail};
use utoipa::ToSchema;

use super::Node;
use crate::owner::session_dir;
use crate::problem;

/// Lines of one page.
const LINES: usize = 1000;
/// No process says so many bytes, and the system takes no position far beyond.
const LONGEST: u64 = 1 << 60;
/// Bytes of one page, about.
const BYTES: usize = 1 << 20;

/// One line of an agent's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RawItem {
    /// Where it begins in the process's output.
    pub offset: u64,
    /// The line, if it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Base64 of it, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl Node {
    /// Lines of the session's last process that begin after `after`, oldest first.
    ///
    /// # Errors
    /// `not_found` for an unknown session.
    pub async fn raw(&self, id: &SessionId, after: u64) -> Result<Vec<RawItem>, Problem> {
        self.must_exist(id).await?;
        let dir = session_dir(&self.shared.home, id);
        let from = if after == 0 { 0 } else { after.saturating_add(1) };
        if from > LONGEST {
            return Ok(Vec::new());
        }
        let read = tokio::task::spawn_blocking(move || {
            let Some(last) = last_generation(&dir) else { return Ok(Vec::new()) };
            read_tail(&last, from, u64::MAX, LINES, BYTES)
                .map(|tail| tail.lines.into_iter().map(item).collect())
        });
        match read.await {
            Ok(Ok(items)) => Ok(items),
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Ok(Err(e)) => Err(problem::internal(&format!("the agent's output cannot be read: {e}"))),
            Err(e) => Err(problem::internal(&e.to_string())),
        }
    }
}

fn last_generation(dir: &std::path::Path) -> Option<std::path::PathBuf> {
    let number = |path: &std::path::Path| path.file_name()?.to_str()?.strip_prefix('g')?.parse::<u32>().ok();
    let dirs = std::fs::read_dir(dir).ok()?.flatten().map(|e| e.path());
    dirs.filter_map(|p| Some((number(&p)?, p))).max().map(|(_, p)| p)
}

fn item(line: tenure_host::spool::SpoolLine) -> RawItem {
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
