//! A transcript's lines, one after the other, every branch of it; and the files of subagents.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::record::Record;
use super::say::{self, Scene};
use super::subagent_of;
use crate::fields::{self, line_text, record, word};
use crate::follow::{Clock, Format, Spot, time_of};
use crate::{Found, Item, files};

/// Transcripts.
pub(super) struct Transcript;

/// What is remembered of the lines before.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    clock: Clock,
    /// The tool call for which a subagent works.
    parent_tool: Option<String>,
    cwd: String,
}

impl Format for Transcript {
    type Memory = Memory;

    fn begin(&self, found: &Found, path: &Path) -> Memory {
        let parent_tool = if path == found.path { None } else { parent_tool(path) };
        Memory { parent_tool, ..Memory::default() }
    }

    fn line(&self, spot: &Spot<'_>, memory: &mut Memory, out: &mut Vec<Item>) -> bool {
        let Some(record) = fields::parse::<Record<'_>>(spot.text) else { return false };
        if record.chained().is_none() {
            return true;
        }
        if memory.cwd.is_empty() {
            memory.cwd = word(record.cwd).unwrap_or_default();
        }
        let scene = Scene {
            path: spot.path,
            offset: spot.offset,
            subagent: subagent_of(spot.path).map(str::to_owned).or_else(|| record.side()),
            parent_tool: memory.parent_tool.clone(),
            ts: time_of(spot, record.time(), &mut memory.clock, out),
            cwd: &memory.cwd,
        };
        say::items(&record, &scene, out);
        true
    }
}

/// The tool call for which a subagent works, from the file beside its transcript.
pub(super) fn parent_tool(path: &Path) -> Option<String> {
    record!(
        /// `agent-ID.meta.json`.
        Meta { tool: "toolUseId" }
    );
    let bytes = files::small(&path.with_extension("meta.json"), 64 << 10)?;
    let line = line_text(&bytes);
    word(fields::parse::<Meta<'_>>(&line)?.tool)
}

/// Where a subagent's transcript is, by the agent's id of it.
pub(super) fn subagent_path<'a>(found: &'a Found, id: &str) -> Option<&'a Path> {
    found.parts.iter().map(AsRef::as_ref).find(|path| subagent_of(path) == Some(id))
}
