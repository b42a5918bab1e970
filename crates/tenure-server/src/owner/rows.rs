//! Rows that change with events: the session's, its inputs' and its asks'.

use tenure_api::{InputView, Receipt};
use tenure_core::{Admit, Reply};
use tenure_event::Delivery;
use tenure_log::{EventLog, InputRow, SessionRow, StoredAsk, Write};

use super::Owner;
use super::stored::StoredRef;

/// A session that only goes on moves in the lists at most this often, in milliseconds: each move rewrites every index
/// that lists are walked by, and it speaks a thousand times a second.
const MOVES_AFTER_MS: u64 = 1000;

/// Bytes by which the room of a stored state grows.
const ROOM: usize = 1024;

impl Owner {
    /// The session's row as it is now, with the private state.
    pub(super) fn session_row(&mut self, state: Vec<u8>) -> Result<SessionRow, serde_json::Error> {
        let s = self.machine.state();
        let view = s.view();
        let listed = SessionRow {
            id: s.spec.id.clone(),
            lifecycle: s.lifecycle.as_str().to_owned(),
            activity: view.axes.activity.as_ref().map(|a| a.state.as_str().to_owned()),
            agent: s.spec.agent.clone(),
            native_id: s.native_id.clone().or_else(|| s.spec.resumes.clone()),
            project_id: s.spec.project_id.clone(),
            workspace_id: s.spec.workspace_id.clone(),
            cwd: s.spec.cwd_canonical.clone(),
            title: s.title.clone().map(|title| self.redactor.plain(title)),
            tags: s.tags.clone(),
            archived: s.archived,
            live: s.is_live(),
            created_at: s.created_at,
            updated_at: s.updated_at,
            view: String::new(),
            state: Vec::new(),
        };
        let listed = stays_or_moves(self.listed.take(), listed);
        self.listed = Some(listed.clone());
        Ok(SessionRow { view: serde_json::to_string(&view)?, state, ..listed })
    }

    /// The private state: the machine, and how far the process's output was taken in.
    pub(super) fn private_state(&mut self) -> Result<Vec<u8>, serde_json::Error> {
        // A process that cannot be taken up yet keeps its place.
        let current = self.machine.state().process.as_ref().map(|p| p.generation);
        let kept = self.stored_line.as_ref().filter(|line| Some(line.generation) == current);
        let line = match &mut self.line {
            Some(line) => Some(line.about_to_store()),
            None => kept,
        };
        let (machine, words) = (self.machine.state(), &self.words);
        let state = serde_json::to_string(&StoredRef { machine, line, words })?;
        Ok(roomy(self.redactor.hidden(state), &mut self.room))
    }

    /// An input with this id that was admitted before: its receipt, or a conflict.
    pub(super) async fn known_input(&mut self, admit: &Admit) -> Option<Result<Reply, tenure_api::Problem>> {
        self.rows.admitting(admit);
        let row = match self.rows.get(&admit.input_id) {
            Some(row) => row.clone(),
            None if admit.minted => return None,
            None => match self.shared.log.input(&self.id, &admit.input_id).await {
                Ok(row) => row?,
                Err(e) => return Some(Err(crate::problem::from_log(&e))),
            },
        };
        if row.body_hash != admit.body_hash {
            let what = format!("input {} was sent before with other words; use another id", admit.input_id);
            return Some(
                Err(tenure_api::Problem::new(tenure_api::ErrorCode::Conflict, what).about(&self.id)),
            );
        }
        Some(Ok(Reply::Admitted(receipt(row))))
    }

    pub(super) fn ask_writes(&self, asks: &[tenure_event::Ask]) -> Result<Vec<Write>, serde_json::Error> {
        asks.iter()
            .map(|ask| {
                let view = self.redactor.view::<tenure_event::Ask>(serde_json::to_string(ask)?);
                Ok(Write::Ask(Box::new(StoredAsk {
                    id: ask.id.clone(),
                    session_id: self.id.clone(),
                    state: ask.state,
                    expires_at: ask.expires_at,
                    opened_at: ask.opened_at,
                    view,
                })))
            })
            .collect()
    }
}

