//! Rules that answer permission asks before a person is asked. How they are matched is the machine's business.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ToolKind;

/// What happens to permission asks that no rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PermissionDefault {
    /// A person is asked.
    #[default]
    Ask,
    /// Tenure allows each, with a record.
    Allow,
    /// Tenure denies each, with a record.
    Deny,
}

/// A rule for permission asks. Of several the first that matches decides. What is absent matches everything; `*` stands
/// for any text and `?` for one character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionRule {
    /// What is done with an ask that matches.
    pub decision: PermissionDefault,
    /// The tool's name, for example `Bash` or `mcp__*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// What the tool does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolKind>,
    /// What the tool is called with: its command, path or URL. A rule that allows never matches a command with one of
    /// ``; & | ` $ < >`` or a line break in it, unless the pattern has that character too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}
