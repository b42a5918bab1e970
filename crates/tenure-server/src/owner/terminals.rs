//! Commands that an agent has run by its client (ACP `terminal/*`), on the same ground as those of clients.
//!
//! They belong to the agent's process: its end kills them, and so does the daemon's. What they wrote is kept here
//! within the bound that the agent named, and goes nowhere else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tenure_api::Problem;
use tenure_core::agent::{FsAnswer, TerminalAnswer, TerminalExit, TerminalRequest};
use tenure_event::SessionId;
use tenure_log::EventLog;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::files::refused;
use crate::clock;
use crate::exec::{self, Order, Piece, Run, Wish};
use crate::node::Shared;
use crate::problem;

/// Bytes that are kept unless the agent says otherwise.
const USUAL: u64 = 1 << 20;
/// Bytes that are kept at most, whatever it says.
const MOST: u64 = 8 << 20;
/// Commands that one process may hold, running or ended.
const BOUND: usize = 64;

/// Those of one session's agent process.
pub(super) struct Terminals {
    shared: Arc<Shared>,
    session: SessionId,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    all: BTreeMap<String, Terminal>,
    /// Cancelled with the process to which they belong.
    process: CancellationToken,
}

#[derive(Clone)]
struct Terminal {
    kept: Arc<Mutex<Kept>>,
    ended: watch::Receiver<Option<TerminalExit>>,
    cancel: CancellationToken,
    /// The last clone that goes kills it.
    _guard: Arc<DropGuard>,
}

/// The last bytes of both outputs, in their order.
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        // Cut now and then, not with every piece.
        if self.bytes.len() > self.limit.saturating_mul(2).max(self.limit + 64 * 1024) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let over = self.bytes.len().saturating_sub(self.limit);
        if over > 0 {
            self.bytes.drain(..over);
            self.truncated = true;
        }
    }

    /// The last of it, from the beginning of a character on.
    fn text(&mut self) -> (String, bool) {
        self.cut();
        let torn = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
        let skip = if self.truncated { self.bytes.iter().take(3).take_while(torn).count() } else { 0 };
        (String::from_utf8_lossy(&self.bytes[skip..]).into_owned(), self.truncated)
    }
}

impl Held {
    /// Whether one more may be there for this process.
    fn has_place(&self, process: &CancellationToken) -> Result<(), Problem> {
        if process.is_cancelled() {
            return Err(Problem::invalid("command", "the process that asked for it has ended"));
        }
        if self.all.len() >= BOUND {
            let what = format!("{BOUND} terminals are open; release one first");
            return Err(Problem::invalid("command", what));
        }
        Ok(())
    }
}

impl Terminals {
    pub(super) fn new(shared: Arc<Shared>, session: SessionId) -> Arc<Self> {
        Arc::new(Self { shared, session, held: Mutex::default() })
    }

    /// Kills and forgets all of them, and those that are being started.
    pub(super) fn clear(&self) {
        std::mem::take(&mut *self.lock()).process.cancel();
    }

    /// What is cancelled with the process that runs now.
    pub(super) fn process(&self) -> CancellationToken {
        self.lock().process.clone()
    }

    /// Serves one request of a process. Never fails: an error is an answer too.
    pub(super) async fn serve(&self, request: TerminalRequest, process: &CancellationToken) -> FsAnswer {
        match self.answer(request, process).await {
            Ok(answer) => FsAnswer::Terminal(answer),
            Err(problem) => refused(&problem.detail),
        }
    }

