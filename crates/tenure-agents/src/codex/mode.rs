//! Modes: when Codex asks, and what its sandbox lets through, as one word.
//!
//! The pairs that people want have names. Every other pair is written `WHEN/SANDBOX`, such
//! as `untrusted/danger-full-access`; it is read back, so that what a user's own settings
//! make is told truly and can be chosen again.

use serde_json::{Value, json};
use tenure_event::ModeInfo;

/// When it asks, in the program's words.
const WHEN: [&str; 3] = ["untrusted", "on-request", "never"];
/// What commands may touch, in the program's words.
const SANDBOX: [&str; 3] = ["read-only", "workspace-write", "danger-full-access"];

struct Named {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    when: &'static str,
    sandbox: &'static str,
}

const NAMED: [Named; 4] = [
    Named {
        id: "read-only",
        name: "Read only",
        description: "Reads by itself; asks before it writes or reaches the network",
        when: "on-request",
        sandbox: "read-only",
    },
    Named {
        id: "workspace-write",
        name: "Workspace",
        description: "Works in the workspace inside a sandbox; asks before it leaves it",
        when: "on-request",
        sandbox: "workspace-write",
    },
    Named {
        id: "ask",
        name: "Ask",
        description: "Asks before every command that is not known to only read, and every change of a file",
        when: "untrusted",
        sandbox: "workspace-write",
    },
    Named {
        id: "full-access",
        name: "Full access",
        description: "Asks for nothing at all, without a sandbox",
        when: "never",
        sandbox: "danger-full-access",
    },
];

/// Every mode in which it asks nobody.
pub(crate) const BYPASS: &[&str] =
    &["full-access", "never/danger-full-access", "never/workspace-write", "never/read-only"];

/// When it asks, and its sandbox, in this mode.
pub(super) fn read(mode: &str) -> Option<(&'static str, &'static str)> {
    if let Some(named) = NAMED.iter().find(|named| named.id == mode) {
        return Some((named.when, named.sandbox));
    }
    let (when, sandbox) = mode.split_once('/')?;
    let known = |list: &[&'static str], word: &str| list.iter().find(|known| **known == word).copied();
    Some((known(&WHEN, when)?, known(&SANDBOX, sandbox)?))
}

/// The mode that these settings make, as the program tells them. Those that no word here can
/// say again have none: they are the user's own, and stay as they are.
pub(super) fn name(when: &Value, sandbox: &Value) -> Option<String> {
    let when = when.as_str().filter(|when| WHEN.contains(when))?;
    let sandbox = match sandbox.get("type").and_then(Value::as_str)? {
        "readOnly" => "read-only",
        "workspaceWrite" => "workspace-write",
        "dangerFullAccess" => "danger-full-access",
        _ => return None,
    };
    let named = NAMED.iter().find(|named| named.when == when && named.sandbox == sandbox);
    Some(named.map_or_else(|| format!("{when}/{sandbox}"), |named| named.id.to_owned()))
}

/// A sandbox as a running thread takes it.
pub(super) fn policy(sandbox: &str) -> Value {
    match sandbox {
        "danger-full-access" => json!({"type": "dangerFullAccess"}),
        "read-only" => json!({"type": "readOnly", "networkAccess": false}),
        _ => json!({
            "type": "workspaceWrite", "writableRoots": [], "networkAccess": false,
            "excludeTmpdirEnvVar": false, "excludeSlashTmp": false,
        }),
    }
}

/// Whether nobody is asked in this mode.
pub(super) fn asks_nobody(mode: &str) -> bool {
    BYPASS.contains(&mode)
}

/// Modes for clients.
pub(super) fn all(allow_bypass: bool) -> Vec<ModeInfo> {
    let shown = NAMED.iter().filter(|named| allow_bypass || !asks_nobody(named.id));
    let info = |named: &Named| ModeInfo {
        id: named.id.to_owned(),
        name: named.name.to_owned(),
        description: Some(named.description.to_owned()),
    };
    shown.map(info).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_one_name_that_reads_back() {
        for when in WHEN {
            for sandbox in SANDBOX {
                let told = name(&json!(when), &policy(sandbox)).unwrap();
                assert_eq!(read(&told), Some((when, sandbox)), "{told}");
                assert_eq!(asks_nobody(&told), when == "never", "{told}");
            }
        }
    }

    #[test]
    fn strange_modes_are_refused_and_strange_settings_have_no_name() {
        for mode in ["", "/", "never", "never/", "yolo", "on-request/everything", "granular/read-only"] {
            assert_eq!(read(mode), None, "{mode}");
        }
        assert_eq!(name(&json!({"granular": {}}), &json!({"type": "readOnly"})), None);
        assert_eq!(name(&json!("never"), &json!({"type": "externalSandbox"})), None);
        assert_eq!(name(&json!("never"), &json!(null)), None);
    }
}
