//! Limits of a session and what happens when its process ends by itself, as they are set and told. When a limit is
//! reached is the machine's business.

use serde::de::{Error, IntoDeserializer as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Limits that were set; only what changed is given, and 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct LimitsChanged {
    /// Turns of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turns: Option<u64>,
    /// US dollars that the session may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Seconds that one turn may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn_seconds: Option<u64>,
    /// Megabytes (of 1,000,000 bytes) that all its processes may use together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Seconds of idleness until it is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<u64>,
}

/// How often a process that ended by itself is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashPolicy {
    /// At most so many times …
    #[serde(default = "three")]
    #[schema(maximum = 1000)]
    pub max: u32,
    /// … within so many seconds; then the breaker opens.
    #[serde(default = "ten_minutes")]
    #[schema(minimum = 1, maximum = 31_536_000)]
    pub seconds: u64,
}

impl Default for CrashPolicy {
    fn default() -> Self {
        Self { max: three(), seconds: ten_minutes() }
    }
}

fn three() -> u32 {
    3
}

fn ten_minutes() -> u64 {
    600
}

/// What happens when the agent's process ends by itself: `"never"` waits for the next input, `"on_crash"` starts it
/// again with a growing pause, and `{"on_crash": {"max", "seconds"}}` says how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestartPolicy {
    /// Nothing, until the next input.
    #[default]
    Never,
    /// It is started again.
    OnCrash(CrashPolicy),
}

impl RestartPolicy {
    /// Started again, as often as is usual.
    #[must_use]
    pub fn on_crash() -> Self {
        Self::OnCrash(CrashPolicy::default())
    }
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RestartWord {
    Never,
    OnCrash,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestartRule {
    on_crash: CrashPolicy,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
enum RestartForm {
    Word(#[serde(deserialize_with = "word")] RestartWord),
    Rule(RestartRule),
}

/// Only as a text: `{"never": null}` is read as the same word otherwise.
fn word<'de, D: Deserializer<'de>>(from: D) -> Result<RestartWord, D::Error> {
    let text = String::deserialize(from)?;
    RestartWord::deserialize(text.as_str().into_deserializer())
}

impl Serialize for RestartPolicy {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Never => RestartForm::Word(RestartWord::Never),
            Self::OnCrash(policy) if policy == CrashPolicy::default() => {
                RestartForm::Word(RestartWord::OnCrash)
            }
            Self::OnCrash(on_crash) => RestartForm::Rule(RestartRule { on_crash }),
        }
        .serialize(to)
    }
}

impl<'de> Deserialize<'de> for RestartPolicy {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match RestartForm::deserialize(from) {
            Ok(RestartForm::Word(RestartWord::Never)) => Ok(Self::Never),
            Ok(RestartForm::Word(RestartWord::OnCrash)) => Ok(Self::on_crash()),
            Ok(RestartForm::Rule(rule)) => Ok(Self::OnCrash(rule.on_crash)),
            Err(_) => Err(D::Error::custom(
                "give \"never\", \"on_crash\" or {\"on_crash\": {\"max\": 3, \"seconds\": 600}}",
            )),
        }
    }
}

impl utoipa::PartialSchema for RestartPolicy {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        RestartForm::schema()
    }
}

impl ToSchema for RestartPolicy {
    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        RestartForm::schemas(schemas);
        for (name, schema) in [
            (RestartWord::name(), <RestartWord as utoipa::PartialSchema>::schema()),
            (RestartRule::name(), <RestartRule as utoipa::PartialSchema>::schema()),
            (CrashPolicy::name(), <CrashPolicy as utoipa::PartialSchema>::schema()),
        ] {
            schemas.push((name.into_owned(), schema));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_restart_policy_has_three_forms() {
        for (told, policy, again) in [
            (json!("never"), RestartPolicy::Never, json!("never")),
            (json!("on_crash"), RestartPolicy::on_crash(), json!("on_crash")),
            (json!({"on_crash": {}}), RestartPolicy::on_crash(), json!("on_crash")),
            (
                json!({"on_crash": {"max": 1}}),
                RestartPolicy::OnCrash(CrashPolicy { max: 1, seconds: 600 }),
                json!({"on_crash": {"max": 1, "seconds": 600}}),
            ),
        ] {
            let read: RestartPolicy = serde_json::from_value(told.clone()).expect("readable");
            assert_eq!(read, policy, "{told}");
            assert_eq!(serde_json::to_value(read).ok(), Some(again));
        }
        let odd = [json!({"on_crash": null}), json!({"never": null}), json!({"never": {}})];
        for wrong in [json!("always"), json!({"on_crash": {"most": 1}}), json!(3)].into_iter().chain(odd) {
            let e = serde_json::from_value::<RestartPolicy>(wrong.clone()).expect_err("refused");
            assert!(e.to_string().contains("on_crash"), "{wrong}: {e}");
        }
    }
}
