//! One conversation: its settings, its history and the turn that runs in it. Talking to the client about it is the
//! agent's part.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::history::{History, Item};
use crate::rpc::RpcError;
use crate::turn::Turn;

/// Each mode's id, name and description.
const MODES: &[(&str, &str, &str)] = &[
    ("default", "Default", "Asks where the script says so"),
    ("plan", "Plan", "Only differs by its name"),
    ("bypass", "Bypass permissions", "Takes every ask as allowed, without asking"),
];

/// Something that `session/set_config_option` can set.
struct Setting {
    id: &'static str,
    name: &'static str,
    category: &'static str,
    /// Each value and its name; the first is the default.
    values: &'static [(&'static str, &'static str)],
}

const SETTINGS: &[Setting] = &[
    Setting {
        id: "model",
        name: "Model",
        category: "model",
        values: &[("scripted-1", "Scripted 1"), ("scripted-2", "Scripted 2")],
    },
    Setting {
        id: "effort",
        name: "Effort",
        category: "thought_level",
        values: &[("medium", "Medium"), ("low", "Low"), ("high", "High")],
    },
];

pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) cwd: PathBuf,
    pub(crate) history: History,
    state: Mutex<State>,
}

struct State {
    mode: String,
    /// The current values, in the order of [`SETTINGS`].
    settings: Vec<String>,
    turn: Option<Arc<Turn>>,
}

impl Session {
    pub(crate) fn new(id: String, cwd: &str, history: History) -> Self {
        let settings = SETTINGS.iter().map(|s| s.values[0].0.to_owned()).collect();
        let state = State { mode: MODES[0].0.to_owned(), settings, turn: None };
        Self { id, cwd: PathBuf::from(cwd), history, state: Mutex::new(state) }
    }

    /// Takes over the settings that the history tells of.
    pub(crate) fn restore(&self, items: &[Item]) {
        for item in items {
            if let Item::Set { key, value } = item {
                // A value of another version that is not known here leaves the default.
                let _ = if key == "mode" { self.set_mode(value) } else { self.set(key, value) };
            }
        }
    }

    pub(crate) fn mode(&self) -> String {
        self.state().mode.clone()
    }

    pub(crate) fn set_mode(&self, id: &str) -> Result<(), RpcError> {
        if !MODES.iter().any(|(mode, _, _)| *mode == id) {
            return Err(RpcError::params(format!(
                "unknown mode {id:?}; known are {}",
                names(MODES.iter().map(|m| m.0))
            )));
        }
        id.clone_into(&mut self.state().mode);
        Ok(())
    }

    pub(crate) fn set(&self, key: &str, value: &str) -> Result<(), RpcError> {
        let Some(place) = SETTINGS.iter().position(|setting| setting.id == key) else {
            let known = names(SETTINGS.iter().map(|s| s.id));
            return Err(RpcError::params(format!("unknown config option {key:?}; known are {known}")));
        };
        let values = SETTINGS[place].values;
        if !values.iter().any(|(id, _)| *id == value) {
            let known = names(values.iter().map(|v| v.0));
            return Err(RpcError::params(format!("{key} cannot be {value:?}; known are {known}")));
        }
        value.clone_into(&mut self.state().settings[place]);
        Ok(())
    }

    pub(crate) fn modes(&self) -> Value {
        let describe =
            |(id, name, text): &(&str, &str, &str)| json!({"id": id, "name": name, "description": text});
        let modes: Vec<Value> = MODES.iter().map(describe).collect();
        json!({"currentModeId": self.mode(), "availableModes": modes})
    }

    pub(crate) fn config_options(&self) -> Value {
        let state = self.state();
        let options = SETTINGS.iter().zip(&state.settings).map(|(setting, current)| {
            let values: Vec<Value> =
                setting.values.iter().map(|(v, n)| json!({"value": v, "name": n})).collect();
            json!({
                "id": setting.id, "name": setting.name, "category": setting.category, "type": "select",
                "currentValue": current, "options": values,
            })
        });
        options.collect()
    }

    /// A path of the script as an absolute one.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.cwd.join(Path::new(path))
    }

    /// Begins a turn unless one runs.
    pub(crate) fn begin(&self, turn: &Arc<Turn>) -> bool {
        let mut state = self.state();
        let free = state.turn.is_none();
        if free {
            state.turn = Some(turn.clone());
        }
        free
    }

    pub(crate) fn turn(&self) -> Option<Arc<Turn>> {
        self.state().turn.clone()
    }

    pub(crate) fn end(&self) {
        self.state().turn = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    ids.collect::<Vec<_>>().join(", ")
}