    async fn answer(
        &self,
        request: TerminalRequest,
        process: &CancellationToken,
    ) -> Result<TerminalAnswer, Problem> {
        match request {
            TerminalRequest::Create { command, args, env, cwd, keep_bytes } => {
                let argv = std::iter::once(command).chain(args).collect();
                let env = env.into_iter().map(|(name, value)| (name, Some(value))).collect();
                let wish = Wish { argv, cwd, env, stdin: Bytes::new(), timeout: None, merged: true };
                let limit = keep_bytes.unwrap_or(USUAL).min(MOST);
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let terminal_id = self.create(wish, limit, process).await?;
                Ok(TerminalAnswer::Created { terminal_id })
            }
            TerminalRequest::Output { terminal_id } => {
                let terminal = self.find(&terminal_id)?;
                let exit = terminal.ended.borrow().clone();
                let (text, truncated) = terminal.kept.lock().unwrap_or_else(PoisonError::into_inner).text();
                Ok(TerminalAnswer::Output { text, truncated, exit })
            }
            TerminalRequest::Wait { terminal_id } => {
                let mut terminal = self.find(&terminal_id)?;
                let ended = terminal.ended.wait_for(Option::is_some).await;
                let exit = ended.ok().and_then(|exit| exit.clone());
                exit.map(TerminalAnswer::Exited).ok_or_else(|| problem::internal("a command told no end"))
            }
            TerminalRequest::Kill { terminal_id } => {
                self.find(&terminal_id)?.cancel.cancel();
                Ok(TerminalAnswer::Done)
            }
            TerminalRequest::Release { terminal_id } => {
                let terminal = self.lock().all.remove(&terminal_id).ok_or_else(|| unknown(&terminal_id))?;
                terminal.cancel.cancel();
                Ok(TerminalAnswer::Done)
            }
        }
    }

    async fn create(&self, wish: Wish, limit: usize, process: &CancellationToken) -> Result<String, Problem> {
        self.lock().has_place(process)?;
        let row = self.shared.log.session(&self.session).await.map_err(|e| problem::from_log(&e))?;
        let row = row.ok_or_else(|| problem::no_session(&self.session))?;
        let order = Order::new(&self.shared, &row, wish).await?;
        let cancel = process.child_token();
        let run = exec::start(&self.shared, &self.session, order, cancel.clone()).await;
        let run = run.map_err(|error| Problem::invalid("command", error.to_string()))?;
        let kept = Arc::new(Mutex::new(Kept { bytes: Vec::new(), limit, truncated: false }));
        let (tell, ended) = watch::channel(None);
        self.shared.tasks.spawn(gather(run, Arc::clone(&kept), tell));
        // Not to be taken for one of another process or daemon, whose commands are gone.
        let id = format!("term_{}", clock::new_uuid().simple());
        let guard = Arc::new(cancel.clone().drop_guard());
        let terminal = Terminal { kept, ended, cancel, _guard: guard };
        let mut held = self.lock();
        // Others were made meanwhile, or the process has ended. A command that finds no place ends with what is dropped here.
        held.has_place(process)?;
        held.all.insert(id.clone(), terminal);
        Ok(id)
    }

    fn find(&self, id: &str) -> Result<Terminal, Problem> {
        self.lock().all.get(id).cloned().ok_or_else(|| unknown(id))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(id: &str) -> Problem {
    let what = format!("there is no terminal `{id}`: it was released, or lost when the host was restarted");
    Problem::invalid("terminalId", what)
}

/// Takes in what a command writes, so that it never waits for its reader.
async fn gather(mut run: Run, kept: Arc<Mutex<Kept>>, tell: watch::Sender<Option<TerminalExit>>) {
    while let Some(piece) = run.pieces.recv().await {
        match piece {
            Piece::Out(bytes) | Piece::Err(bytes) => {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(&bytes);
            }
            Piece::End(end) => {
                tell.send_replace(Some(TerminalExit { code: end.code, signal: end.signal }));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bytes_are_kept_and_no_character_is_cut() {
        let mut kept = Kept { bytes: Vec::new(), limit: 5, truncated: false };
        kept.push("ab".as_bytes());
        assert_eq!(kept.text(), ("ab".to_owned(), false));
        kept.push("é€x".as_bytes());
        // Five bytes: the second half of é is left out.
        assert_eq!(kept.text(), ("€x".to_owned(), true));
        let mut all = Kept { bytes: Vec::new(), limit: 0, truncated: false };
        all.push(b"x");
        assert_eq!(all.text(), (String::new(), true));
    }
}
