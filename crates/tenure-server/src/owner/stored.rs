//! What is kept of a session beside its log: the private file, and the private state in
//! its row.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tenure_api::{InheritEnv, Instructions};
use tenure_core::agent::{Kept, McpServerSpec};
use tenure_core::machine::State;
use tenure_event::{InputId, SessionId};

use crate::node::ServerSet;

/// `sessions/ID/private.json` (0600): secrets, and what is needed only when a process starts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Private {
    /// Hash of the request that created the session.
    pub create_hash: String,
    /// Environment of the session; null unsets.
    #[serde(default)]
    pub env: BTreeMap<String, Option<String>>,
    /// Names to pass on instead of the agent's own list.
    #[serde(default)]
    pub inherit_env: Option<InheritEnv>,
    /// Text for the agent's instructions.
    #[serde(default)]
    pub instructions: Instructions,
    /// Which files are kept as artifacts when a turn has ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<tenure_api::ArtifactRule>,
    /// Tool servers, without the values of their environment and headers.
    #[serde(default)]
    pub mcp_servers: Vec<McpServerSpec>,
    /// Those values, by server.
    #[serde(default)]
    pub mcp_secrets: BTreeMap<String, BTreeMap<String, String>>,
    /// Tool servers that clients set since, by the number of the set: the one in force, and one that may take its place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mcp_sets: BTreeMap<u32, ServerSet>,
}

/// The private state in a session's row, to be written.
#[derive(Serialize)]
pub(super) struct StoredRef<'a> {
    pub machine: &'a State,
    pub line: Option<&'a StoredLine>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub words: &'a BTreeMap<InputId, String>,
}

/// The private state in a session's row, as it is read back.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    /// The machine.
    pub machine: State,
    /// How far the process's output was taken in.
    pub line: Option<StoredLine>,
    /// Blobs with the true words of inputs whose rows show less than that.
    #[serde(default)]
    pub words: BTreeMap<InputId, String>,
}

/// A position in a process's output, and the codec's memory at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredLine {
    /// Which process.
    pub generation: u32,
    /// The first byte whose effects are not stored.
    pub done: u64,
    /// The first byte of the oldest message that is still being gathered; at most `done`.
    pub open: u64,
    /// The codec's memory at `done`, without gathered text.
    pub codec: Kept,
}

/// The directory of a session.
pub(crate) fn session_dir(home: &Path, id: &SessionId) -> PathBuf {
    home.join("sessions").join(id.as_str())
}

/// Writes a file of a session whole, readable by its owner only.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temp = path.with_extension("tmp");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temp, path)
}

fn placeholder_prefix(id: &SessionId) -> String {
    format!("<tenure-secret {id} ")
}

/// What stands for one value of a server of a set; of those that the session was created with the number is 0. No two
/// have the same, whatever their names are.
fn placeholder(id: &SessionId, set: u32, server: &str, key: &str) -> String {
    let name = |text: &str| -> String {
        let plain = |c: char| c.is_ascii_alphanumeric().then(|| c.to_string());
        text.chars().map(|c| plain(c).unwrap_or_else(|| format!("_{:x}_", u32::from(c)))).collect()
    };
    format!("{}{set}.{}.{}>", placeholder_prefix(id), name(server), name(key))
}

/// What the session's own tool server is called.
pub(crate) const TOOLS: &str = "tenure";
/// The variable with its token.
pub(crate) const TOOLS_TOKEN: &str = "TENURE_TOOLS_TOKEN";

impl Private {
    /// The token of the session's own tool server, if it has one.
    pub(crate) fn tools_token(&self) -> Option<String> {
        self.mcp_secrets.get(TOOLS)?.get(TOOLS_TOKEN).cloned()
    }

    pub(crate) fn read(dir: &Path) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&std::fs::read(dir.join("private.json"))?)?)
    }

    /// It is there after a power loss, too, as the session is.
    pub(crate) fn write(&self, dir: &Path) -> std::io::Result<()> {
        write_private(&dir.join("private.json"), &serde_json::to_vec(self)?)?;
        for dir in std::iter::once(dir).chain(dir.parent()) {
            std::fs::File::open(dir)?.sync_all()?;
        }
        Ok(())
    }

    /// What stands in stored commands instead of the tool servers' secret values.
    pub(super) fn placeholders(&self, id: &SessionId) -> BTreeMap<String, BTreeMap<String, String>> {
        let server = |(name, values): (&String, &BTreeMap<String, String>)| {
            let keys = values.keys().map(|key| (key.clone(), placeholder(id, 0, name, key)));
            (name.clone(), keys.collect())
        };
        self.mcp_secrets.iter().map(server).collect()
    }

    /// A set of tool servers with such marks in place of their secret values.
    pub(super) fn marked_set(&self, id: &SessionId, number: u32) -> Vec<McpServerSpec> {
        let servers = self.mcp_sets.get(&number).map_or(&[][..], |set| set.servers.as_slice());
        let mark = |server: &McpServerSpec| {
            let values = server.transport.values().keys();
            let marks = values.map(|key| (key.clone(), placeholder(id, number, &server.name, key)));
            let transport = server.transport.clone().with_values(marks.collect());
            super::servers::marked(McpServerSpec { name: server.name.clone(), transport })
        };
        servers.iter().map(mark).collect()
    }

    /// What stands for each secret value, and the value.
    fn marks(&self, id: &SessionId) -> impl Iterator<Item = (String, &str)> {
        let given = self.mcp_secrets.iter().flat_map(move |(server, values)| {
            values.iter().map(move |(key, value)| (placeholder(id, 0, server, key), value.as_str()))
        });
        let sets = self.mcp_sets.iter().flat_map(|(number, set)| {
            set.secrets.iter().map(move |(server, values)| (*number, server, values))
        });
        given.chain(sets.flat_map(move |(number, server, values)| {
            let mark = move |key: &str| placeholder(id, number, server, key);
            values.iter().map(move |(key, value)| (mark(key), value.as_str()))
        }))
    }

    /// A stored command with the secret values in it, for the agent's eyes only.
    pub(super) fn fill_in(&self, bytes: &Bytes, id: &SessionId) -> Bytes {
        let needle = placeholder_prefix(id);
        let none = self.mcp_secrets.is_empty() && self.mcp_sets.is_empty();
        if none || memchr::memmem::find(bytes, needle.as_bytes()).is_none() {
            return bytes.clone();
        }
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        for (mark, value) in self.marks(id) {
            let quoted = serde_json::to_string(value).unwrap_or_default();
            let inside = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap_or_default();
            text = text.replace(&mark, inside);
        }
        Bytes::from(text)
    }

    /// Every value that must not be seen.
    pub(crate) fn secret_values(&self) -> impl Iterator<Item = (&str, &str)> {
        let env = self.env.iter().filter_map(|(k, v)| Some((k.as_str(), v.as_deref()?)));
        let sets = self.mcp_sets.values().flat_map(|set| set.secrets.values());
        let mcp = self.mcp_secrets.values().chain(sets).flatten().map(|(k, v)| (k.as_str(), v.as_str()));
        env.chain(mcp)
    }
}
