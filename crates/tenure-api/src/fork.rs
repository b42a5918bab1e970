//! Forking a session.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{CreateWait, InputContent, RewindTo};

/// In which files a fork works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForkFiles {
    /// In the same directory.
    #[default]
    Shared,
    /// In a copy of it below Tenure's home, which goes with the last session that works there.
    Copy,
    /// In a new worktree of its repository.
    Worktree,
}

/// `POST …/fork`. What is not given is as in the session that is forked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkSession {
    /// The last thing that is shared: a message, a turn or a checkpoint; an input shares what was before it. Without it,
    /// all up to the end of the last turn that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<RewindTo>,
    /// The client's id; the same id and body again is the same session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// What clients keep with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<BTreeMap<String, Value>>,
    /// In which files it works.
    #[serde(default)]
    pub files: ForkFiles,
    /// The first input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputContent>,
    /// `false` starts nothing yet (default true).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<bool>,
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Until when the call waits.
    #[serde(default)]
    pub wait: CreateWait,
}
