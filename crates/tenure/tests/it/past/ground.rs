//! A small past of Claude Code in a scratch home, all read.

use serde_json::json;
use tenure_corpus::Talk;

use crate::home::Home;

/// The pump was mended on the first day, on `main`.
pub(super) const PUMP: &str = "6f6c7379-1395-469f-b1d1-2931f8da6621";
/// The gate was looked at five days later, on another branch, by a model without a price; it has a title.
pub(super) const GATE: &str = "6f6c7379-0000-4000-8000-000000000002";
/// The oldest, put away.
pub(super) const OLD: &str = "0a0a0a0a-0000-4000-8000-000000000003";

/// The name by which the verbs know one of them.
pub(super) fn named(id: &str) -> String {
    format!("claude/{id}")
}

/// A home with that past, and its daemon.
pub(super) fn with_a_past() -> Home {
    let home = Home::new();
    let root = home.path("user").join(".claude");
    for dir in ["pump", "gate"] {
        std::fs::create_dir(home.work(dir)).unwrap();
    }
    let valve = home.work("pump/src/valve.rs");
    let edit = json!({"file_path": valve, "old_string": "stuck", "new_string": "free"});
    Talk::new(PUMP, &home.work("pump"))
        .asks("Please mend the pump")
        .calls("Edit", &edit, "The file was updated.")
        .says("The pump is mended; the valve was stuck. The pump pumps.")
        .write(&root)
        .unwrap();
    Talk::new(GATE, &home.work("gate"))
        .later(5)
        .branch("fix/gate")
        .model("house-model-1")
        .asks("Why does the gate leak?")
        .says("It leaks because its valve is worn.")
        .title("The leaking gate")
        .write(&root)
        .unwrap();
    Talk::new(OLD, &home.work("pump")).asks("An old question").put_away().write(&root).unwrap();
    home.up();
    home.settle();
    home
}
