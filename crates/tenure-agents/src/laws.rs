//! What holds for every codec, as tests over its recordings and over streams that no
//! program would write. A codec names itself once as a [`Subject`] and takes all of it by [`laws!`].
//!
//! Not here: what one protocol means. That stands in the tests of its own codec.

mod broken;
mod restart;
pub(crate) mod show;
mod stream;
mod supports;
mod told;

use serde_json::Value;
use tenure_core::agent::{Codec, ResumeHow, StartRecord};
use tenure_event::{SessionId, Timestamp};

use crate::catalog::Protocol;

pub(crate) use broken::{any_bytes_are_read, broken_recordings_are_read, strange_memory_is_not_taken};
pub(crate) use restart::{
    restarting_often_tells_the_same, same_after_every_line, same_whatever_is_dealt, same_when_restarted,
};
pub(crate) use stream::{Fed, Stream, one_line, recorded_lines, recording_names, with_offsets};
pub(crate) use supports::{every_verb_is_told, what_is_supported_can_be_said};
pub(crate) use told::{deltas_add_up, nothing_is_malformed, tools_start_once_and_end_once};

/// A codec under these tests.
pub(crate) trait Subject: Codec + Sized {
    /// Which it is in the catalogue.
    const PROTOCOL: Protocol;

    /// The fewest parts of messages that its recordings have streamed.
    const STREAMED: usize;

    /// One for a new process.
    fn begin(record: StartRecord) -> Self;

    /// What its process was started with.
    fn record(&self) -> &StartRecord;

    /// Its recordings.
    fn streams() -> Vec<Stream>;

    /// Its program does say this too late, or its recordings hold an answer to what we never ask.
    fn comes_late(_: &Value) -> bool {
        false
    }

    /// All that decoding depends on is the same.
    fn same(&self, other: &Self) -> bool {
        self.save() == other.save() && self.open_text() == other.open_text()
    }
}

/// A start record with nothing asked for.
pub(crate) fn start_record() -> StartRecord {
    StartRecord {
        session_id: SessionId::parse("ses_0").unwrap(),
        generation: 1,
        started_at: Timestamp::from_millis(1_795_139_670_000),
        cwd: "/home/dev/project".to_owned(),
        resume: ResumeHow::New,
        model: None,
        mode: None,
        effort: None,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        mcp_put: Vec::new(),
        mcp_off: Vec::new(),
        project_trusted: true,
        allow_bypass: false,
        preset: None,
        terminals: false,
    }
}

/// One test for each law.
macro_rules! laws {
    ($codec:ty: $($law:ident)*) => {
        $(#[test]
        fn $law() {
            $crate::laws::$law::<$codec>();
        })*
    };
    ($codec:ty) => {
        $crate::laws::laws! { $codec:
            any_bytes_are_read
            broken_recordings_are_read
            deltas_add_up
            every_verb_is_told
            nothing_is_malformed
            restarting_often_tells_the_same
            same_after_every_line
            same_whatever_is_dealt
            strange_memory_is_not_taken
            tools_start_once_and_end_once
            what_is_supported_can_be_said
        }
    };
}
pub(crate) use laws;
