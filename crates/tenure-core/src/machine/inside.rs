//! What clients may know of a session's state beyond its view: settings, counts, things to do.

use serde::{Deserialize, Serialize};
use tenure_api::{Metrics, PermissionsView, SessionConfig};
use tenure_event::{McpServer, Todo};

use super::State;

/// Parts of the state that have paths of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// Settings in force.
    pub config: SessionConfig,
    /// Counts.
    pub metrics: Metrics,
    /// Things to do, as the agent told them last.
    pub todos: Vec<Todo>,
    /// Tool servers as they stand.
    pub mcp: Vec<McpServer>,
}

impl State {
    /// See [`Inside`].
    #[must_use]
    pub fn inside(&self) -> Inside {
        let spec = &self.spec;
        Inside {
            config: SessionConfig {
                model: self.model.clone(),
                model_effective: self.model_effective.clone(),
                mode: self.mode.clone(),
                effort: self.effort.clone(),
                permissions: PermissionsView {
                    default: spec.permission_default,
                    rules: spec.permission_rules.clone(),
                    policy: self.policy.rules.clone(),
                    ask_timeout_seconds: self.ask_timeout(),
                    allow_bypass: spec.allow_bypass,
                },
                limits: self.limits_view(),
                restart: spec.restart,
            },
            metrics: Metrics {
                messages: self.counts.messages,
                turns: self.counts.turns,
                steps: self.counts.steps,
                tool_calls: self.counts.tool_calls,
                tool_usage: self.counts.tool_usage.clone(),
                usage: self.usage,
                context: self.context,
            },
            todos: self.todos.clone(),
            mcp: self.tool_servers(),
        }
    }
}
