//! Asking for permission, and going on according to the answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ending, Flow, Player};
use crate::rpc;
use crate::script::steps::{Ask, Choice};
use crate::turn::{Answer, Waited};

/// Longer than any client's own deadline.
const LONGEST_ASK: Duration = Duration::from_secs(48 * 3600);

const USUAL_KINDS: [&str; 3] = ["allow_once", "allow_always", "reject_once"];

/// How an ask ended; with the id of the option that was chosen.
#[derive(Debug)]
pub(super) enum Verdict {
    Allowed(String),
    Rejected(String),
    Cancelled,
    Withdrawn,
    Failed(String),
}

impl Player<'_> {
    pub(super) fn ask(&mut self, ask: &Ask) -> Flow {
        let id = self.agent.item_id("call");
        let call = self.asked_call(&id, ask);
        if !ask.no_tool_call {
            self.tool_call(&call)?;
        }
        let withdraw_after = ask.withdraw_after_ms.map(Duration::from_millis);
        let verdict = self.permission(&call, ask.options.as_deref(), withdraw_after, ask.withdraw_on_cancel);
        let verdict = match verdict {
            Ok(verdict) => verdict,
            Err(ending) => {
                if !ask.no_tool_call {
                    self.tool_failed(&id, "cancelled")?;
                }
                return Err(ending);
            }
        };
        let allowed = matches!(verdict, Verdict::Allowed(_));
        if allowed {
            let mut update = if ask.no_tool_call { call } else { json!({"toolCallId": id}) };
            update["status"] = json!("completed");
            self.tool_call_update(&update)?;
        } else if !ask.no_tool_call {
            self.tool_failed(&id, &verdict.words())?;
        }
        self.obey_reject(&verdict)?;
        self.say(&verdict.words())?;
        let (text, steps) = match allowed {
            true => (&ask.then_text_on_allow, &ask.on_allow),
            false => (&ask.then_text_on_reject, &ask.on_reject),
        };
        if let Some(text) = text {
            self.say(text)?;
        }
        self.steps(steps)
    }

    fn asked_call(&self, id: &str, ask: &Ask) -> Value {
        let mut call = json!({
            "toolCallId": id, "title": ask.title, "kind": ask.kind.as_deref().unwrap_or("execute"),
            "status": "pending", "rawInput": ask.input,
        });
        if let Some(name) = &ask.name {
            call["name"] = json!(name);
        }
        if let Some(diff) = &ask.diff {
            call["content"] = json!([self.diff(diff)]);
        }
        call
    }

    /// Asks the client and waits for its answer; a cancel does not wait for it.
    pub(super) fn permission(
        &self,
        call: &Value,
        choices: Option<&[Choice]>,
        withdraw_after: Option<Duration>,
        withdraw_on_cancel: bool,
    ) -> Result<Verdict, Ending> {
        if self.session.mode() == "bypass" {
            return Ok(Verdict::Allowed("bypass".into()));
        }
        let options = options(choices);
        let params = json!({"sessionId": self.session.id, "toolCall": call, "options": options});
        let id = self.agent.ask_client(self.turn, "session/request_permission", params);
        let waited = self.turn.wait_answer(&id.to_string(), withdraw_after.unwrap_or(LONGEST_ASK));
        let withdraw = match waited {
            Waited::Got(answer) => return Ok(verdict(&answer, &options)),
            Waited::Cancelled => withdraw_on_cancel,
            Waited::TimedOut => true,
        };
        self.agent.forget_request(&id);
        if withdraw {
            self.agent.wire.send(&rpc::notification("$/cancel_request", json!({"requestId": id})));
        }
        if matches!(waited, Waited::Cancelled) { Err(Ending::Cancelled) } else { Ok(Verdict::Withdrawn) }
    }
}

fn options(choices: Option<&[Choice]>) -> Vec<Value> {
    let usual = || USUAL_KINDS.map(|kind| Choice::Kind(kind.to_owned())).to_vec();
    let choices = choices.map_or_else(usual, <[Choice]>::to_vec);
    let option = |choice: &Choice| match choice {
        Choice::Kind(kind) => json!({"optionId": kind, "name": name(kind), "kind": kind}),
        Choice::Full { id, kind, name: given } => {
            json!({"optionId": id, "name": given.as_deref().unwrap_or(name(kind)), "kind": kind})
        }
    };
    choices.iter().map(option).collect()
}

fn name(kind: &str) -> &str {
    match kind {
        "allow_once" => "Allow once",
        "allow_always" => "Always allow",
        "reject_once" => "Reject",
        "reject_always" => "Always reject",
        other => other,
    }
}

/// What the answer means is told by the kind of the option that it names.
fn verdict(answer: &Answer, options: &[Value]) -> Verdict {
    let outcome = match answer {
        Answer::Error(error) => {
            return Verdict::Failed(
                error["message"].as_str().unwrap_or("error without a message").to_owned(),
            );
        }
        Answer::Result(result) => &result["outcome"],
    };
    if outcome["outcome"] == "cancelled" {
        return Verdict::Cancelled;
    }
    let Some(chosen) = outcome["optionId"].as_str() else {
        return Verdict::Failed(format!("not an outcome: {outcome}"));
    };
    let option = options.iter().find(|option| option["optionId"] == chosen);
    match option.and_then(|option| option["kind"].as_str()) {
        Some(kind) if kind.starts_with("allow") => Verdict::Allowed(chosen.to_owned()),
        Some(_) => Verdict::Rejected(chosen.to_owned()),
        None => Verdict::Failed(format!("no such option: {chosen}")),
    }
}
