//! The oracle: compares the log with the agents' record and with what the harness was told. It shares no code with
//! what it judges, and changes nothing.

mod asks;
mod events;
mod inputs;
mod numbers;
mod processes;
mod turns;

use super::daemon::Place;
use super::follow::Seen;
use super::record::{self, Process};
use super::report::{Fault, Report};
use super::store::{Event, Store};
use super::told::{Kills, Told};

/// Everything that is known of one session.
pub(super) struct Case<'a> {
    pub(super) id: &'a str,
    pub(super) events: &'a [Event],
    pub(super) store: &'a Store,
    pub(super) processes: Vec<Process>,
    pub(super) told: &'a Told,
    pub(super) kills: &'a Kills,
}

/// One session's side of a run.
pub(super) struct Side {
    pub(super) id: String,
    pub(super) told: Told,
    pub(super) seen: Seen,
    /// Bodies as pages gave them.
    pub(super) pages: Vec<String>,
}

/// Runs every check.
pub(super) fn all(
    place: &Place,
    store: &Store,
    sides: &[Side],
    node: &Seen,
    kills: &Kills,
    report: &mut Report,
) {
    numbers::over_all(store, node, report);
    for side in sides {
        let events = store.sessions.get(&side.id).map_or(&[][..], Vec::as_slice);
        let (processes, faults) = record::read(&place.record(&side.id));
        for fault in faults {
            report.add(Fault::Record, format!("{}: {fault}", side.id));
        }
        for stuck in &side.told.stuck {
            report.add(Fault::InputOpen, format!("{} waits for ever, {stuck}", side.id));
        }
        for odd in &side.told.odd {
            report.add(Fault::Answer, format!("{}: {odd}", side.id));
        }
        let case = Case { id: &side.id, events, store, processes, told: &side.told, kills };
        numbers::of_session(&case, side, report);
        events::check(&case, report);
        inputs::check(&case, report);
        turns::check(&case, report);
        asks::check(&case, report);
        processes::check(&case, report);
    }
}

impl Case<'_> {
    /// Whether its shim was killed by us.
    fn lost_its_shim(&self, process: &Process) -> bool {
        self.kills.shims.contains(&process.parent())
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    /// Where a fault is, for people.
    fn at(&self, event: &Event) -> String {
        format!("{} seq {} {}", self.id, event.seq, event.kind)
    }
}

#[cfg(test)]
mod tests;
