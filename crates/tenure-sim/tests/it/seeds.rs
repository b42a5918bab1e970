//! A thousand seeds hold; each can be run again, and gives the same bytes.
//!
//! `TENURE_SIM_SEED=N` runs that one alone; `TENURE_SIM_SEEDS=N` runs so many, from a seed
//! that is told, instead of the usual thousand.

use std::panic::catch_unwind;

use tenure_sim::{Report, run};

const STEPS: usize = 160;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs seeds; what fails names its seed.
fn hold(seeds: impl IntoIterator<Item = u64>) -> Vec<Report> {
    let mut reports = Vec::new();
    for seed in seeds {
        match catch_unwind(|| run(seed, STEPS)) {
            Ok(report) => reports.push(report),
            Err(_) => panic!(
                "seed {seed} fails; `TENURE_SIM_SEED={seed} cargo nextest run -p tenure-sim` runs it again"
            ),
        }
    }
    reports
}

fn quarter(n: u64) {
    if let Some(seed) = number("TENURE_SIM_SEED") {
        hold([seed]);
        return;
    }
    let many = number("TENURE_SIM_SEEDS").unwrap_or(1000) / 4;
    let reports = hold(n * many..(n + 1) * many);
    // Seeds in which nothing happens would hold as well.
    let sum = |of: fn(&Report) -> usize| reports.iter().map(of).sum::<usize>();
    let runs = reports.len();
    assert!(sum(|r| r.kills) > runs && sum(|r| r.inputs) > 2 * runs && sum(|r| r.processes) > runs);
    assert!(sum(|r| r.pieces) > runs && sum(|r| r.events) > 20 * runs);
}

#[test]
fn the_first_quarter_of_the_seeds_holds() {
    quarter(0);
}

#[test]
fn the_second_quarter_of_the_seeds_holds() {
    quarter(1);
}

#[test]
fn the_third_quarter_of_the_seeds_holds() {
    quarter(2);
}

#[test]
fn the_last_quarter_of_the_seeds_holds() {
    quarter(3);
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for seed in [1, 77, 4242] {
        assert!(run(seed, STEPS) == run(seed, STEPS), "seed {seed} is not the same twice");
    }
    assert!(run(1, STEPS) != run(2, STEPS), "different seeds differ");
}
