//! What extensions want of a person. The program itself asks for nothing: a `confirm` is the
//! nearest to a permission that there is.

use serde_json::{Value, json};
use tenure_core::agent::{Answer, AskSignal, Command, Signal};
use tenure_event::{AskKind, AskOption, OptionKind, Question, QuestionChoice};

use super::memory::{ASKS_MAX, Call};
use super::{PiCodec, field, native};

/// Choices of one question that are shown.
const CHOICES_MAX: usize = 256;

impl PiCodec {
    /// Reads `extension_ui_request`.
    pub(super) fn extension_asks(&mut self, frame: &Value, out: &mut Vec<Signal>) {
        let method = field::id(frame, "method").unwrap_or("unknown");
        let kind = format!("extension_ui/{method}");
        let Some(id) = frame.get("id").filter(|_| field::id(frame, "id").is_some()) else {
            return out.push(native(&kind, frame));
        };
        let token = id.to_string();
        match method {
            "confirm" | "select" | "input" | "editor" => self.ask(token, method, frame, out),
            "notify" => match (field::text(frame, "notifyType"), field::text(frame, "message")) {
                (Some("warning" | "error"), Some(text)) => out
                    .push(Signal::Warning { code: "extension".to_owned(), message: field::clip(text, 2000) }),
                _ => out.push(native(&kind, frame)),
            },
            "setStatus" | "setWidget" | "setTitle" | "set_editor_text" => out.push(native(&kind, frame)),
            _ => {
                let method = method.to_owned();
                out.push(native(&kind, frame));
                // It may wait for an answer, and takes this one in any case.
                out.push(Signal::Send(Command::Answer(Answer::Unknown { token, method })));
            }
        }
    }

    fn ask(&mut self, token: String, method: &str, frame: &Value, out: &mut Vec<Signal>) {
        let call = self.call_asked_about().cloned();
        if let Some(call) = &call
            && self.memory.asks.len() < ASKS_MAX
        {
            self.memory.asks.push((token.clone(), call.tool_id.clone()));
        }
        let title = field::text(frame, "title").unwrap_or("An extension asks");
        let ask = AskSignal {
            token,
            kind: AskKind::Question,
            title: field::one_line(title),
            tool: call.as_ref().map(|call| call.tool.clone()),
            tool_id: call.as_ref().map(|call| call.tool_id.clone()),
            input: call.map(|call| call.input),
            options: options("Answer", "Do not answer"),
            questions: Vec::new(),
            path: Vec::new(),
            keep: json!({"method": method, "question": title}),
            can_update_input: false,
            can_always: false,
        };
        out.push(Signal::Ask(match method {
            "confirm" => permission(ask, title, frame),
            "editor" => AskSignal {
                kind: AskKind::Elicitation,
                input: Some(json!({"message": title, "schema": schema(frame)})),
                options: options("Send the text", "Leave it"),
                ..ask
            },
            _ => AskSignal { questions: vec![question(title, frame)], ..ask },
        }));
    }

    /// The call that is being carried out, if it is the only one.
    fn call_asked_about(&self) -> Option<&Call> {
        let mut running = self.memory.calls.iter().filter(|call| call.runs);
        running.next().filter(|_| running.next().is_none())
    }

    /// The call has ended: nobody waits for these answers.
    pub(super) fn withdraw_asks_about(&mut self, tool_id: &str, out: &mut Vec<Signal>) {
        let (gone, left) =
            std::mem::take(&mut self.memory.asks).into_iter().partition(|(_, about)| about == tool_id);
        self.memory.asks = left;
        let gone: Vec<(String, String)> = gone;
        out.extend(gone.into_iter().map(|(token, _)| Signal::AskWithdrawn { token }));
    }
}

/// A yes or no. What is asked stands in the title, since the input is the tool's.
fn permission(ask: AskSignal, title: &str, frame: &Value) -> AskSignal {
    let message = field::text(frame, "message").filter(|text| !text.trim().is_empty());
    let whole = message.map_or_else(|| title.to_owned(), |text| format!("{title}: {text}"));
    AskSignal {
        kind: AskKind::Permission,
        title: field::one_line(&whole),
        input: ask.input.clone().or_else(|| message.map(|text| json!({"message": text}))),
        options: options("Yes", "No"),
        ..ask
    }
}

fn options(yes: &str, no: &str) -> Vec<AskOption> {
    let option = |id: &str, name: &str, kind| AskOption { id: id.to_owned(), name: name.to_owned(), kind };
    vec![option("allow", yes, OptionKind::AllowOnce), option("deny", no, OptionKind::RejectOnce)]
}

fn question(title: &str, frame: &Value) -> Question {
    let choices = field::items(frame, "options").iter().filter_map(Value::as_str);
    Question {
        question: title.to_owned(),
        header: field::text(frame, "placeholder").map(field::one_line),
        choices: choices
            .map(|label| QuestionChoice { label: label.to_owned(), description: None })
            .take(CHOICES_MAX)
            .collect(),
        multiple: false,
    }
}

/// The form that stands for an editor: one text, which may begin with something.
fn schema(frame: &Value) -> Value {
    let prefill = field::text(frame, "prefill").unwrap_or_default();
    json!({
        "type": "object",
        "properties": {"text": {"type": "string", "default": prefill}},
        "required": ["text"],
    })
}
