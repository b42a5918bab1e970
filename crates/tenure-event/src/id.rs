//! Ids as newtypes over text, and the two sequence numbers.
//!
//! Ids that Tenure makes are UUIDv7 with a short prefix; ids that clients make match
//! `[A-Za-z0-9._-]{1,64}` and are neither `.` nor `..`. Making ids needs a clock and randomness and is not done here.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text is no id: wrong length or a character that ids may not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a valid id: use 1 to 64 of A-Z a-z 0-9 . _ -, but neither `.` nor `..`")]
pub struct IdError {
    /// What was given, cut to 80 characters.
    pub given: String,
}

/// Whether `text` may be used as an id by a client. An id names a directory and a segment of a URL: the two
/// names that mean another place there are none.
#[must_use]
pub fn client_id_is_valid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The prefix of ids of this kind that Tenure makes.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a UUID that was made elsewhere, with this kind's prefix.
            #[must_use]
            pub fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(format!("{}{}", $prefix, uuid.simple()))
            }

            /// Takes an id from outside.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long or has other characters than ids may have.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if client_id_is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { given: text.chars().take(80).collect() })
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }
    };
}

id!(
    /// One conversation with one agent in one workspace.
    SessionId, "ses_"
);
id!(
    /// Something a client sent.
    InputId, "inp_"
);
id!(
    /// A stretch of agent work that ends exactly once.
    TurnId, "trn_"
);
id!(
    /// A request of the agent to a person.
    AskId, "ask_"
);
id!(
    /// One message of a conversation.
    MessageId, "msg_"
);
id!(
    /// A directory in which sessions work.
    WorkspaceId, "wks_"
);
id!(
    /// The identity of a directory across sessions.
    ProjectId, "prj_"
);
id!(
    /// A restorable state of a workspace's files.
    CheckpointId, "chk_"
);
id!(
    /// One way back to an earlier state.
    RewindId, "rwd_"
);

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// The number after this one.
            #[must_use]
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// Position in one session's log: 1, 2, 3, … without gaps. 0 means "before the first".
    Seq
);
number!(
    /// Position in the node's log: rises over all sessions, may have holes.
    Gseq
);
