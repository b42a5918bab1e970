//! Rules that answer permission asks before a person is asked. How they are matched is the machine's business.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
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
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known_kind")]
    pub kind: Option<ToolKind>,
    /// What the tool is called with: its commands, files and addresses, under whatever names the agent gives them. A rule that
    /// allows matches only if each of them fits, and never a command with one of ``; & | ` $ < >`` or a line break in it
    /// unless the pattern has that character too, nor a path that goes up (`..`) more often than the pattern. A rule that
    /// denies or asks matches if any of them fits: a path as it is or made absolute, a command as a whole or one of a line's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
}

/// A kind that is named in a rule is one that there is: a word that nobody knows would match what it does not say.
fn known_kind<'de, D: Deserializer<'de>>(from: D) -> Result<Option<ToolKind>, D::Error> {
    let Some(word) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let kind = serde_json::from_value(serde_json::Value::from(word.as_str())).map_err(D::Error::custom)?;
    let known = serde_json::to_value::<ToolKind>(kind).is_ok_and(|name| name == word.as_str());
    if known { Ok(Some(kind)) } else { Err(D::Error::custom(format!("there is no kind of tool `{word}`"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_nobody_knows_is_refused() {
        let read = |text: &str| serde_json::from_str::<PermissionRule>(text);
        assert_eq!(
            read(r#"{"decision":"ask","kind":"read"}"#).map(|r| r.kind).ok(),
            Some(Some(ToolKind::Read))
        );
        assert_eq!(
            read(r#"{"decision":"ask","kind":"other"}"#).map(|r| r.kind).ok(),
            Some(Some(ToolKind::Other))
        );
        assert_eq!(read(r#"{"decision":"ask","kind":null}"#).map(|r| r.kind).ok(), Some(None));
        assert!(read(r#"{"decision":"ask","kind":"AAA"}"#).unwrap_err().to_string().contains("AAA"));
    }
}
