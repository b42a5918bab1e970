//! Processes: one at a time, each told once with its start and its end.

use super::Case;
use crate::crash::report::{Fault, Report};

pub(super) fn check(case: &Case<'_>, report: &mut Report) {
    let mut running: Option<u64> = None;
    for event in case.events {
        let generation = event.value["data"]["generation"].as_u64().unwrap_or(0);
        match event.kind.as_str() {
            "process.started" => {
                if let Some(other) = running {
                    report.add(
                        Fault::TwoProcesses,
                        format!("{}: process {other} has not ended", case.at(event)),
                    );
                }
                running = Some(generation);
            }
            "process.exited" => {
                if running != Some(generation) {
                    report.add(Fault::Process, format!("{}: {generation} was not running", case.at(event)));
                }
                running = None;
            }
            _ => {}
        }
    }
    if running.is_some() {
        report.add(Fault::Process, format!("{}: the last process has no end", case.id));
    }
    in_time(case, report);
    let told: Vec<u64> =
        case.of_kind("process.started").filter_map(|event| event.value["data"]["pid"].as_u64()).collect();
    for process in &case.processes {
        // A shim that was killed before it had written down who its agent is: nobody can know of it.
        let nameless = case.lost_its_shim(process) && process.acts("received").next().is_none();
        if !told.contains(&u64::from(process.pid)) && !nameless {
            report.add(Fault::Process, format!("{}: process {} is not in the log", case.id, process.pid));
        }
    }
}

/// By the agents' own clock.
fn in_time(case: &Case<'_>, report: &mut Report) {
    for pair in case.processes.windows(2) {
        if pair[1].first_ns() < pair[0].last_ns() {
            let (a, b) = (pair[0].pid, pair[1].pid);
            report.add(Fault::TwoProcesses, format!("{}: process {b} began while {a} was at work", case.id));
        }
    }
}
