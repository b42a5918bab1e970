//! `session/prompt` and what can happen to it while it runs: a cancel, a cancelled request, a steered text.

use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

use super::Agent;
use crate::play;
use crate::record::Act;
use crate::rpc::{self, INTERNAL, INVALID_REQUEST, Reply, RpcError};
use crate::script;
use crate::turn::{Cancel, Steer, Turn};

impl Agent {
    /// Starts a turn on a thread of its own, which answers the prompt. A second prompt on a busy session is refused:
    /// who drives an agent has to keep the queue.
    pub(super) fn prompt(self: &Arc<Self>, id: &Value, params: &Value) -> Result<(), RpcError> {
        let session = self.session(params)?;
        let text = rpc::prompt_text(&params["prompt"])?;
        let steps = script::parse(&text).map_err(RpcError::params)?;
        let turn = Arc::new(Turn::new(id.clone()));
        if !session.begin(&turn) {
            return Err(RpcError::new(
                INVALID_REQUEST,
                "another turn is already in progress in this session",
            ));
        }
        self.record.write(|| Act::TurnStarted {
            session: session.id.clone(),
            prompt_id: id.clone(),
            text: text.clone(),
        });
        let agent = self.clone();
        let started = thread::Builder::new().name("turn".into()).spawn({
            let session = session.clone();
            move || play::prompt(&agent, &session, &turn, &text, steps)
        });
        started.map(drop).map_err(|error| {
            session.end();
            RpcError::new(INTERNAL, format!("no thread for the turn: {error}"))
        })
    }

    pub(super) fn cancel_turn(&self, params: &Value) {
        let Ok(session) = self.session(params) else { return };
        self.record.write(|| Act::Cancelled { session: session.id.clone(), by: "session/cancel".into() });
        if let Some(turn) = session.turn() {
            turn.cancel(Cancel::Turn);
        }
    }

    /// Only prompts take long enough to be cancelled.
    pub(super) fn cancel_request(&self, params: &Value) {
        let wanted = &params["requestId"];
        let sessions: Vec<_> = self.sessions().values().cloned().collect();
        for session in sessions {
            if let Some(turn) = session.turn().filter(|turn| turn.prompt_id == *wanted) {
                self.record
                    .write(|| Act::Cancelled { session: session.id.clone(), by: "$/cancel_request".into() });
                turn.cancel(Cancel::Request);
            }
        }
    }

    /// Takes a text into the running turn; it is played at the next step boundary.
    pub(super) fn steer(&self, params: &Value) -> Reply {
        let session = self.session(params)?;
        let text = rpc::prompt_text(&params["prompt"])?;
        let steps = script::parse(&text).map_err(RpcError::params)?;
        let taken = session.turn().is_some_and(|turn| turn.steer(Steer { text, steps }));
        if !taken {
            return Err(RpcError::new(INVALID_REQUEST, "no turn is running that could take this in"));
        }
        Ok(json!({"outcome": "injected"}))
    }
}
