//! Model, mode and effort: which can be chosen, which is in force and how it is set.
//!
//! Agents offer them as config options by category, or by the older `modes` and `models`,
//! or as both. A config option wins.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_event::{ModeInfo, ModelInfo};

use crate::json::{at, list_at, str_at, string_at};

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Which {
    Model,
    Mode,
    Effort,
}

impl Which {
    /// The name that clients know it by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Mode => "mode",
            Self::Effort => "effort",
        }
    }
}

/// How a setting is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Way {
    /// Not at all.
    #[default]
    Nowhere,
    /// By `session/set_config_option` with this id.
    Option(String),
    /// By `session/set_mode` or `session/set_model`.
    Method,
}

/// A value that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Choice {
    id: String,
    name: String,
    description: Option<String>,
}

/// One setting as the agent offers it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Setting {
    /// How it is set.
    pub(super) way: Way,
    /// What is in force.
    pub(super) current: Option<String>,
    choices: Vec<Choice>,
}

/// All three.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) model: Setting,
    pub(super) mode: Setting,
    pub(super) effort: Setting,
}

impl Settings {
    /// One of the three.
    pub(super) fn get(&self, which: Which) -> &Setting {
        match which {
            Which::Model => &self.model,
            Which::Mode => &self.mode,
            Which::Effort => &self.effort,
        }
    }

    /// One of the three, to change.
    pub(super) fn get_mut(&mut self, which: Which) -> &mut Setting {
        match which {
            Which::Model => &mut self.model,
            Which::Mode => &mut self.mode,
            Which::Effort => &mut self.effort,
        }
    }

    /// Reads what the answer to new, load or resume offers.
    pub(super) fn read_session(&mut self, answer: &Value) {
        self.read_options(answer);
        let modes = choices(list_at(answer, &["modes", "availableModes"]), "id");
        // pi-acp offers its thought levels as modes as well.
        let levels = !self.effort.choices.is_empty() && same_ids(&modes, &self.effort.choices);
        if !levels {
            self.mode.read_method(modes, string_at(answer, &["modes", "currentModeId"]));
        }
        let models = choices(list_at(answer, &["models", "availableModels"]), "modelId");
        self.model.read_method(models, string_at(answer, &["models", "currentModelId"]));
    }

    /// Reads a full list of config options; without a list nothing changes.
    pub(super) fn read_options(&mut self, holder: &Value) {
        let Some(options) = at(holder, &["configOptions"]).and_then(Value::as_array) else { return };
        for which in [Which::Model, Which::Mode, Which::Effort] {
            let found =
                options.iter().find(|option| category(option) == Some(which)).and_then(Setting::read_option);
            let setting = self.get_mut(which);
            match found {
                Some(found) => *setting = found,
                None if matches!(setting.way, Way::Option(_)) => *setting = Setting::default(),
                None => {}
            }
        }
    }

    /// Modes for clients.
    pub(super) fn modes(&self) -> Vec<ModeInfo> {
        let info = |c: &Choice| ModeInfo {
            id: c.id.clone(),
            name: c.name.clone(),
            description: c.description.clone(),
        };
        self.mode.choices.iter().map(info).collect()
    }

    /// Models for clients. Efforts are told by agents for the model in force only.
    pub(super) fn models(&self) -> Vec<ModelInfo> {
        let efforts: Vec<String> = self.effort.choices.iter().map(|c| c.id.clone()).collect();
        let info = |c: &Choice| ModelInfo {
            id: c.id.clone(),
            name: c.name.clone(),
            description: c.description.clone(),
            efforts: if self.model.current.as_ref() == Some(&c.id) { efforts.clone() } else { Vec::new() },
        };
        self.model.choices.iter().map(info).collect()
    }
}

impl Setting {
    fn read_option(option: &Value) -> Option<Self> {
        let id = option_id(option)?.to_owned();
        let flat = list_at(option, &["options"]).iter().flat_map(|entry| match at(entry, &["options"]) {
            Some(Value::Array(group)) => group.as_slice(),
            _ => std::slice::from_ref(entry),
        });
        let choices = flat.filter_map(|entry| Choice::read(entry, "value")).collect();
        Some(Self { way: Way::Option(id), current: string_at(option, &["currentValue"]), choices })
    }

    fn read_method(&mut self, choices: Vec<Choice>, current: Option<String>) {
        if matches!(self.way, Way::Option(_)) || choices.is_empty() {
            return;
        }
        *self = Self { way: Way::Method, current, choices };
    }

    /// Whether this value is among the choices.
    #[cfg(test)]
    pub(super) fn offers(&self, id: &str) -> bool {
        self.choices.iter().any(|choice| choice.id == id)
    }
}

impl Choice {
    fn read(entry: &Value, key: &str) -> Option<Self> {
        let id = string_at(entry, &[key])?;
        let name = string_at(entry, &["name"]).unwrap_or_else(|| id.clone());
        Some(Self { id, name, description: string_at(entry, &["description"]) })
    }
}

fn choices(list: &[Value], key: &str) -> Vec<Choice> {
    list.iter().filter_map(|entry| Choice::read(entry, key)).collect()
}

fn same_ids(a: &[Choice], b: &[Choice]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.id == b.id)
}

/// Version 2 calls it `configId`.
fn option_id(option: &Value) -> Option<&str> {
    str_at(option, &["id"]).or_else(|| str_at(option, &["configId"]))
}

fn category(option: &Value) -> Option<Which> {
    match str_at(option, &["category"]).or_else(|| option_id(option))? {
        "model" => Some(Which::Model),
        "mode" => Some(Which::Mode),
        "thought_level" => Some(Which::Effort),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn modes(ids: &[&str]) -> Value {
        let list: Vec<Value> = ids.iter().map(|id| json!({"id": id, "name": id})).collect();
        json!({"currentModeId": ids.first(), "availableModes": list})
    }

    #[test]
    fn an_option_wins_over_the_older_way() {
        let mut settings = Settings::default();
        settings.read_session(&json!({
            "modes": modes(&["old"]),
            "configOptions": [{"id": "m", "category": "mode", "currentValue": "a",
                "options": [{"name": "G", "options": [{"value": "a", "name": "A"}]}, {"value": "b", "name": "B"}]}],
        }));
        assert_eq!(settings.mode.way, Way::Option("m".into()));
        assert!(settings.mode.offers("a") && settings.mode.offers("b") && !settings.mode.offers("old"));
    }

    #[test]
    fn thought_levels_told_as_modes_are_no_modes() {
        let level = json!([{"id": "t", "category": "thought_level", "currentValue": "off",
            "options": [{"value": "off", "name": "Off"}, {"value": "high", "name": "High"}]}]);
        let mut settings = Settings::default();
        settings.read_session(&json!({"modes": modes(&["off", "high"]), "configOptions": level}));
        assert_eq!((settings.mode.way, settings.effort.way), (Way::Nowhere, Way::Option("t".into())));
    }

    #[test]
    fn an_option_that_vanishes_is_gone_and_a_missing_list_changes_nothing() {
        let mut settings = Settings::default();
        settings
            .read_options(&json!({"configOptions": [{"id": "model", "currentValue": "x", "options": []}]}));
        assert_eq!(settings.model.current.as_deref(), Some("x"));
        settings.read_options(&json!({}));
        assert_eq!(settings.model.current.as_deref(), Some("x"));
        settings.read_options(&json!({"configOptions": []}));
        assert_eq!(settings.model, Setting::default());
    }
}
