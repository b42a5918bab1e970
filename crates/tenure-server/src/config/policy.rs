//! `[[permissions]]`: rules by project and agent that answer permission asks before a person is asked.

use serde::Deserialize;
use tenure_api::PolicyRule;
use tenure_core::machine::{Policy, Spec, check_rules, fits};
use tenure_event::PermissionRule;

use super::Config;

/// The longest time that an ask can wait, in seconds: ten years.
const LONGEST: u64 = 315_360_000;

/// One `[[permissions]]`. What names neither a project nor an agent is for every session.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PermissionsConfig {
    /// A project's id or path, or the directory of a session; paths may have `*` and `?`.
    pub project: Option<String>,
    /// The name of an agent.
    pub agent: Option<String>,
    /// Rules; of all that apply the first that matches decides.
    pub rules: Vec<PermissionRule>,
    /// Seconds until an ask is denied, where a session was created without a word on that.
    pub ask_timeout_seconds: Option<u64>,
}

impl PermissionsConfig {
    /// The field that cannot be kept, and why.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        if let Err(problem) = check_rules(&self.rules) {
            let field = problem.field.unwrap_or_default();
            return Err((field.trim_start_matches("permissions.").to_owned(), problem.detail));
        }
        if self.rules.is_empty() && self.ask_timeout_seconds.is_none() {
            return Err(("rules".to_owned(), "give `rules`, or `ask_timeout_seconds`".to_owned()));
        }
        if self.agent.as_deref() == Some("") {
            return Err(("agent".to_owned(), "name an agent, or leave it away for every one".to_owned()));
        }
        if self.project.as_deref().is_some_and(|project| project.is_empty() || project.starts_with('~')) {
            let what =
                "give a project's id or a whole path (`~` is not resolved), or leave it away for every one";
            return Err(("project".to_owned(), what.to_owned()));
        }
        if self.ask_timeout_seconds.is_some_and(|seconds| seconds > LONGEST) {
            let what = format!("at most {LONGEST} seconds, ten years");
            return Err(("ask_timeout_seconds".to_owned(), what));
        }
        Ok(())
    }

    fn applies_to(&self, spec: &Spec) -> bool {
        let paths = [spec.project_path.as_str(), spec.cwd_canonical.as_str()];
        let is_here = |project: &String| names(project, spec.project_id.as_str(), paths);
        self.agent.as_ref().is_none_or(|agent| *agent == spec.agent)
            && self.project.as_ref().is_none_or(is_here)
    }
}

/// Whether words of the file name the project with this id, or one of these paths.
fn names(project: &str, id: &str, paths: [&str; 2]) -> bool {
    // A slash at the end says nothing; that of the root is all there is.
    let path = project.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(project);
    project == id || paths.iter().any(|at| fits(path, at))
}

impl Config {
    /// What applies to a session.
    #[must_use]
    pub fn policy_for(&self, spec: &Spec) -> Policy {
        let mut policy = Policy::default();
        for (at, entry) in self.permissions.iter().enumerate().filter(|(_, entry)| entry.applies_to(spec)) {
            let from = |n: usize| format!("config.toml permissions[{at}].rules[{n}]");
            let rules = entry.rules.iter().enumerate();
            policy.rules.extend(rules.map(|(n, rule)| PolicyRule { rule: rule.clone(), from: from(n) }));
            policy.ask_timeout_seconds = policy.ask_timeout_seconds.or(entry.ask_timeout_seconds);
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_project_is_named_by_its_id_or_its_path() {
        let paths = ["/srv/app", "/srv/app/.trees/one"];
        for (project, does) in [
            ("prj_1", true),
            ("prj_*", false),
            ("/srv/app", true),
            ("/srv/app/", true),
            ("/srv/app/.trees/one", true),
            ("/srv/*", true),
            ("/srv/ap", false),
            ("/srv", false),
            ("/", false),
            ("app", false),
            ("*/app", true),
        ] {
            assert_eq!(names(project, "prj_1", paths), does, "{project}");
        }
        assert!(names("/", "prj_1", ["/", "/srv"]));
    }
}
