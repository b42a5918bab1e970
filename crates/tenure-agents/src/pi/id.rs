//! Ids of our commands: the number of the command and what it asks, so that an answer can be
//! read without remembering the question.

/// Start of every id that is ours on the wire.
const OURS: &str = "tenure-";

/// What a command of ours asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// How the session stands; the first word of the handshake.
    State,
    Models,
    Levels,
    /// What was said before this process.
    Messages,
    /// The last word of the handshake.
    Commands,
    /// All that stands in the session's file, to find a point in it.
    Entries,
    /// Go over to a session that ends at that point.
    Leave,
    Prompt,
    /// Whether a prompt that was accepted began to run.
    Began,
    /// A prompt for the running turn, with the native id that we gave its input.
    Steer(String),
    /// Drop what was steered and not taken in.
    Clear,
    Abort,
    Model,
    Effort,
    Compact,
    /// Make a copy of the conversation, and go over to it.
    Clone,
    /// Which one the copy is.
    Copy,
    /// Go back from the copy, which has this id.
    Back(String),
}

impl Asked {
    fn word(&self) -> String {
        let word = match self {
            Self::State => "state",
            Self::Models => "models",
            Self::Levels => "levels",
            Self::Messages => "messages",
            Self::Commands => "commands",
            Self::Entries => "entries",
            Self::Leave => "leave",
            Self::Prompt => "prompt",
            Self::Began => "began",
            Self::Steer(native) => return format!("steer-{native}"),
            Self::Clear => "clear",
            Self::Abort => "abort",
            Self::Model => "model",
            Self::Effort => "effort",
            Self::Compact => "compact",
            Self::Clone => "clone",
            Self::Copy => "copy",
            Self::Back(copy) => return format!("back-{copy}"),
        };
        word.to_owned()
    }

    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "state" => Self::State,
            "models" => Self::Models,
            "levels" => Self::Levels,
            "messages" => Self::Messages,
            "commands" => Self::Commands,
            "entries" => Self::Entries,
            "leave" => Self::Leave,
            "prompt" => Self::Prompt,
            "began" => Self::Began,
            "clear" => Self::Clear,
            "abort" => Self::Abort,
            "model" => Self::Model,
            "effort" => Self::Effort,
            "compact" => Self::Compact,
            "clone" => Self::Clone,
            "copy" => Self::Copy,
            _ => match word.strip_prefix("back-") {
                Some(copy) => Self::Back(copy.to_owned()),
                None => Self::Steer(word.strip_prefix("steer-")?.to_owned()),
            },
        })
    }
}

/// The id of a command. The number is 0 for what the codec asks by itself.
pub(super) fn write(n: u64, asked: &Asked) -> String {
    format!("{OURS}{n}-{}", asked.word())
}

/// Reads such an id back; nothing if it is not ours.
pub(super) fn read(id: &str) -> Option<(u64, Asked)> {
    let (n, word) = id.strip_prefix(OURS)?.split_once('-')?;
    Some((n.parse().ok()?, Asked::read(word)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back() {
        let steer = Asked::Steer("8d3a9d5c-0000-4000-8000-000000000001".to_owned());
        for (n, asked) in [
            (1, Asked::State),
            (7, Asked::Prompt),
            (u64::MAX, steer),
            (0, Asked::Clear),
            (3, Asked::Back("x-1".to_owned())),
        ] {
            assert_eq!(read(&write(n, &asked)), Some((n, asked)));
        }
        for other in ["", "tenure-", "tenure-x-state", "tenure-1-", "tenure-1-steer", "r7", "tenure--1-state"]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
