//! Every recording, played and written down.

use super::recording::{Recording, Step};
use crate::laws::show::Show;

fn played(name: &str) -> String {
    let mut show = Show::default();
    Recording::read(name).play(|step, signals| {
        if let Step::Said(said) = step {
            show.line(&format!("> {said}"));
        }
        for signal in signals {
            show.signal(signal);
        }
    });
    show.flush();
    show.text
}

macro_rules! snapshots {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            insta::assert_snapshot!($name, played($name));
        })*

        #[test]
        fn every_recording_has_a_snapshot() {
            let mut known = vec![$($name.to_owned()),*];
            known.sort();
            assert_eq!(known, Recording::names());
        }
    };
}

snapshots! {
    claude: "claude-1-main",
    claude_two: "claude-10-v2-tool",
    claude_two_resume: "claude-11-v2-resume",
    claude_load: "claude-2-load",
    claude_crash: "claude-crash",
    claude_crash_load: "claude-crash-load",
    codex: "codex-acp-1-main",
    codex_two: "codex-acp-10-v2-tool",
    codex_two_resume: "codex-acp-11-v2-resume",
    codex_load: "codex-acp-2-load",
    codex_crash: "codex-acp-crash",
    codex_crash_load: "codex-acp-crash-load",
    gemini: "gemini-1-main",
    gemini_load: "gemini-2-load",
    gemini_crash: "gemini-crash",
    gemini_crash_load: "gemini-crash-load",
    goose: "goose-1-main",
    goose_load: "goose-2-load",
    goose_crash: "goose-crash",
    goose_crash_load: "goose-crash-load",
    opencode: "opencode-1-main",
    opencode_load: "opencode-2-load",
    opencode_crash: "opencode-crash",
    opencode_crash_load: "opencode-crash-load",
    pi: "pi-acp-1-main",
    pi_load: "pi-acp-2-load",
    pi_crash: "pi-acp-crash",
    pi_crash_load: "pi-acp-crash-load",
}