/// The receipt of an input that was admitted before: the same again, with the turn that has taken it in since.
pub(crate) fn receipt(row: InputRow) -> Receipt {
    let view = serde_json::from_str::<InputView>(&row.view);
    let (delivery, position) = view.map_or((Delivery::Queue, 0), |view| (view.delivery, view.position));
    Receipt { input_id: row.id, delivery, position, seq: row.admitted_seq, turn_id: row.turn_id }
}

/// The state with blanks behind it. A row that stays as long as it was is written over in place, and what did not change
/// of it is not written at all; one that changes its length takes other pages each time.
fn roomy(state: String, room: &mut usize) -> Vec<u8> {
    let needed = state.len().next_multiple_of(ROOM);
    if *room < needed || *room / 2 > needed {
        *room = needed;
    }
    let mut state = state.into_bytes();
    state.resize(*room, b' ');
    state
}

/// The row as lists are to see it: where it stood, if little time has passed and nothing else is new but that it works.
/// One that rests moves each time: nothing may come after that to move it.
fn stays_or_moves(before: Option<SessionRow>, now: SessionRow) -> SessionRow {
    let works = matches!(now.activity.as_deref(), Some("running" | "queued" | "compacting" | "interrupting"));
    let Some(before) = before.filter(|_| works) else { return now };
    let stays = SessionRow { updated_at: before.updated_at, ..now.clone() };
    let same_but_activity = SessionRow { activity: before.activity.clone(), ..stays.clone() } == before;
    let moved = now.updated_at.millis_since(before.updated_at) >= MOVES_AFTER_MS;
    if same_but_activity && !moved { stays } else { now }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tenure_event::{ProjectId, SessionId, Timestamp, WorkspaceId};

    fn row(at: i64, activity: &str) -> SessionRow {
        SessionRow {
            id: SessionId::parse("s").expect("valid"),
            lifecycle: "live".into(),
            activity: Some(activity.into()),
            agent: "scripted".into(),
            native_id: None,
            project_id: ProjectId::parse("p").expect("valid"),
            workspace_id: WorkspaceId::parse("w").expect("valid"),
            cwd: "/".into(),
            title: None,
            tags: Vec::new(),
            archived: false,
            live: true,
            created_at: Timestamp::from_millis(0),
            updated_at: Timestamp::from_millis(at),
            view: String::new(),
            state: Vec::new(),
        }
    }

    #[test]
    fn a_state_keeps_its_room_unless_it_needs_more_or_far_less() {
        let mut room = 0;
        let mut stored = |len: usize| {
            let state = format!("\"{}\"", "x".repeat(len - 2));
            let kept = roomy(state.clone(), &mut room);
            let read: String = serde_json::from_slice(&kept).expect("still JSON");
            assert_eq!(format!("\"{read}\""), state);
            kept.len()
        };
        assert_eq!([1, 0, 1, 0].map(|more| stored(2000 + 100 * more)), [3072, 3072, 3072, 3072]);
        assert_eq!(stored(20_000), 20_480);
        assert_eq!(stored(11_000), 20_480);
        assert_eq!(stored(5000), 5120);
    }

    #[test]
    fn a_session_that_goes_on_moves_in_the_lists_now_and_then() {
        let listed = |before, now| stays_or_moves(before, now).updated_at.as_millis();
        assert_eq!(listed(None, row(5000, "running")), 5000);
        assert_eq!(listed(Some(row(5000, "running")), row(5999, "running")), 5000, "it stays");
        assert_eq!(listed(Some(row(5000, "running")), row(6000, "running")), 6000, "it moves");
        assert_eq!(listed(Some(row(5000, "idle")), row(5001, "running")), 5000, "it begins to work");
        assert_eq!(listed(Some(row(5000, "running")), row(5001, "idle")), 5001, "it rests");
        assert_eq!(listed(Some(row(5001, "idle")), row(5002, "idle")), 5002, "it rested");
        let titled = SessionRow { title: Some("new".into()), ..row(5001, "running") };
        assert_eq!(listed(Some(row(5000, "running")), titled), 5001, "something else is new");
    }
}
