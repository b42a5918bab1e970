//! One agent process as its owner holds it: the shim, the spool that is read, the codec
//! that understands it, and how far its effects are stored.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tenure_agents::catalog::Protocol;
use tenure_core::agent::{Codec, Kept, LineMark, Signal, StartRecord};
use tenure_core::machine::ExitNews;
use tenure_crash_point::crash_point;
use tenure_host::shim::StderrMark;
use tenure_host::spool::{LineKind, SpoolLine, SpoolReader};
use tenure_host::{ExitRecord, Lost, Shim, ShimStatus};
use tokio::sync::watch;

use super::stored::StoredLine;

/// Bytes of output that are taken in by one step.
const BATCH: usize = 64 * 1024;
/// Output without any effect is noted as read at least this often, in bytes.
const UNSTORED: u64 = 1 << 20;

/// Bytes of the spool that are let go at once, as a rule: each time costs the shim a look at its directory.
const RELEASED_AT_ONCE: u64 = 64 * 1024;

/// A line without a meaning is kept in its event as JSON up to this length, in bytes.
const SHOWN: u64 = 64 * 1024;
/// Else this much of it, as text.
const HEAD: usize = 1024;

/// How a process ended.
#[derive(Clone)]
pub(super) enum Over {
    /// Its shim told.
    Exited(Arc<ExitRecord>),
    /// Its shim is gone without a word.
    Lost(Arc<Lost>),
}

/// What a batch of lines said.
pub(super) struct Batch {
    /// In order.
    pub signals: Vec<Signal>,
    /// Some line was read.
    pub any: bool,
}

pub(super) struct Line {
    pub(super) generation: u32,
    dir: PathBuf,
    pub(super) shim: Option<Shim>,
    status: Option<watch::Receiver<ShimStatus>>,
    over: Option<Over>,
    reader: SpoolReader,
    record: StartRecord,
    protocol: Protocol,
    pub(super) codec: Box<dyn Codec>,
    done: u64,
    stored: StoredLine,
    /// What the commit under way holds.
    next: Option<StoredLine>,
    /// The codec has seen more than was stored, and could not be taken back yet.
    astray: bool,
    /// What a commit that survives a power loss covers; the spool before it may go.
    covered: u64,
    /// What the shim was told of that.
    released: u64,
    /// The last command whose acknowledgement is stored.
    pub(super) acked_stored: u64,
    /// The last one whose acknowledgement the commit under way holds.
    pub(super) acked_next: u64,
    pub(super) blocked_told: bool,
    stderr_before: StderrMark,
}

impl Line {
    /// Takes up a process's output: of a new one, or of one that ran before, from where it was stored. Commands can be
    /// written at once; they go out, and output comes in, once the process is there ([`Self::join`]).
    pub(super) fn open(
        dir: &Path,
        record: StartRecord,
        protocol: Protocol,
        stored: Option<StoredLine>,
    ) -> std::io::Result<Self> {
        let fresh = StoredLine { generation: record.generation, done: 0, open: 0, codec: Kept::default() };
        let stored = stored.unwrap_or(fresh);
        let (codec, reader) = rebuild(dir, &record, protocol, &stored)?;
        Ok(Self {
            generation: record.generation,
            dir: dir.to_owned(),
            shim: None,
            status: None,
            over: None,
            reader,
            protocol,
            codec,
            done: stored.done,
            covered: stored.open.min(stored.done),
            released: 0,
            stored,
            next: None,
            astray: false,
            record,
            acked_stored: 0,
            acked_next: 0,
            blocked_told: false,
            stderr_before: StderrMark::default(),
        })
    }

    /// The process is there, or it was found out how it ended.
    pub(super) fn join(&mut self, shim: Option<Shim>, over: Option<Over>) {
        self.status = shim.as_ref().map(Shim::status);
        (self.shim, self.over) = (shim, over);
    }

