//! The ids of our requests: the number of the command and what it asks for. So an answer
//! is understood by its id alone, and nothing has to be remembered.

use serde_json::Value;

/// What a request of ours asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Initialize,
    /// `thread/start`.
    Start,
    /// `thread/resume`.
    Resume,
    /// `turn/start`.
    Turn,
    Steer,
    Interrupt,
    Settings,
    Compact,
    Fork,
    Revert,
    /// One background command is to end.
    Stop,
    /// Tool servers are to be started again; one of them is waited for.
    Reload,
    /// Asked by the codec itself, as are those that follow.
    Models,
    Account,
    Servers,
    /// A page of what was said before.
    History,
    /// The last turns, for their names alone.
    Turns,
    /// A page of turns, to find the last one that is kept.
    Point,
    /// The commands that run in the background.
    Terminals,
}

const WORDS: [(Asked, &str); 19] = [
    (Asked::Initialize, "initialize"),
    (Asked::Start, "start"),
    (Asked::Resume, "resume"),
    (Asked::Turn, "turn"),
    (Asked::Steer, "steer"),
    (Asked::Interrupt, "interrupt"),
    (Asked::Settings, "settings"),
    (Asked::Compact, "compact"),
    (Asked::Fork, "fork"),
    (Asked::Revert, "revert"),
    (Asked::Stop, "stop"),
    (Asked::Reload, "reload"),
    (Asked::Models, "models"),
    (Asked::Account, "account"),
    (Asked::Servers, "servers"),
    (Asked::History, "history"),
    (Asked::Turns, "turns"),
    (Asked::Point, "point"),
    (Asked::Terminals, "terminals"),
];

/// The number in the ids of what the codec asks by itself: no command has it.
pub(super) const OWN: u64 = 0;

/// The id of the request that command `n` makes.
pub(super) fn request_id(n: u64, asked: Asked) -> String {
    let word = WORDS.iter().find(|(known, _)| *known == asked).map_or("", |(_, word)| word);
    format!("{n}.{word}")
}

/// The id of a steering request: its answer must lead back to the input.
pub(super) fn steer_id(n: u64, native_input: &str) -> String {
    format!("{}.{native_input}", request_id(n, Asked::Steer))
}

/// The id of a request to start tool servers again: its answer must lead back to the server.
pub(super) fn reload_id(n: u64, server: &str) -> String {
    format!("{}.{server}", request_id(n, Asked::Reload))
}

/// An answered request, as its id tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// Number of the command.
    pub(super) n: u64,
    /// What was asked.
    pub(super) asked: Asked,
    /// The native id of the steered input, or the name of the server.
    pub(super) about: Option<String>,
}

/// Reads such an id back; nothing if it is not ours.
pub(super) fn read_id(id: &Value) -> Option<Answered> {
    let (n, rest) = id.as_str()?.split_once('.')?;
    let (word, about) = match rest.split_once('.') {
        Some((word, input)) => (word, Some(input.to_owned())),
        None => (rest, None),
    };
    let asked = WORDS.iter().find(|(_, known)| *known == word)?.0;
    let n = n.parse().ok()?;
    let has_more = matches!(asked, Asked::Steer | Asked::Reload);
    (about.is_some() == has_more).then_some(Answered { n, asked, about })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_id_reads_back_and_foreign_ones_do_not() {
        let plain = |asked: &Asked| !matches!(asked, Asked::Steer | Asked::Reload);
        for (asked, _) in WORDS.into_iter().filter(|(asked, _)| plain(asked)) {
            let answered = Answered { n: 7, asked, about: None };
            assert_eq!(read_id(&json!(request_id(7, asked))), Some(answered));
        }
        let answered = Answered { n: 3, asked: Asked::Steer, about: Some("a-b".to_owned()) };
        assert_eq!(read_id(&json!(steer_id(3, "a-b"))), Some(answered));
        let answered = Answered { n: 4, asked: Asked::Reload, about: Some("a.b".to_owned()) };
        assert_eq!(read_id(&json!(reload_id(4, "a.b"))), Some(answered));
        for id in [
            json!(null),
            json!(3),
            json!("turn"),
            json!("x.turn"),
            json!("-1.turn"),
            json!("1.nothing"),
            json!("1.steer"),
            json!("1.reload"),
            json!("1.turn.x"),
        ] {
            assert_eq!(read_id(&id), None, "{id}");
        }
    }
}
