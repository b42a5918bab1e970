//! Numbers and bytes: `seq` without gap, `gseq` rising, and the same bytes from the store, from pages and from streams.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Case, Side};
use crate::crash::churn::is_churned;
use crate::crash::follow::Seen;
use crate::crash::report::{Fault, Report};
use crate::crash::store::Store;

pub(super) fn of_session(case: &Case<'_>, side: &Side, report: &mut Report) {
    for (n, event) in case.events.iter().enumerate() {
        if event.seq != n as u64 + 1 {
            report.add(Fault::Seq, format!("{}: seq {} stands at place {}", case.id, event.seq, n + 1));
            break;
        }
    }
    for event in case.events {
        let value = &event.value;
        let same = value["session_id"] == case.id
            && value["seq"] == event.seq
            && value["gseq"] == event.gseq
            && value["type"] == *event.kind;
        if !same {
            report.add(Fault::Envelope, case.at(event));
        }
    }
    let stored: Vec<&str> = case.events.iter().map(|event| event.body.as_str()).collect();
    if let Some(at) = first_difference(&stored, &side.pages) {
        report.add(
            Fault::Page,
            format!("{}: event {} ({} stored, {} paged)", case.id, at + 1, stored.len(), side.pages.len()),
        );
    }
    let seen: Vec<&str> =
        side.seen.events.iter().map(|(_, data)| str::from_utf8(data).unwrap_or("")).collect();
    if let Some(at) = first_difference(&stored, &seen) {
        report.add(
            Fault::Live,
            format!("{}: event {} ({} stored, {} seen)", case.id, at + 1, stored.len(), seen.len()),
        );
    }
    for fault in &side.seen.faults {
        report.add(Fault::Live, format!("{}: {fault}", case.id));
    }
}

pub(super) fn over_all(store: &Store, node: &Seen, report: &mut Report) {
    let mut by_gseq: BTreeMap<u64, &str> = BTreeMap::new();
    // What was destroyed is not in the store any more.
    for (session, events) in store.sessions.iter().filter(|(session, _)| !is_churned(session)) {
        let mut last = 0;
        for event in events {
            let first = by_gseq.insert(event.gseq, &event.body).is_none();
            if !first || event.gseq <= last {
                report.add(
                    Fault::Gseq,
                    format!("{session} seq {}: gseq {} after {last}", event.seq, event.gseq),
                );
            }
            last = event.gseq;
        }
    }
    let stored: Vec<&str> = by_gseq.into_values().collect();
    let seen = node.events.iter().map(|(_, data)| str::from_utf8(data).unwrap_or(""));
    let seen: Vec<&str> = seen.filter(|body| !tells_of_churned(body)).collect();
    if let Some(at) = first_difference(&stored, &seen) {
        report.add(
            Fault::Live,
            format!("all sessions: event {} ({} stored, {} seen)", at + 1, stored.len(), seen.len()),
        );
    }
    for fault in &node.faults {
        report.add(Fault::Live, format!("all sessions: {fault}"));
    }
}

fn tells_of_churned(body: &str) -> bool {
    let event: Value = serde_json::from_str(body).unwrap_or_default();
    event["session_id"].as_str().is_some_and(is_churned)
}

fn first_difference<A: AsRef<str>, B: AsRef<str>>(a: &[A], b: &[B]) -> Option<usize> {
    let same = a.iter().zip(b).take_while(|(a, b)| a.as_ref() == b.as_ref()).count();
    (same < a.len().max(b.len())).then_some(same)
}
