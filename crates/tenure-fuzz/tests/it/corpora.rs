//! Every target holds for its corpus and for a bounded number of mutations, always the same
//! ones. `TENURE_FUZZ_CASES=N` runs so many for each target instead, `TENURE_FUZZ_SECONDS=N` so long, and
//! `TENURE_FUZZ_SEED=N` makes up others: `cargo xtask fuzz` sets both.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tenure_fuzz::{BODIES, TARGETS, Target};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides.max(1)
    }

    fn mutated(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = corpus[self.roll(corpus.len())].clone();
        for _ in 0..=self.roll(4) {
            let at = self.roll(bytes.len() + 1);
            let end = (at + self.roll(12)).min(bytes.len());
            match self.roll(6) {
                0 => drop(bytes.drain(at..end)),
                1 => bytes.insert(at, self.roll(256) as u8),
                2 => bytes.truncate(at),
                3 => {
                    let other = &corpus[self.roll(corpus.len())];
                    let from = self.roll(other.len() + 1);
                    bytes.splice(at..end, other[from..].iter().copied().take(64));
                }
                _ => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.roll(8);
                    }
                }
            }
        }
        bytes
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(&dir).expect("each target has a corpus").flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).expect("an input")).collect()
}

fn hold(name: &str, cases: usize) {
    let target: Target = TARGETS.iter().find(|(known, _)| *known == name).expect("a target").1;
    let cases = number("TENURE_FUZZ_CASES").map_or(cases, |n| n as usize);
    let corpus = corpus(name);
    assert!(!corpus.is_empty());
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ number("TENURE_FUZZ_SEED").unwrap_or(0));
    let until = number("TENURE_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let goes_on = |case: &usize| until.map_or(*case < cases, |until| Instant::now() < until);
    let mutated = (0..).take_while(goes_on).map(|_| dice.mutated(&corpus));
    for input in corpus.iter().cloned().chain(mutated) {
        if catch_unwind(|| target(&input)).is_err() {
            let path = std::env::temp_dir().join(format!("tenure-fuzz-{name}"));
            std::fs::write(&path, &input).expect("kept");
            panic!("{name} fails; the input is in {}", path.display());
        }
    }
}

macro_rules! targets {
    ($($name:ident $cases:literal)*) => {
        $(#[test] fn $name() { hold(stringify!($name), $cases); })*

        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(run.to_vec(), TARGETS.map(|(name, _)| name).to_vec());
        }
    };
}

targets! {
    acp_lines 300
    acp_recording 150
    claude_history 150
    claude_lines 300
    claude_recording 150
    codex_history 150
    codex_lines 300
    codex_recording 150
    config 300
    cursors 500
    events 500
    frames 800
    http_bodies 500
    pi_history 150
    pi_lines 300
    pi_recording 150
    places 800
    script 300
    spool 300
    sse 800
    state 300
    store 60
}

#[test]
fn every_body_of_the_document_is_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tenure-server/openapi.json");
    let document: Value = serde_json::from_slice(&std::fs::read(path).expect("a document")).expect("JSON");
    let mut told = BTreeSet::new();
    let paths = document["paths"].as_object().expect("paths").values();
    for operation in paths.flat_map(|path| path.as_object().expect("methods").values()) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        // A body that may be left out stands beside null.
        let any = schema["oneOf"].as_array().cloned().unwrap_or_default();
        for schema in any.iter().chain([schema]) {
            let name = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next());
            told.extend(name.map(str::to_owned));
        }
    }
    let read: BTreeSet<_> = BODIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(told, read, "name each body of the document in tenure_fuzz::BODIES");
}
