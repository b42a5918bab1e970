//! Asks: each ends once, and what was decided is what the agent got, once.

use std::collections::BTreeMap;

use super::Case;
use crate::crash::record::Process;
use crate::crash::report::{Fault, Report};
use crate::crash::store::Event;

const ENDS: [&str; 3] = ["ask.resolved", "ask.expired", "ask.withdrawn"];

pub(super) fn check(case: &Case<'_>, report: &mut Report) {
    for event in case.of_kind("ask.opened") {
        let id = event.text("id");
        let ends: Vec<&Event> =
            case.events.iter().filter(|e| ENDS.contains(&&*e.kind) && e.text("ask_id") == id).collect();
        match ends.as_slice() {
            [] => report.add(Fault::AskOpen, format!("{}: {id}", case.at(event))),
            [end] => reached(case, event, end, report),
            more => report.add(Fault::AskEnds, format!("{}: {id} has {}", case.at(event), more.len())),
        }
    }
    for answer in &case.told.answers {
        let mut resolved = case.of_kind("ask.resolved").filter(|event| event.text("ask_id") == answer.ask_id);
        match resolved.next() {
            None => report.add(Fault::ReplyLost, format!("{}: the answer to {}", case.id, answer.ask_id)),
            Some(event) if event.text("decision") != answer.decision => {
                report.add(
                    Fault::AnswerChanged,
                    format!("{}: we were told {}", case.at(event), answer.decision),
                );
            }
            Some(_) => {}
        }
    }
    for event in case.of_kind("ask.resolved") {
        let (id, decision) = (event.text("ask_id"), event.text("decision"));
        if event.text("by") == "policy" {
            continue;
        }
        if !case.told.sent_decisions.iter().any(|(ask, sent)| ask == id && *sent == decision) {
            report.add(Fault::AnswerChanged, format!("{}: nobody said {decision}", case.at(event)));
        }
    }
    for process in &case.processes {
        at_the_agent(case, process, report);
    }
}

/// No request of the agent is answered twice, and every ask of it is in the log.
fn at_the_agent(case: &Case<'_>, process: &Process, report: &mut Report) {
    let mut answers: BTreeMap<String, u32> = BTreeMap::new();
    for entry in process.acts("answered") {
        *answers.entry(entry["id"].to_string()).or_default() += 1;
    }
    for (id, n) in answers.into_iter().filter(|(_, n)| *n > 1) {
        report.add(
            Fault::AnsweredTwice,
            format!("{} process {}: request {id}, {n} times", case.id, process.pid),
        );
    }
    if case.lost_its_shim(process) {
        return;
    }
    for entry in process.acts("sent").filter(|entry| entry["what"] == "session/request_permission") {
        let tool = entry["tool_call_id"].as_str().unwrap_or_default();
        match case.of_kind("ask.opened").filter(|event| event.text("tool_id") == tool).count() {
            0 => report.add(Fault::AskLost, format!("{} process {}: {tool}", case.id, process.pid)),
            1 => {}
            n => report.add(Fault::Repeated, format!("{}: ask {tool} opened {n} times", case.id)),
        }
    }
}

/// What was decided is what the agent got. Only an agent that is no more need not have got it.
fn reached(case: &Case<'_>, opened: &Event, end: &Event, report: &mut Report) {
    let tool = opened.text("tool_id");
    let asked = |process: &&Process| process.acts("sent").any(|e| is_ask(e, tool));
    let Some(process) = case.processes.iter().find(asked) else { return };
    let Some(request) = process.acts("sent").find(|e| is_ask(e, tool)) else { return };
    let answer = process.acts("answered").find(|entry| entry["id"] == request["id"]);
    let Some(answer) = answer else {
        let cancelled = process.acts("cancelled").any(|entry| entry["n"].as_u64() > request["n"].as_u64());
        if end.kind == "ask.resolved" && case.kills.alive.contains(&process.pid) && !cancelled {
            report.add(Fault::AnswerLost, format!("{}: the answer to {tool}", case.at(end)));
        }
        return;
    };
    let got = answer["option_id"].as_str().or(answer["outcome"].as_str()).unwrap_or_default();
    let meant = match (end.kind.as_str(), end.text("decision")) {
        ("ask.resolved", "allow") => "allow_once",
        ("ask.resolved", "deny") | ("ask.expired", _) => "reject_once",
        _ => "cancelled",
    };
    if got != meant {
        report.add(Fault::AnswerChanged, format!("{}: the agent got {got} and not {meant}", case.at(end)));
    }
}

fn is_ask(entry: &serde_json::Value, tool: &str) -> bool {
    entry["what"] == "session/request_permission" && entry["tool_call_id"] == tool
}
