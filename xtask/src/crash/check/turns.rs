//! Turns: each that starts completes once, one at a time.

use super::Case;
use crate::crash::report::{Fault, Report};

pub(super) fn check(case: &Case<'_>, report: &mut Report) {
    let mut open: Option<&str> = None;
    for event in case.events {
        let turn = event.text("turn_id");
        match event.kind.as_str() {
            "turn.started" => {
                if let Some(other) = open {
                    report.add(Fault::TurnsAtOnce, format!("{}: {other} is not over", case.at(event)));
                }
                open = Some(turn);
                match case.of_kind("turn.completed").filter(|e| e.text("turn_id") == turn).count() {
                    0 => report.add(Fault::TurnOpen, format!("{}: {turn}", case.at(event))),
                    1 => {}
                    n => report.add(Fault::TurnTwice, format!("{}: {turn} {n} times", case.at(event))),
                }
            }
            "turn.completed" => {
                if open != Some(turn) {
                    report.add(Fault::TurnTwice, format!("{}: {turn} is not running", case.at(event)));
                }
                open = None;
            }
            _ => {}
        }
    }
    for title in &case.told.titles {
        if !case.of_kind("session.updated").any(|event| event.text("title") == title) {
            report.add(Fault::ReplyLost, format!("{}: the title {title:?}", case.id));
        }
    }
    for verb in &case.told.verbs {
        if !case.of_kind(verb.event).any(|event| event.seq > verb.after) {
            report.add(Fault::ReplyLost, format!("{}: {} after seq {}", case.id, verb.event, verb.after));
        }
    }
}
