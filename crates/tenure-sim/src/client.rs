//! Clients: they send, answer and interrupt, and hold the daemon to what it told them.

use std::collections::{BTreeMap, BTreeSet};

use tenure_api::{Problem, QueueChoice};
use tenure_core::{Admit, AnswerRequest, Reply, Request};
use tenure_event::{Ask, AskId, AskState, Decision, Delivery, InputId, Part, PartBody, Scope, Seq};
use tenure_log::EventLog;

use crate::env::{Env, Killed, at_once};
use crate::node::Node;

/// What the clients of one session know.
#[derive(Default)]
pub(crate) struct Clients {
    sent: u32,
    /// Inputs that were acknowledged.
    pub(crate) receipts: BTreeMap<InputId, Seq>,
    /// Inputs of which nobody knows, because the daemon was killed before it answered.
    unsure: BTreeSet<(InputId, Which)>,
    /// Answers that were taken.
    pub(crate) answers: BTreeMap<AskId, Decision>,
}

type Which = u8;

const DELIVERIES: [Delivery; 3] = [Delivery::Queue, Delivery::Steer, Delivery::Interrupt];

impl Clients {
    /// A client does something.
    pub(crate) fn act(&mut self, node: &mut Node, env: &mut Env, index: usize) -> Result<(), Killed> {
        match env.dice.roll(100) {
            0..=39 => {
                self.sent += 1;
                let id = InputId::parse(&format!("{}-i{}", env.plans[index].id, self.sent)).expect("an id");
                let which = [0, 0, 0, 1, 1, 2][env.dice.roll(6)];
                self.send(node, env, index, id, which)
            }
            40..=49 => {
                // The same again, as after a lost connection.
                let known: Vec<InputId> = self.receipts.keys().cloned().collect();
                match env.dice.pick(&known).cloned() {
                    Some(id) => self.send(node, env, index, id, 0),
                    None => Ok(()),
                }
            }
            50..=54 => self.ask_again(node, env, index),
            55..=74 => {
                let decision = [Decision::Allow, Decision::Allow, Decision::Deny, Decision::Cancel];
                let decision = decision[env.dice.roll(4)];
                self.answer(node, env, index, decision).map(drop)
            }
            roll => {
                let request = match roll {
                    75..=80 => Request::Interrupt { queue: QueueChoice::Keep },
                    81..=84 => Request::Interrupt { queue: QueueChoice::Discard },
                    85..=87 => Request::Suspend,
                    88..=92 => Request::Resume,
                    93 => Request::Close,
                    94 => Request::Kill,
                    n => {
                        let nth = env.dice.roll(self.sent as usize + 1);
                        let id = InputId::parse(&format!("{}-i{nth}", env.plans[index].id));
                        let input_id = id.expect("an id");
                        if n < 98 {
                            Request::CancelInput(input_id)
                        } else {
                            Request::EditInput { parts: text(input_id.as_str()), input_id }
                        }
                    }
                };
                node.owner(env, index)?.ask(env, request).map(drop)
            }
        }
    }

    fn send(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        index: usize,
        id: InputId,
        which: Which,
    ) -> Result<(), Killed> {
        let admit = Admit {
            input_id: id.clone(),
            delivery: DELIVERIES[usize::from(which)],
            parts: text(id.as_str()),
            model: None,
            effort: None,
            body_hash: format!("hash of {id}"),
            minted: false,
        };
        self.unsure.insert((id.clone(), which));
        let answer = node.owner(env, index)?.ask(env, Request::Admit(admit))?;
        self.unsure.remove(&(id.clone(), which));
        match answer {
            Ok(Reply::Admitted(receipt)) => {
                let before = self.receipts.insert(id.clone(), receipt.seq);
                assert!(before.is_none_or(|seq| seq == receipt.seq), "{id} got two receipts");
            }
            Ok(other) => panic!("an input was answered with {other:?}"),
            // Refused: it is known that it was not taken, unless it was before.
            Err(_) => assert!(!self.receipts.contains_key(&id), "{id} was taken and is refused now"),
        }
        Ok(())
    }

    /// Sends again what nobody knows of.
    pub(crate) fn ask_again(&mut self, node: &mut Node, env: &mut Env, index: usize) -> Result<(), Killed> {
        for (id, which) in self.unsure.clone() {
            self.send(node, env, index, id, which)?;
        }
        Ok(())
    }

    /// Answers an open ask; sometimes one that was answered before.
    pub(crate) fn answer(
        &mut self,
        node: &mut Node,
        env: &mut Env,
        index: usize,
        decision: Decision,
    ) -> Result<bool, Killed> {
        let mut asks: Vec<AskId> = open_asks(env, index).into_iter().map(|ask| ask.id).collect();
        let open = !asks.is_empty();
        if env.dice.chance(10) {
            asks.extend(self.answers.keys().next_back().cloned());
        }
        let Some(ask_id) = env.dice.pick(&asks).cloned() else { return Ok(false) };
        let request = AnswerRequest {
            ask_id: ask_id.clone(),
            decision,
            scope: Scope::Once,
            message: None,
            updated_input: None,
            answers: None,
            option_id: None,
        };
        let answer = node.owner(env, index)?.ask(env, Request::Answer(request))?;
        if let Ok(Reply::Answered(ask)) = answer {
            let before = self.answers.insert(ask_id.clone(), ask.decision.unwrap_or(decision));
            assert_eq!(before, None, "{ask_id} was answered twice");
        }
        Ok(open)
    }

    /// Asks of the session itself, at the end.
    pub(crate) fn verb(
        node: &mut Node,
        env: &mut Env,
        index: usize,
        request: Request,
    ) -> Result<Result<Reply, Problem>, Killed> {
        node.owner(env, index)?.ask(env, request)
    }
}

fn open_asks(env: &Env, index: usize) -> Vec<Ask> {
    let id = &env.plans[index].id;
    let mut rows = at_once(env.log.asks(Some(id), &[AskState::Open], 100)).expect("the log can be read");
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows.iter().map(|row| serde_json::from_str(&row.view).expect("an ask")).collect()
}

fn text(words: &str) -> Vec<Part> {
    let body = PartBody::Text { text: words.to_owned() };
    vec![Part { id: "0".to_owned(), body, bytes: None, blob: None }]
}
