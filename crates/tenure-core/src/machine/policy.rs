//! Rules from the configuration that answer permission asks before a person is asked. They are no part of the session: the
//! owner hands in those that are in force, and hands in others when the configuration changes.

use std::sync::Arc;

use tenure_api::PolicyRule;

use super::{Machine, State};

/// What the configuration says for one session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Policy {
    /// In the order in which they count.
    pub rules: Vec<PolicyRule>,
    /// Seconds until an ask is denied, for a session that was created without a word on that.
    pub ask_timeout_seconds: Option<u64>,
}

impl Machine {
    /// Takes what the configuration says now. Asks that are open stay open.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.state.policy = policy;
    }
}

impl State {
    /// Seconds until an ask is denied.
    pub(super) fn ask_timeout(&self) -> u64 {
        let own = self.spec.ask_timeout_seconds;
        if self.spec.ask_timeout_by_default { self.policy.ask_timeout_seconds.unwrap_or(own) } else { own }
    }
}

/// Whether a text fits a pattern with `*` and `?`.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    super::rule::fits(pattern, text)
}
