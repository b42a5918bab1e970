//! What only Pi needs from the disk: its instructions as files, and where it keeps
//! conversations.

use std::path::{Path, PathBuf};

use tenure_agents::pi::Instructions;
use tenure_core::agent::StartRecord;

use crate::owner::stored::write_private;

/// Writes the session's instructions into files of its own directory: they may be long, and belong in no argument.
pub(super) fn instructions(dir: &Path, record: &StartRecord) -> std::io::Result<Instructions> {
    let file = |name: &str, text: Option<&String>| {
        let Some(text) = text else { return Ok(None) };
        let path = dir.join(name);
        write_private(&path, text.as_bytes())?;
        Ok::<_, std::io::Error>(Some(path.display().to_string()))
    };
    Ok(Instructions {
        append: file("instructions-append.md", record.append_instructions.as_ref())?,
        replace: file("instructions-replace.md", record.replace_instructions.as_ref())?,
    })
}

/// Whether Pi has this conversation, as far as can be told: its settings may keep them elsewhere.
pub(crate) fn has_conversation(env: &[(String, String)], id: &str) -> bool {
    let get = |name: &str| env.iter().find(|(k, _)| k == name).map(|(_, v)| PathBuf::from(v));
    if id.is_empty() || id.contains(['/', '\0']) {
        return false;
    }
    if let Some(dir) = get("PI_CODING_AGENT_SESSION_DIR") {
        return holds(&dir, id);
    }
    let Some(home) = get("PI_CODING_AGENT_DIR").or_else(|| Some(get("HOME")?.join(".pi/agent"))) else {
        return false;
    };
    let settings = std::fs::read_to_string(home.join("settings.json")).unwrap_or_default();
    if settings.contains("\"sessionDir\"") {
        return true;
    }
    let projects = std::fs::read_dir(home.join("sessions")).into_iter().flatten().flatten();
    projects.into_iter().any(|project| holds(&project.path(), id))
}

/// Files are named by the time of their beginning and the id.
fn holds(dir: &Path, id: &str) -> bool {
    let end = format!("_{id}.jsonl");
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.file_name().to_string_lossy().ends_with(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_is_found_where_pi_keeps_it() {
        let home = tempfile::tempdir().expect("scratch");
        let project = home.path().join(".pi/agent/sessions/--work--");
        std::fs::create_dir_all(&project).expect("made");
        std::fs::write(project.join("2026-01-01T00-00-00-000Z_abc.jsonl"), "{}").expect("written");
        let env = [("HOME".to_owned(), home.path().display().to_string())];
        assert!(has_conversation(&env, "abc"));
        for other in ["bc2", "", "../abc", "2026"] {
            assert!(!has_conversation(&env, other), "{other}");
        }
        let elsewhere = ("PI_CODING_AGENT_SESSION_DIR".to_owned(), project.display().to_string());
        assert!(has_conversation(&[elsewhere], "abc"));
        std::fs::write(home.path().join(".pi/agent/settings.json"), r#"{"sessionDir": "/x"}"#)
            .expect("written");
        assert!(has_conversation(&env, "nobody-can-tell"));
    }
}
