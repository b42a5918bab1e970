//! Rows of inputs that have not ended: what stands in the log for each, kept beside the machine. They change with the events
//! of a step, and are stored in its transaction.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_api::InputView;
use tenure_core::Admit;
use tenure_core::machine::{InputChange, State};
use tenure_event::{InputId, Kind, NewEvent, Part, Seq, TurnId};
use tenure_log::{InputRow, Write};

/// Rows as they were.
pub type RowsBefore = Vec<(InputId, Option<InputRow>)>;

/// The rows of one session's inputs.
#[derive(Debug, Default)]
pub struct InputRows {
    rows: BTreeMap<InputId, InputRow>,
    /// The input that is being admitted, with the hash of its request.
    admitting: Option<(InputId, String)>,
}

impl InputRows {
    /// This one is about to be admitted.
    pub fn admitting(&mut self, admit: &Admit) {
        self.admitting = Some((admit.input_id.clone(), admit.body_hash.clone()));
    }

    /// The row of an input that has not ended.
    #[must_use]
    pub fn get(&self, id: &InputId) -> Option<&InputRow> {
        self.rows.get(id)
    }

    /// A row that was read from the store.
    pub fn insert(&mut self, row: InputRow) {
        self.rows.insert(row.id.clone(), row);
    }

    /// The rows that these changes may change, as they are.
    #[must_use]
    pub fn before(&self, changes: &[InputChange]) -> RowsBefore {
        changes.iter().map(|c| (id_of(c).clone(), self.rows.get(id_of(c)).cloned())).collect()
    }

    /// Puts rows back as they were.
    pub fn put_back(&mut self, before: RowsBefore) {
        for (id, row) in before {
            match row {
                Some(row) => self.rows.insert(id, row),
                None => self.rows.remove(&id),
            };
        }
    }

    /// Gives an input other words.
    pub fn edit(&mut self, id: &InputId, parts: &[Part]) {
        if let Some(row) = self.rows.get_mut(id) {
            edit_view(row, |view| view["parts"] = json!(parts));
        }
    }

    /// The rows of inputs that changed, as they are to be stored; those that ended are forgotten. `events` are the step's,
    /// as they are stored, and stand after `base`; `state` is the session's after it.
    pub fn writes(
        &mut self,
        state: &State,
        changes: &[InputChange],
        events: &[NewEvent],
        base: Seq,
    ) -> Vec<Write> {
        let mut writes: Vec<InputRow> = Vec::new();
        for change in changes {
            let id = id_of(change).clone();
            if let InputChange::Admitted { seq, .. } = change {
                if let Some(row) = self.admitted(state, &id, events, base, *seq) {
                    self.rows.insert(id.clone(), row);
                }
            } else if let Some(row) = self.rows.get_mut(&id) {
                change_row(row, change);
            }
            let Some(row) = self.rows.get(&id) else { continue };
            // Of several changes the last row is all that is left.
            writes.retain(|earlier| earlier.id != id);
            writes.push(row.clone());
            if row.ended_seq.is_some() {
                self.rows.remove(&id);
            }
        }
        writes.into_iter().map(|row| Write::Input(Box::new(row))).collect()
    }

    fn admitted(
        &self,
        state: &State,
        id: &InputId,
        events: &[NewEvent],
        base: Seq,
        seq: Seq,
    ) -> Option<InputRow> {
        let at = usize::try_from(seq.0.checked_sub(base.0 + 1)?).ok()?;
        let Kind::InputAdmitted(admitted) = &events.get(at)?.kind else { return None };
        let steered = || state.turn.iter().flat_map(|t| &t.steered).map(|s| &s.queued);
        let queued = state.queue.iter().chain(steered()).find(|q| &q.input_id == id);
        let body_hash =
            queued.map(|q| q.body_hash.clone()).or_else(|| self.hash_in_hand(id)).unwrap_or_default();
        let view = InputView {
            input_id: id.clone(),
            delivery: admitted.delivery,
            state: "queued".to_owned(),
            parts: admitted.parts.clone(),
            seq,
            turn_id: None,
            position: admitted.position,
            admitted_at: events[at].ts,
        };
        Some(InputRow {
            id: id.clone(),
            session_id: state.spec.id.clone(),
            body_hash,
            state: "queued".to_owned(),
            admitted_seq: seq,
            turn_id: None,
            ended_seq: None,
            view: serde_json::to_string(&view).ok()?,
        })
    }

    fn hash_in_hand(&self, id: &InputId) -> Option<String> {
        self.admitting.as_ref().filter(|(known, _)| known == id).map(|(_, hash)| hash.clone())
    }
}

/// The input that changes.
#[must_use]
pub fn id_of(change: &InputChange) -> &InputId {
    match change {
        InputChange::Admitted { input_id, .. }
        | InputChange::Edited { input_id }
        | InputChange::Requeued { input_id }
        | InputChange::Started { input_id, .. }
        | InputChange::Completed { input_id, .. }
        | InputChange::Cancelled { input_id, .. } => input_id,
    }
}

fn change_row(row: &mut InputRow, change: &InputChange) {
    let (state, turn, ended): (&str, Option<&TurnId>, Option<Seq>) = match change {
        InputChange::Admitted { .. } | InputChange::Edited { .. } => return,
        InputChange::Requeued { .. } => ("queued", None, None),
        InputChange::Started { turn_id, .. } => ("started", Some(turn_id), None),
        InputChange::Completed { turn_id, seq, .. } => ("completed", Some(turn_id), Some(*seq)),
        InputChange::Cancelled { seq, .. } => ("cancelled", None, Some(*seq)),
    };
    row.state = state.to_owned();
    row.turn_id = turn.cloned();
    row.ended_seq = ended;
    edit_view(row, |view| {
        view["state"] = json!(state);
        if let Some(turn) = turn {
            view["turn_id"] = json!(turn);
        }
    });
}

fn edit_view(row: &mut InputRow, edit: impl FnOnce(&mut Value)) {
    if let Ok(mut view) = serde_json::from_str::<Value>(&row.view) {
        edit(&mut view);
        row.view = view.to_string();
    }
}