    /// Resolves when the process has something new; never, if there is no process.
    pub(super) async fn changed(line: Option<&mut Self>) {
        let wait = match line.and_then(|l| l.status.as_mut()) {
            Some(status) => status.changed().await,
            None => std::future::pending().await,
        };
        if wait.is_err() {
            // The handle's task is over; what it knew last stays readable.
            std::future::pending::<()>().await;
        }
    }

    fn status(&self) -> Option<ShimStatus> {
        self.status.as_ref().map(|s| s.borrow().clone())
    }

    /// Marks what is known now as seen.
    pub(super) fn look(&mut self) -> (u64, bool) {
        match &mut self.status {
            Some(status) => {
                let now = status.borrow_and_update();
                (now.acked, now.full || now.spool_error.is_some())
            }
            None => (0, false),
        }
    }

    /// How the process ended, once it has.
    pub(super) fn over(&self) -> Option<Over> {
        if let Some(over) = &self.over {
            return Some(over.clone());
        }
        let status = self.status()?;
        status.exit.map(Over::Exited).or(status.lost.map(Over::Lost))
    }

    fn end_of_output(&self) -> u64 {
        match (&self.over, self.status()) {
            (Some(Over::Exited(record)), _) => record.spool_end,
            // Nobody told where it ends: as far as whole lines go.
            (Some(Over::Lost(_)), _) => u64::MAX,
            (None, Some(status)) if status.lost.is_some() => u64::MAX,
            (None, Some(status)) => status.spool_end,
            (None, None) => self.done,
        }
    }

    /// Whether output waits, or the end of the process.
    pub(super) fn has_more(&self) -> bool {
        self.over().is_some() || self.end_of_output() > self.done
    }

    /// Reads the next lines. Nothing is counted as done before it is stored.
    pub(super) fn read(&mut self) -> std::io::Result<Batch> {
        self.straighten()?;
        let lines = self.reader.read(self.end_of_output(), BATCH)?;
        let any = !lines.is_empty();
        let mut signals = Vec::new();
        for line in lines {
            self.done = line.next;
            decode(self.codec.as_mut(), line, &mut signals);
        }
        Ok(Batch { signals, any })
    }

    /// The codec and the reader as they were at the last commit: a step could not be stored. If that cannot be done
    /// now, nothing is taken in or stored before it is.
    pub(super) fn rewind(&mut self) -> std::io::Result<()> {
        self.astray = true;
        self.straighten()
    }

    /// Does what a [`Self::rewind`] could not do.
    pub(super) fn straighten(&mut self) -> std::io::Result<()> {
        if self.astray {
            let (codec, reader) = rebuild(&self.dir, &self.record, self.protocol, &self.stored)?;
            (self.codec, self.reader, self.done) = (codec, reader, self.stored.done);
            self.astray = false;
        }
        Ok(())
    }

    /// The position and the codec's memory as the next commit holds them.
    pub(super) fn about_to_store(&mut self) -> &StoredLine {
        let next = self.to_store();
        self.next.insert(next)
    }

    fn to_store(&self) -> StoredLine {
        let open = self.codec.open_offset().map_or(self.done, |open| open.min(self.done));
        StoredLine { generation: self.generation, done: self.done, open, codec: self.codec.save() }
    }

    /// Whether so much was read without effect that its position should be stored.
    pub(super) fn is_far_ahead(&self) -> bool {
        self.done - self.stored.done > UNSTORED
    }

    /// A commit holds the position; the spool before what it covers may be deleted once a power loss cannot
    /// take that back.
    pub(super) fn committed(&mut self, full: bool) {
        self.stored = self.next.take().unwrap_or_else(|| self.to_store());
        self.acked_stored = self.acked_stored.max(self.acked_next);
        if full {
            self.covered = self.covered.max(self.stored.open);
        }
        let held = self.covered.saturating_sub(self.released);
        if let Some(shim) = &self.shim
            && (held >= RELEASED_AT_ONCE || (held > 0 && self.is_held()))
        {
            shim.release(self.covered);
            self.released = self.covered;
        }
    }

