//! Artifacts: named outputs of a session, with versions.

use serde::{Deserialize, Serialize};
use tenure_event::{ArtifactSource, Timestamp};
use utoipa::ToSchema;

/// A rule at create: whenever a turn has ended, the file is looked at, and kept as a new version of the artifact
/// if it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArtifactRule {
    /// What the artifact is called: 1 to 64 of `A-Z a-z 0-9 . _ -`, but neither `.` nor `..`.
    pub key: String,
    /// The file, from the session's directory.
    pub path: String,
}

/// `PUT /v1/sessions/{id}/artifacts/{key}` with a body of JSON: a file of the session's directory is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepArtifact {
    /// The file, from the session's directory or absolute and below it.
    pub path: String,
}

/// One version of an artifact. Its bytes never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactVersion {
    /// From 1.
    pub version: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
    /// Who declared it.
    pub source: ArtifactSource,
    /// The file that it was taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// When it was kept.
    pub created_at: Timestamp,
}

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// What it is called.
    pub key: String,
    /// Its newest version.
    #[serde(flatten)]
    pub latest: ArtifactVersion,
    /// All versions, oldest first.
    pub versions: Vec<ArtifactVersion>,
}
