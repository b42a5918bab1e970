//! What an agent is said to have is what its codec has words for.

use std::collections::BTreeMap;

use tenure_core::agent::{Command, EncodeContext, Signal};
use tenure_event::{Capabilities, InputId, Part, PartBody, Support};

use super::Subject;
use crate::catalog::known_supports;
use crate::verbs;

/// Every agent tells of every verb, by the names of the one list, before and after its handshake.
pub(crate) fn every_verb_is_told<C: Subject>() {
    let listed: Vec<&str> = verbs::ALL.iter().map(|verb| verb.name).collect();
    let mut greeted = 0;
    for stream in C::streams() {
        for signal in stream.signals::<C>() {
            let Signal::Ready { capabilities, .. } = signal else { continue };
            greeted += 1;
            // Not told by all of them yet.
            for verb in listed.iter().filter(|verb| **verb != "fork_at") {
                assert!(capabilities.supports.contains_key(*verb), "{}: nothing of {verb}", stream.name);
            }
            for verb in capabilities.supports.keys() {
                assert!(listed.contains(&verb.as_str()), "{verb} is missing in verbs::ALL");
            }
            for (verb, support) in known_supports(C::PROTOCOL) {
                assert_eq!(capabilities.supports.get(&verb), Some(&support), "{}: {verb}", stream.name);
            }
        }
    }
    assert!(greeted > 0, "no recording has a handshake");
}

/// A verb that is refused has no words, and one that is not refused has some.
pub(crate) fn what_is_supported_can_be_said<C: Subject>() {
    for stream in C::streams() {
        let mut codec = C::begin(stream.record.clone());
        let mut told: Option<Capabilities> = None;
        for (offset, line) in &stream.lines {
            for signal in codec.decode(*offset, line) {
                if let Signal::Ready { capabilities, .. } = signal {
                    told = Some(capabilities);
                }
            }
        }
        let Some(told) = told else { continue };
        if !supported(&told.supports, "compact_command") {
            let with_words = Command::Compact { instructions: Some("Keep names.".to_owned()) };
            let said = codec.encode(9, &with_words, &EncodeContext::default());
            assert_eq!(said.is_ok(), supported(&told.supports, "compact_instructions"), "{}", stream.name);
        }
        for command in commands(&told) {
            let said = codec.encode(9, &command, &EncodeContext::default());
            let can = supported(&told.supports, command.verb());
            assert_eq!(said.is_ok(), can, "{}: {}: {said:?}", stream.name, command.verb());
        }
    }
}

/// One of each, with values that the agent offers.
fn commands(told: &Capabilities) -> Vec<Command> {
    let first = |ids: Vec<&String>| ids.first().map_or_else(|| "any".to_owned(), |id| (*id).clone());
    let text = PartBody::Text { text: "x".to_owned() };
    let mut all = vec![
        Command::Interrupt,
        Command::Steer {
            input_id: InputId::parse("inp_1").unwrap(),
            attempt: 0,
            parts: vec![Part { id: "p.0".to_owned(), body: text, bytes: None, blob: None }],
        },
        Command::SetModel(first(told.models.iter().map(|model| &model.id).collect())),
        Command::SetMode(first(told.modes.iter().map(|mode| &mode.id).collect())),
        Command::SetEffort(first(told.models.iter().flat_map(|model| &model.efforts).collect())),
    ];
    // Where compaction is a command that runs as a turn it is no command of the protocol.
    if !supported(&told.supports, "compact_command") {
        all.push(Command::Compact { instructions: None });
    }
    // Which task it is may matter to the words.
    if !supported(&told.supports, "stop_task") {
        all.push(Command::StopTask { task_id: "t".to_owned() });
    }
    all
}

fn supported(supports: &BTreeMap<String, Support>, verb: &str) -> bool {
    supports.get(verb).is_some_and(Support::is_supported)
}
