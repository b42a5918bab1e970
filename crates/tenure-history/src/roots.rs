//! Where agents keep what was said, by their own rules. Nothing is looked at here.

use std::path::{Path, PathBuf};

/// Directories to look in, by agent. All may be several.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roots {
    /// Configuration directories of Claude Code; conversations are in `projects` below.
    pub claude: Vec<PathBuf>,
    /// Homes of Codex; conversations are in `sessions` and `archived_sessions` below.
    pub codex: Vec<PathBuf>,
    /// Directories of Pi; conversations are in `sessions` below.
    pub pi: Vec<PathBuf>,
    /// Data directories of OpenCode, with its database.
    pub opencode: Vec<PathBuf>,
    /// Data directories of goose; the database is in `sessions` below.
    pub goose: Vec<PathBuf>,
}

impl Roots {
    /// Where the agents of a user look, by the home directory and the environment's variables.
    #[must_use]
    pub fn of_user(home: &Path, var: &dyn Fn(&str) -> Option<PathBuf>) -> Self {
        let set = |name: &str| var(name).filter(|path| path.is_absolute());
        let data = set("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
        let one = |name: &str, default: &str| vec![set(name).unwrap_or_else(|| home.join(default))];
        Self {
            claude: one("CLAUDE_CONFIG_DIR", ".claude"),
            codex: one("CODEX_HOME", ".codex"),
            pi: one("PI_CODING_AGENT_DIR", ".pi/agent"),
            opencode: vec![data.join("opencode")],
            goose: vec![data.join("goose")],
        }
    }

    /// Adds one to those of an agent, unless it is there.
    pub fn add(&mut self, agent: &str, root: PathBuf) {
        let roots = match agent {
            "claude" => &mut self.claude,
            "codex" => &mut self.codex,
            "pi" => &mut self.pi,
            "opencode" => &mut self.opencode,
            "goose" => &mut self.goose,
            _ => return,
        };
        if !roots.contains(&root) {
            roots.push(root);
        }
    }

    /// Those of one agent, and the variable that names them.
    #[must_use]
    pub fn of_agent(&self, agent: &str) -> Option<(&[PathBuf], &'static str)> {
        Some(match agent {
            "claude" => (&self.claude, "CLAUDE_CONFIG_DIR"),
            "codex" => (&self.codex, "CODEX_HOME"),
            "pi" => (&self.pi, "PI_CODING_AGENT_DIR"),
            "opencode" => (&self.opencode, "XDG_DATA_HOME"),
            "goose" => (&self.goose, "XDG_DATA_HOME"),
            _ => return None,
        })
    }
}
