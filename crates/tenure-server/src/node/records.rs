//! Where agents keep their records: by the environment that the configuration gives them, and by that of a session. What
//! is there is read in `history`.

use std::path::PathBuf;

use tenure_history::Roots;
use tenure_log::SessionRow;

use super::Node;
use super::agents::{self, AgentDef};
use crate::owner::{Private, resolve_environment, session_dir};

/// An agent's name as its reader has it, and the directory in which it keeps its conversations.
pub(crate) type RecordRoot = (String, PathBuf);

impl Node {
    /// Where the agents that are known by name or configured keep their conversations.
    pub(crate) fn record_roots(&self) -> Vec<RecordRoot> {
        let config = self.shared.config();
        let agents = agents::names(&config).into_iter().filter_map(|name| agents::find(&config, &name));
        agents.filter_map(|agent| self.record_root(&agent, &Private::default())).collect()
    }

    /// Where a session's agent does, if the session has an environment of its own. Reads its private file.
    pub(crate) fn record_root_of(&self, row: &SessionRow) -> Option<RecordRoot> {
        let agent = self.shared.agent(&row.agent)?;
        let private = Private::read(&session_dir(&self.shared.home, &row.id)).ok()?;
        let own = !private.env.is_empty() || private.inherit_env.is_some();
        own.then(|| self.record_root(&agent, &private)).flatten()
    }

    fn record_root(&self, agent: &AgentDef, private: &Private) -> Option<RecordRoot> {
        let keeper = self.record_keeper(&agent.name);
        let env = resolve_environment(agent, private, std::env::vars_os());
        variable(&env, "HOME").filter(|home| home.is_absolute())?;
        let root = roots_of(&env).of_agent(&keeper)?.0.first()?.clone();
        Some((keeper, root))
    }
}

/// Where agents that are started with this environment keep their conversations.
pub(super) fn roots_of(env: &[(String, String)]) -> Roots {
    let home = variable(env, "HOME").unwrap_or_else(|| PathBuf::from("/nonexistent"));
    Roots::of_user(&home, &|name: &str| variable(env, name))
}

fn variable(env: &[(String, String)], name: &str) -> Option<PathBuf> {
    env.iter().find(|(known, _)| known == name).map(|(_, value)| PathBuf::from(value))
}
