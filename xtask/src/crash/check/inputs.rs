//! Inputs: what was acknowledged is admitted, ends once, and reaches an agent once and unchanged.

use std::collections::{BTreeMap, BTreeSet};

use super::Case;
use crate::crash::report::{Fault, Report};
use crate::crash::script::input_of;
use crate::crash::store::Event;
use crate::crash::told::SentInput;

pub(super) fn check(case: &Case<'_>, report: &mut Report) {
    let deliveries = deliveries(case);
    let received = received(case);
    for input in &case.told.inputs {
        admitted(case, input, report);
        let got = deliveries.get(&input.id).map_or(&[][..], Vec::as_slice);
        delivered(case, input, got, report);
        if got.is_empty() && !received.contains(&input.id) {
            undelivered(case, input, report);
        }
    }
    for event in case.of_kind("input.admitted") {
        let id = event.text("input_id");
        if !case.told.inputs.iter().any(|input| input.id == id) {
            report.add(Fault::Invented, case.at(event));
        }
        ends(case, event, id, report);
    }
    for (id, turn, outcome) in &case.told.results {
        let end = case.of_kind("turn.completed").find(|event| event.list("input_ids").any(|i| i == id));
        if !end.is_some_and(|end| end.text("turn_id") == turn && end.text("outcome") == outcome) {
            report.add(Fault::ReplyLost, format!("{}: the result of {id} was {outcome} in {turn}", case.id));
        }
    }
    for event in case.of_kind("input.started") {
        let id = event.text("input_id");
        if case.of_kind("input.started").filter(|e| e.text("input_id") == id).count() > 1 {
            report.add(Fault::InputTwice, format!("{}: {id} starts twice", case.at(event)));
        }
    }
}

fn admitted(case: &Case<'_>, input: &SentInput, report: &mut Report) {
    let events: Vec<&Event> =
        case.of_kind("input.admitted").filter(|e| e.text("input_id") == input.id).collect();
    if events.len() > 1 {
        report.add(Fault::Repeated, format!("{}: {} is admitted twice", case.at(events[1]), input.id));
    }
    if let Some(seq) = input.receipt
        && events.first().map(|event| event.seq) != Some(seq)
    {
        report.add(Fault::InputLost, format!("{}: {} was acknowledged with seq {seq}", case.id, input.id));
    }
    if let Some(event) = events.first()
        && case.store.whole_text(case.id, event) != input.text
    {
        report.add(Fault::InputText, format!("{}: {} as it was admitted", case.at(event), input.id));
    }
    let cancelled = case.of_kind("input.cancelled").any(|event| event.text("input_id") == input.id);
    if input.cancelled && !cancelled {
        report.add(Fault::ReplyLost, format!("{}: {} was said to be cancelled", case.id, input.id));
    }
}

fn ends(case: &Case<'_>, admitted: &Event, id: &str, report: &mut Report) {
    let completed = case.of_kind("turn.completed").filter(|event| event.list("input_ids").any(|i| i == id));
    let cancelled = case.of_kind("input.cancelled").filter(|event| event.text("input_id") == id);
    match completed.count() + cancelled.count() {
        0 => report.add(Fault::InputOpen, format!("{}: {id}", case.at(admitted))),
        1 => {}
        n => report.add(Fault::InputEnds, format!("{}: {id} has {n}", case.at(admitted))),
    }
}

/// What an agent took in: the text, and whether it is certain that Tenure could know of it.
fn deliveries(case: &Case<'_>) -> BTreeMap<String, Vec<(String, bool)>> {
    let mut all: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    for process in &case.processes {
        for entry in &process.entries {
            let steered = entry["act"] == "steer_taken";
            if entry["act"] != "turn_started" && !steered {
                continue;
            }
            let text = entry["text"].as_str().unwrap_or_default();
            // A steered text may be taken by a process that dies before it can say so.
            let known = !steered || process.ended_cleanly() && !case.lost_its_shim(process);
            let id = input_of(text).unwrap_or(text);
            all.entry(id.to_owned()).or_default().push((text.to_owned(), known));
        }
    }
    all
}

fn delivered(case: &Case<'_>, input: &SentInput, got: &[(String, bool)], report: &mut Report) {
    let at = |what: &str| format!("{}: {} {what}", case.id, input.id);
    if got.iter().any(|(text, _)| *text != input.text) {
        report.add(Fault::InputText, at("as it was delivered"));
    }
    if got.iter().filter(|(_, known)| *known).count() > 1 || got.len() > 2 {
        report.add(Fault::InputTwice, at("was delivered more than once"));
    }
    let cancelled = case.of_kind("input.cancelled").any(|event| event.text("input_id") == input.id);
    if cancelled && got.iter().any(|(_, known)| *known) {
        report.add(Fault::InputTwice, at("was cancelled and delivered"));
    }
}

/// Inputs that reached an agent, whether or not it came to them before its turn was cancelled.
fn received(case: &Case<'_>) -> BTreeSet<String> {
    let entries = case.processes.iter().flat_map(|process| process.acts("received"));
    entries.filter_map(|entry| input_of(entry["text"].as_str()?)).map(str::to_owned).collect()
}

/// An input that ended with a turn and never reached an agent. What ends with its process need not have reached it.
fn undelivered(case: &Case<'_>, input: &SentInput, report: &mut Report) {
    let end = case.of_kind("turn.completed").find(|event| event.list("input_ids").any(|id| id == input.id));
    let Some(end) = end else { return };
    let outcome = end.text("outcome");
    if !matches!(outcome, "crashed" | "failed") && !process_ended_in(case, end) {
        report.add(Fault::InputUndelivered, format!("{}: {} {outcome}", case.at(end), input.id));
    }
}

fn process_ended_in(case: &Case<'_>, end: &Event) -> bool {
    let turn = end.text("turn_id");
    let start = case.of_kind("turn.started").find(|e| e.text("turn_id") == turn).map_or(0, |e| e.seq);
    case.of_kind("process.exited").any(|event| event.seq > start && event.seq < end.seq)
}
