//! What agents said and did, against the log: nothing lost, repeated or moved, and every message's text whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Case;
use crate::crash::record::Process;
use crate::crash::report::{Fault, Report};
use crate::crash::store::Event;
use crate::crash::tape::{Ending, Tape, Token, compare};

pub(super) fn check(case: &Case<'_>, report: &mut Report) {
    let lives = lives(case);
    for (n, process) in case.processes.iter().enumerate() {
        let agent = process.tape();
        let ending = ending(case, process);
        // In a long run numbers of processes come again.
        let earlier = case.processes[..n].iter().filter(|other| other.pid == process.pid).count();
        let mut of_pid = lives.iter().filter(|(pid, _)| *pid == process.pid);
        let Some((_, events)) = of_pid.nth(earlier) else {
            // That it is not told at all is found by the check of processes.
            if !agent.is_empty() && !ending.shim_killed {
                report
                    .add(Fault::Lost, format!("{}: all {} of process {}", case.id, agent.len(), process.pid));
            }
            continue;
        };
        let log = tape(case, events, &agent);
        let difference = compare(&agent, &log, ending);
        let kinds = [
            (Fault::Lost, difference.lost),
            (Fault::Repeated, difference.repeated),
            (Fault::OutOfOrder, difference.out_of_order),
            (Fault::Invented, difference.invented),
        ];
        for (fault, tokens) in kinds {
            for token in tokens {
                report.add(
                    fault,
                    format!("{} process {} seq {}: {:?}", case.id, process.pid, token.seq, token.what),
                );
            }
        }
        whole_messages(case, process, events, ending, report);
        odd_lines(case, events, ending, report);
    }
}

/// No script writes lines that cannot be read: something was cut or mixed on its way. Only the last line of an agent that
/// was killed in the act may be cut.
fn odd_lines(case: &Case<'_>, events: &[&Event], ending: Ending, report: &mut Report) {
    let odd = |event: &&&Event| matches!(event.text("kind"), "malformed" | "oversized");
    let odd = events.iter().filter(|event| event.kind == "native.received").filter(odd);
    for event in odd.skip(usize::from(ending.killed)) {
        report.add(Fault::Invented, format!("{}: {}", case.at(event), event.value["data"]));
    }
}

/// The log cut into the lives of processes: the process id, and the events up to the next one's start.
fn lives<'a>(case: &'a Case<'_>) -> Vec<(u32, Vec<&'a Event>)> {
    let mut lives: Vec<(u32, Vec<&Event>)> = Vec::new();
    for event in case.events {
        if event.kind == "process.started" {
            let pid = event.value["data"]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
            lives.push((pid.unwrap_or(0), Vec::new()));
        } else if let Some((_, events)) = lives.last_mut() {
            events.push(event);
        }
    }
    lives
}

fn ending(case: &Case<'_>, process: &Process) -> Ending {
    let shim_killed = case.lost_its_shim(process);
    Ending { killed: shim_killed || !process.ended_cleanly(), shim_killed }
}

/// The log's side. Ends that Tenure itself gave to tools and turns are left out: only what an agent did is compared.
fn tape(case: &Case<'_>, events: &[&Event], agent: &[Token]) -> Vec<Token> {
    let by_agent = |what: &str| agent.iter().any(|token| token.what == what);
    let mut tape = Tape::default();
    let mut gone = false;
    for event in events {
        let seq = event.seq;
        match event.kind.as_str() {
            "message.completed"
                if event.text("role") == "assistant" && event.value["data"]["origin"].is_null() =>
            {
                for part in event.value["data"]["parts"].as_array().into_iter().flatten() {
                    said(case, part, seq, &mut tape);
                }
            }
            "tool.started" => tape.tool(event.text("tool_id"), seq),
            "tool.completed" => {
                let words =
                    ["completed", "failed"].map(|word| format!("tool {} {word}", event.text("tool_id")));
                let told = words.into_iter().find(|what| by_agent(what));
                let state = event.text("state");
                match told {
                    // An end that Tenure gave it: if the agent's own end is missing, it counts as lost.
                    Some(_) if state == "cancelled" => {}
                    Some(what) if what.ends_with("completed") == (state == "completed") => {
                        tape.mark(what, seq)
                    }
                    Some(what) => tape.mark(format!("{what}, but the log says {state}"), seq),
                    None => {}
                }
            }
            "ask.opened" => tape.mark(format!("ask {}", event.text("tool_id")), seq),
            "input.started" if event.text("how") == "turn" => {
                let what = format!("begin {}", event.text("input_id"));
                by_agent(&what).then(|| tape.mark(what, seq));
            }
            // What ends after its process was ended by Tenure, whatever the agent has put into its record.
            "process.exited" => gone = true,
            "turn.completed" if !gone => {
                let inputs: Vec<String> = event.list("input_ids").map(|id| format!("end {id}")).collect();
                inputs.into_iter().filter(|what| by_agent(what)).for_each(|what| tape.mark(what, seq));
            }
            _ => {}
        }
    }
    tape.finish()
}

