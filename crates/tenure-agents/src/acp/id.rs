//! The ids of our requests. An id tells what was asked and by which command, so that an
//! answer is understood by its id alone and nothing has to be remembered.

use serde_json::Value;

/// What a request of ours asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Asked {
    Initialize = 0,
    New = 1,
    Load = 2,
    Resume = 3,
    Prompt = 4,
    SetMode = 5,
    SetOption = 6,
    SetModel = 7,
    Steer = 8,
    Close = 9,
    Fork = 10,
}

const KINDS: [Asked; 11] = [
    Asked::Initialize,
    Asked::New,
    Asked::Load,
    Asked::Resume,
    Asked::Prompt,
    Asked::SetMode,
    Asked::SetOption,
    Asked::SetModel,
    Asked::Steer,
    Asked::Close,
    Asked::Fork,
];

/// Room for kinds that come later; part of every id on the wire, so it never changes.
const ROOM: u64 = 16;

/// The id of the request that command `n` makes.
pub(super) fn request_id(n: u64, asked: Asked) -> u64 {
    n.saturating_mul(ROOM) + asked as u64
}

/// The id of a steering request: a text, because its answer must lead back to the input.
pub(super) fn steer_id(n: u64, native_input: &str) -> String {
    format!("{}.{native_input}", request_id(n, Asked::Steer))
}

/// An answered request, as its id tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    /// Number of the command.
    pub(super) n: u64,
    /// What was asked.
    pub(super) asked: Asked,
    /// The native id of the steered input.
    pub(super) native_input: Option<String>,
}

/// Reads an id that should be one of ours.
pub(super) fn read_id(id: &Value) -> Option<Answered> {
    let (number, native_input) = match id {
        Value::Number(number) => (number.as_u64()?, None),
        // Some agents hand numbers back as text.
        Value::String(text) => match text.split_once('.') {
            Some((number, input)) => (number.parse().ok()?, Some(input.to_owned())),
            None => (text.parse().ok()?, None),
        },
        _ => return None,
    };
    let asked = *KINDS.get(usize::try_from(number % ROOM).ok()?)?;
    let n = number / ROOM;
    (n > 0 && native_input.is_some() == (asked == Asked::Steer)).then_some(Answered {
        n,
        asked,
        native_input,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_id_reads_back() {
        for asked in KINDS {
            if asked == Asked::Steer {
                continue;
            }
            for id in [json!(request_id(7, asked)), json!(request_id(7, asked).to_string())] {
                assert_eq!(read_id(&id), Some(Answered { n: 7, asked, native_input: None }));
            }
        }
        let steer = read_id(&json!(steer_id(3, "a-b")));
        assert_eq!(steer, Some(Answered { n: 3, asked: Asked::Steer, native_input: Some("a-b".into()) }));
    }

    #[test]
    fn foreign_ids_are_nobodys() {
        for id in [
            json!(null),
            json!(3),
            json!(-1),
            json!(1.5),
            json!("x"),
            json!("31"),
            json!({}),
            json!(u64::MAX),
        ] {
            assert_eq!(read_id(&id), None, "{id}");
        }
    }
}
