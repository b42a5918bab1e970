//! Files are recorded, taken back, and brought forth again.

use serde_json::{Value, json};

use super::picture::{Picture, change, furnish};
use super::{Doer, Done, expect};
use crate::crash::daemon::Place;

impl Doer<'_> {
    pub(super) fn files(&mut self, place: &Place, id: &str) -> Done {
        let dir = place.workspace(id);
        furnish(&dir, "before")?;
        let before = Picture::of(&dir)?;
        let more = json!({"cwd": dir.to_string_lossy(), "checkpoints": {"mode": "auto"}});
        self.create(place, id, more)?;
        let first = self.checkpoint(place, id, "first")?;
        change(&dir, "after")?;
        self.checkpoint(place, id, "second")?;
        let steps = json!([{"write": "by-agent", "text": id}, {"text": "done"}]);
        self.say(id, 1, &format!("@@{steps}@@"))?;
        let after = Picture::of(&dir)?;
        let back = json!({"to": {"checkpoint": first}, "scope": "files", "force": true});
        self.way(id, "rewind", &back, "rewind.completed")?;
        let now = Picture::of(&dir)?;
        expect(now == before, || format!("not as it was before: {}", now.difference(&before)))?;
        self.way(id, "rewind/undo", &json!({"force": true}), "rewind.undone")?;
        let now = Picture::of(&dir)?;
        expect(now == after, || format!("not as it was after: {}", now.difference(&after)))?;
        self.destroy(id)
    }

    /// One of this label: recorded once, and whole.
    fn checkpoint(&mut self, place: &Place, id: &str, label: &str) -> Done<Value> {
        let (path, key) = (format!("/v1/sessions/{id}/checkpoints"), format!("{id}-{label}"));
        let made = self.insist("POST", &path, Some(&json!({"label": label})), Some(&key), &[])?.json();
        self.once(id, "checkpoint.created", "label", label);
        let tree = made["tree"].as_str().unwrap_or("none");
        let stores = std::fs::read_dir(place.home().join("checkpoints")).into_iter().flatten().flatten();
        let kept = stores.map(|store| store.path().join("trees").join(tree)).any(|tree| tree.is_file());
        expect(kept && made["restorable"] == true, || format!("checkpoint `{label}` is not there: {made}"))?;
        Ok(made["id"].clone())
    }

    fn way(&mut self, id: &str, verb: &str, body: &Value, event: &'static str) -> Done {
        let (path, key) = (format!("/v1/sessions/{id}/{verb}"), format!("{id}-{verb}"));
        let made = self.insist("POST", &path, Some(body), Some(&key), &[])?.json();
        expect(made["conflicts_total"] == 0, || format!("{verb} met conflicts: {made}"))?;
        self.once(id, event, "rewind_id", made["rewind_id"].as_str().unwrap_or("none"));
        Ok(())
    }
}
