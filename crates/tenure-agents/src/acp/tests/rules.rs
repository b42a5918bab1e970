//! One test for each rule: what an agent says, and what is made of it.

mod ask;
mod handshake;
mod message;
mod news;
mod tool;
mod turn;
mod two;

use serde_json::{Value, json};
use tenure_core::agent::{Command, Signal};
use tenure_event::PartBody;

fn text(update: &str, text: &str) -> Value {
    json!({"sessionUpdate": update, "content": {"type": "text", "text": text}})
}

fn agent(said: &str) -> Value {
    text("agent_message_chunk", said)
}

fn done(out: &[Signal]) -> Vec<(&PartBody, bool)> {
    let messages = out.iter().filter_map(|signal| match signal {
        Signal::Message(done) => Some(done.parts.iter().map(|part| (&part.body, done.partial))),
        _ => None,
    });
    messages.flatten().collect()
}

fn said(text: &str) -> PartBody {
    PartBody::Text { text: text.to_owned() }
}

fn end_turn(n: u64) -> Value {
    json!({"id": n * 16 + 4, "result": {"stopReason": "end_turn"}})
}

fn failed(out: &[Signal]) -> (&str, &str) {
    match out.last() {
        Some(Signal::HandshakeFailed(error)) => (&error.code, &error.message),
        other => panic!("{other:?}"),
    }
}

fn sends(out: &[Signal]) -> &Command {
    match out.last() {
        Some(Signal::Send(command)) => command,
        other => panic!("{other:?}"),
    }
}
