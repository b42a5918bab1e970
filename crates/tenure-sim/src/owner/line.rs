//! One agent process as its owner holds it: the codec, and how far its output is stored.

use tenure_agents::catalog::{Protocol, codec_for};
use tenure_core::agent::{Codec, Kept, Signal, StartRecord};

use crate::env::Env;
use crate::shim::Shim;

/// A position in a process's output, and the codec's memory at it.
#[derive(Debug, Clone)]
pub(crate) struct StoredLine {
    pub(crate) generation: u32,
    pub(crate) done: usize,
    open: usize,
    codec: Kept,
}

pub(super) struct Line {
    pub(super) generation: u32,
    pub(super) codec: Box<dyn Codec>,
    done: usize,
    pub(super) acked_stored: u64,
}

impl Line {
    pub(super) fn open(env: &Env, index: usize, generation: u32, stored: Option<StoredLine>) -> Self {
        let key = (index, generation);
        let spool = env.shims.get(&key).map_or(&[][..], |shim| &shim.spool);
        let codec = rebuild(env.plans[index].protocol(), &env.records[&key], spool, stored.as_ref());
        let done = stored.map_or(0, |stored| stored.done);
        Self { generation, codec, done, acked_stored: 0 }
    }

    /// Reads the next lines, so many at most.
    pub(super) fn read(&mut self, shim: &Shim, most: usize) -> (Vec<Signal>, bool) {
        let (mut signals, mut any) = (Vec::new(), false);
        for _ in 0..most {
            let Some(line) = line_at(&shim.spool[..shim.lines_end], self.done) else { break };
            signals.extend(self.codec.decode(self.done as u64, line));
            self.done += line.len() + 1;
            any = true;
        }
        (signals, any)
    }

    pub(super) fn to_store(&self) -> StoredLine {
        let open = self.codec.open_offset().and_then(|open| usize::try_from(open).ok());
        let open = open.map_or(self.done, |open| open.min(self.done));
        StoredLine { generation: self.generation, done: self.done, open, codec: self.codec.save() }
    }
}

fn line_at(spool: &[u8], at: usize) -> Option<&[u8]> {
    let rest = spool.get(at..)?;
    memchr::memchr(b'\n', rest).map(|end| &rest[..end])
}

/// The codec as it was when its memory was stored: text is read again.
fn rebuild(
    protocol: Protocol,
    record: &StartRecord,
    spool: &[u8],
    stored: Option<&StoredLine>,
) -> Box<dyn Codec> {
    let mut codec = codec_for(protocol, record.clone());
    let Some(stored) = stored else { return codec };
    codec.restore(&stored.codec.value().expect("there is a memory"));
    let mut at = stored.open;
    while at < stored.done {
        let line = line_at(spool, at).expect("what was stored as read is there");
        let told = codec.decode(at as u64, line);
        assert!(told.is_empty(), "a line that is read again tells nothing: {told:?}");
        at += line.len() + 1;
    }
    assert_eq!(codec.save(), stored.codec, "what is read again changes nothing that is stored");
    codec
}