fn said(case: &Case<'_>, part: &Value, seq: u64, tape: &mut Tape) {
    let kind = match part["type"].as_str() {
        Some("text") => "text",
        Some("thought") => "thought",
        _ => return,
    };
    tape.text(kind, &case.store.text_of(case.id, part), seq);
}

/// Every message that has an id of the agent's, as one text.
fn whole_messages(
    case: &Case<'_>,
    process: &Process,
    events: &[&Event],
    ending: Ending,
    report: &mut Report,
) {
    let mut logged: BTreeMap<String, (String, u64)> = BTreeMap::new();
    for event in events.iter().filter(|e| e.kind == "message.completed" && e.text("role") == "assistant") {
        let Some(native) = event.list("native_ids").next() else { continue };
        let (text, seq) = logged.entry(native.to_owned()).or_default();
        *seq = event.seq;
        for part in event.value["data"]["parts"].as_array().into_iter().flatten() {
            *text += &case.store.text_of(case.id, part);
        }
    }
    for (native, said) in messages(process) {
        let (text, seq) = logged.get(&native).cloned().unwrap_or_default();
        let cut = ending.killed && text.starts_with(&said) || ending.shim_killed && said.starts_with(&text);
        if text != said && !cut {
            let (a, b) = (said.len(), text.len());
            report.add(Fault::Text, format!("{} seq {seq}: {native} has {b} bytes instead of {a}", case.id));
        }
    }
}

/// What a process said, by its own ids. A run of chunks is one message; a chunk without an id goes on with the run it
/// stands in. What was replayed is no news.
fn messages(process: &Process) -> BTreeMap<String, String> {
    let mut runs = Runs::default();
    let mut replay = None;
    for entry in &process.entries {
        let what = entry["what"].as_str().unwrap_or_default();
        match entry["act"].as_str().unwrap_or_default() {
            "received" if entry["method"] == "session/load" => replay = Some(&entry["id"]),
            "sent" if what == "response" && replay == Some(&entry["id"]) => replay = None,
            "sent" if replay.is_some() => {}
            "sent" if matches!(what, "agent_message_chunk" | "agent_thought_chunk") => runs.chunk(entry),
            "sent"
                if !entry["tool_call_id"].is_null()
                    && runs.tools.insert(entry["tool_call_id"].to_string()) =>
            {
                runs.close();
            }
            "turn_started" | "turn_ended" => runs.close(),
            _ => {}
        }
    }
    runs.close();
    runs.said
}

#[derive(Default)]
struct Runs {
    said: BTreeMap<String, String>,
    tools: BTreeSet<String>,
    id: Option<String>,
    text: String,
}

impl Runs {
    fn chunk(&mut self, entry: &Value) {
        let id = entry["message_id"].as_str();
        if self.id.is_some() && id.is_some() && self.id.as_deref() != id {
            self.close();
        }
        self.id = self.id.take().or(id.map(str::to_owned));
        self.text += entry["text"].as_str().unwrap_or_default();
    }

    fn close(&mut self) {
        let text = std::mem::take(&mut self.text);
        if let Some(id) = self.id.take() {
            *self.said.entry(id).or_default() += &text;
        }
    }
}
