//! Artifacts: which version of which name was kept. Their bytes are somebody else's.

use serde::{Deserialize, Serialize};
use tenure_api::{ErrorCode, Problem};
use tenure_event::{ArtifactCreated, Kind};

use super::Step;
use crate::{ArtifactRequest, Reply};

/// Names that a session may have.
const BOUND: usize = 1000;

/// The newest version of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactMark {
    /// From 1.
    pub version: u64,
    /// SHA-256 of its bytes, in hex.
    pub hash: String,
}

impl Step<'_> {
    /// The bytes of the newest version again are no new one.
    pub(super) fn keep_artifact(&mut self, artifact: ArtifactRequest) -> Result<Reply, Problem> {
        let ArtifactRequest { key, hash, bytes, source, path } = artifact;
        let version = match self.s.artifacts.get(&key) {
            Some(newest) if newest.hash == hash => {
                return Ok(Reply::Artifact { version: newest.version, new: false });
            }
            Some(newest) => newest.version + 1,
            None if self.s.artifacts.len() >= BOUND => {
                let what =
                    format!("a session has at most {BOUND} artifacts; keep this as a version of one of them");
                return Err(Problem::new(ErrorCode::Conflict, what).about(&self.s.spec.id));
            }
            None => 1,
        };
        self.s.artifacts.insert(key.clone(), ArtifactMark { version, hash: hash.clone() });
        self.emit(Kind::ArtifactCreated(ArtifactCreated { key, version, bytes, hash, source, path }));
        Ok(Reply::Artifact { version, new: true })
    }
}