    /// Whether the spool holds much that only a lasting commit can let go, or the agent waits for that.
    pub(super) fn wants_full(&self) -> bool {
        let much = if self.is_held() { 0 } else { 8 << 20 };
        self.stored.open.saturating_sub(self.covered) > much
    }

    /// Whether the spool is full, so that the agent waits.
    fn is_held(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.borrow().full)
    }

    /// What its standard error said since the last prompt.
    pub(super) fn new_stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr_before.since(&self.dir, 8 * 1024)).into_owned()
    }

    /// A prompt is about to be sent: what stands in standard error now is older than its turn.
    pub(super) fn mark_stderr(&mut self) {
        self.stderr_before = StderrMark::now(&self.dir);
    }

    /// Who runs, or ran, as its shim wrote it down.
    pub(super) fn identity(&self) -> Option<tenure_host::ShimIdentity> {
        tenure_host::read_identity(&self.dir).ok().flatten()
    }
}

fn rebuild(
    dir: &Path,
    record: &StartRecord,
    protocol: Protocol,
    stored: &StoredLine,
) -> std::io::Result<(Box<dyn Codec>, SpoolReader)> {
    let mut codec = tenure_agents::catalog::codec_for(protocol, record.clone());
    if let Some(memory) = stored.codec.value() {
        codec.restore(&memory);
    }
    let mut reader = SpoolReader::open(dir, stored.open)?;
    let mut thrown_away = Vec::new();
    while reader.offset() < stored.done {
        let lines = reader.read(stored.done, BATCH)?;
        if lines.is_empty() {
            break;
        }
        crash_point!("replay.rebuilding");
        for line in lines {
            decode(codec.as_mut(), line, &mut thrown_away);
            thrown_away.clear();
        }
    }
    Ok((codec, reader))
}

fn decode(codec: &mut dyn Codec, line: SpoolLine, signals: &mut Vec<Signal>) {
    let first = signals.len();
    let (offset, bytes) = (line.offset, line.next - line.offset);
    let mut text = None;
    match line.kind {
        LineKind::Line(bytes) => {
            signals.extend(codec.decode(line.offset, &bytes));
            text = Some(bytes);
        }
        LineKind::Oversized { len } => {
            signals.push(Signal::Native {
                kind: "oversized".to_owned(),
                value: None,
                at: LineMark::default(),
            });
            let message = format!(
                "the agent wrote a line of at least {len} bytes, which is over the limit; it was skipped"
            );
            signals.push(Signal::Warning { code: "line_too_long".to_owned(), message });
        }
    }
    for signal in &mut signals[first..] {
        if let Signal::Native { value, at, .. } = signal {
            if bytes > SHOWN {
                *value = None;
            }
            let head = text.as_ref().filter(|_| value.is_none()).map(|t| &t[..t.len().min(HEAD)]);
            *at = LineMark { offset, bytes, text: head.map(|h| String::from_utf8_lossy(h).into_owned()) };
        }
    }
}

/// How a process ended, in the machine's words.
pub(super) fn exit_news(over: &Over) -> ExitNews {
    let pids = |pids: &[i32]| pids.iter().filter_map(|p| u32::try_from(*p).ok()).collect();
    match over {
        Over::Exited(record) => ExitNews {
            code: record.code,
            signal: record.signal,
            stderr_tail: record.stderr_tail.clone(),
            unseen: false,
            never_ran: false,
            hit: pids(&record.hit),
            remained: pids(&record.remained),
        },
        Over::Lost(lost) => ExitNews {
            unseen: true,
            never_ran: !lost.ran,
            hit: pids(&lost.hit),
            remained: pids(&lost.remained),
            ..ExitNews::default()
        },
    }
}
