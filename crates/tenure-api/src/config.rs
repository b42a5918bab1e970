//! What can be changed while a session lives.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use tenure_event::{PermissionDefault, PermissionRule, RestartPolicy};
use utoipa::ToSchema;

use crate::{LimitsPatch, LimitsView, VerbWait};

/// `GET …/config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SessionConfig {
    /// The model that was asked for; null for the agent's own choice.
    pub model: Option<String>,
    /// The model that the agent says it uses.
    pub model_effective: Option<String>,
    /// The mode in force, where known.
    pub mode: Option<String>,
    /// The effort in force, where known.
    pub effort: Option<String>,
    /// Who answers permission asks.
    pub permissions: PermissionsView,
    /// Limits, and how far they are used up.
    pub limits: LimitsView,
    /// What happens when the process ends by itself.
    pub restart: RestartPolicy,
}

/// Who answers permission asks, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PermissionsView {
    /// What happens to asks that no rule decides.
    pub default: PermissionDefault,
    /// Rules that decide before; the first that matches counts.
    pub rules: Vec<PermissionRule>,
    /// Rules of `config.toml` that apply to it; they decide where none of `rules` matches.
    #[serde(default)]
    pub policy: Vec<PolicyRule>,
    /// Seconds until an ask is denied.
    pub ask_timeout_seconds: u64,
    /// A mode of the agent that bypasses permissions may be used. Set at create only.
    pub allow_bypass: bool,
}

/// A rule of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyRule {
    /// What it says.
    pub rule: PermissionRule,
    /// Where it stands, for example `config.toml permissions[0].rules[2]`.
    pub from: String,
}

/// `PATCH …/config`: what is given is set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigPatch {
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The effort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<String>,
    /// Who answers permission asks from now on. Asks that are open stay open.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub permissions: Option<PermissionsPatch>,
    /// Limits. Raising the one that was reached lets the session go on with what is queued.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "object")]
    pub limits: Option<LimitsPatch>,
    /// What happens when the process ends by itself, from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<RestartPolicy>,
}

/// Permissions to set; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermissionsPatch {
    /// What happens to asks that no rule decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<PermissionDefault>,
    /// All rules, in place of those before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<PermissionRule>>,
    /// Seconds until an ask is denied (0 denies at once).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(maximum = 315_360_000)]
    pub ask_timeout_seconds: Option<u64>,
}

/// `POST …/compact`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Compact {
    /// What the summary is to keep, where the agent takes such a wish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
    /// Until when the call waits.
    #[serde(default)]
    pub wait: VerbWait,
}

/// `POST …/commands/{name}`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCommand {
    /// A text, or an object where the command declares its arguments by name; they are written in that order.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub args: Option<Value>,
    /// The input's id: the same one again is the same run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Until when the call waits.
    #[serde(default)]
    pub wait: crate::SendWait,
    /// The model to set before, and to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// An object and nothing else: derived readers take a list of values in the order of the fields, too.
fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    match Option::<Value>::deserialize(from)? {
        None => Ok(None),
        Some(value @ Value::Object(_)) => serde_json::from_value(value).map(Some).map_err(D::Error::custom),
        Some(_) => Err(D::Error::custom("it is an object")),
    }
}
