//! One task per live session: the only writer of that session's log.
//!
//! The owner takes what happens (requests, the agent's lines, exits, deadlines), hands it to
//! the pure machine, and does what comes back in a fixed order: store, ring, act, reply. All
//! slow work is spawned and comes back as something that happened. There is no lock around a
//! session. An owner whose session has nothing to do ends; the next request wakes another
//! one from the store, by the same path as after a restart of the daemon.

mod act;
mod agent;
mod blobs;
mod checkpoint;
mod commit;
mod files;
mod fork;
mod launch;
mod line;
mod mail;
mod outgoing;
mod pieces;
mod redact;
mod rows;
mod seat;
mod servers;
mod stored;
mod terminals;
mod wake;
mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tenure_core::agent::EncodeContext;
use tenure_core::machine::{Input, Inside, Machine, Now, Output};
use tenure_core::{Reply, Request};
use tenure_crash_point::crash_point;
use tenure_event::{Ephemeral, InputId, SessionId};
use tenure_log::{LogError, OutboxRow};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, mpsc};
use tokio::time::Instant;

pub(crate) use act::off_thread;
pub(crate) use launch::{HOME_MARK, SESSION_MARK, claude_transcript, pi, resolve_environment};
pub(crate) use mail::{Birth, Mail, OwnerHandle};
pub(crate) use rows::receipt;
pub(crate) use servers::SERVER_MARK;
pub(crate) use stored::{Private, TOOLS, TOOLS_TOKEN, session_dir, write_private};

use crate::clock;
use crate::config::Config;
use crate::node::{IdempotencyKey, Shared};
use crate::order::{self, Answer, InputRows};
use line::Line;
use mail::Work;
use pieces::Pieces;
use redact::Redactor;

/// Requests that may wait for one session.
const MAILBOX: usize = 64;
/// Ephemeral events that a slow follower may lag behind.
const LIVE_BUFFER: usize = 256;
/// How long an owner without work stays.
const LINGER: Duration = Duration::from_secs(20);
/// How long to wait before trying again what the store refused.
const STORAGE_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of commands that may wait for the process; one more input is refused then, and what ends or answers something
/// is small and is not.
const UNSENT: usize = 64 << 20;
/// Files that are read or written for an agent at once. An answer may have 16 MB.
const HANDS: usize = 4;

/// The task of one session.
pub(crate) struct Owner {
    shared: Arc<Shared>,
    id: SessionId,
    machine: Machine,
    private: Private,
    secrets: EncodeContext,
    redactor: Redactor,
    line: Option<Line>,
    /// Its line, while the end of its process is being stored.
    closing: Option<Line>,
    rows: InputRows,
    /// Blobs with the true words of inputs whose rows show less than that.
    words: BTreeMap<InputId, String>,
    /// Text that is being written, as far as it may be shown.
    pieces: Pieces,
    /// Bytes that the stored state takes.
    room: usize,
    /// The row as lists saw it last.
    listed: Option<tenure_log::SessionRow>,
    unsent: VecDeque<OutboxRow>,
    work_in: mpsc::Receiver<Work>,
    work_out: mpsc::Sender<Work>,
    live: broadcast::Sender<Arc<Ephemeral>>,
    /// Work that the store refused, to be tried again.
    retry: VecDeque<Work>,
    /// An end that was asked for while the process was not there yet, and of which process.
    end_later: Option<(u32, act::EndHow)>,
    /// The process whose end is being stored: its commands go with it.
    ended_generation: Option<u32>,
    /// Commands of the step under way that have no words.
    unsaid: Vec<(u32, u64, String)>,
    /// Commands that cannot be told, by process and number, of which it is not stored yet what became of them.
    untold: BTreeSet<(u32, u64)>,
    /// So many files are read or written for the agent at once.
    hands: Arc<Semaphore>,
    /// Of those, the ones whose answers the agent has not taken in.
    hands_held: Vec<OwnedSemaphorePermit>,
    /// Until then nothing is tried that just failed; requests are heard.
    pause: Option<Instant>,
    /// A process is being started at this moment.
    launching: bool,
    /// It was told that the disk does not let a process start.
    disk_told: bool,
    /// What a lost process may have left is being ended, or was.
    sweep: Option<wake::Sweep>,
    /// The log has another end than was believed: what a commit came to was told wrong.
    outdated: bool,
    /// Where the output of a process was taken in up to, until it is taken up again.
    stored_line: Option<stored::StoredLine>,
    /// Rows that are stored with the first step.
    birth_writes: Vec<tenure_log::Write>,
    /// Who waits until no checkpoint is being taken.
    settling: Vec<tokio::sync::oneshot::Sender<()>>,
    /// Who waits until the agent has told how its tool servers stand.
    asking: Vec<tokio::sync::oneshot::Sender<()>>,
    /// Commands that the agent's process asked for.
    terminals: Arc<terminals::Terminals>,
    /// The configuration whose policy the machine has.
    config: Option<Arc<Config>>,
    gone: bool,
}

impl Owner {
    /// Starts the task of a session that is in the store, or of one that is being born.
    pub(crate) fn start(shared: Arc<Shared>, id: SessionId, birth: Option<Box<Birth>>) -> OwnerHandle {
        let (mail_out, mail_in) = mpsc::channel(MAILBOX);
        let (urgent_out, urgent_in) = mpsc::channel(MAILBOX);
        let (live, _) = broadcast::channel(LIVE_BUFFER);
        let handle = OwnerHandle { mail: mail_out, urgent: urgent_out, live: live.clone() };
        let tracker = shared.tasks.clone();
        tracker.spawn(run(shared, id, birth, mail_in, urgent_in, live));
        handle
    }

    /// One step, stored. On a failure of the store nothing has happened.
    async fn apply(&mut self, input: Input, key: Option<&IdempotencyKey>) -> Result<Answer, LogError> {
        order::apply(self, input, key).await
    }

    /// Nothing is stored while the codec is ahead of what was.
    fn straighten(&mut self) -> Result<(), LogError> {
        let Some(line) = &mut self.line else { return Ok(()) };
        line.straighten().map_err(|e| LogError::Storage {
            message: format!("the agent's output cannot be read again: {e}"),
            full: false,
        })
    }

    /// What clients may know of the state beyond its view, without secrets.
    fn inside(&mut self) -> Inside {
        self.take_policy();
        let inside = self.machine.state().inside();
        let Ok(text) = serde_json::to_string(&inside) else { return inside };
        let clean = self.redactor.view::<Inside>(text);
        serde_json::from_str(&clean).unwrap_or(inside)
    }

    /// What the configuration says about permissions, as it is now.
    fn take_policy(&mut self) {
        let config = self.shared.config();
        if self.config.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &config)) {
            let policy = config.policy_for(&self.machine.state().spec);
            self.machine.set_policy(Arc::new(policy));
            self.config = Some(config);
        }
    }

    /// Nothing that just failed is tried again at once.
    fn rest(&mut self) {
        self.pause = Some(Instant::now() + STORAGE_PAUSE);
    }

    /// To be tried again after a pause.
    fn later(&mut self, work: Work) {
        self.retry.push_back(work);
        self.rest();
    }

    fn deadline(&self) -> Option<Duration> {
        let at = self.machine.next_deadline()?;
        Some(Duration::from_millis(at.millis_since(clock::now())))
    }

    /// Whether nothing is left to do until someone asks for something.
    fn may_rest(&self) -> bool {
        let state = self.machine.state();
        self.line.is_none()
            && state.process.is_none()
            && self.retry.is_empty()
            && self.machine.next_deadline().is_none()
    }
}

/// The points at which a limit has held a session, or lets it go, and that is stored.
fn pass_limits(before: &Machine, after: &Machine) {
    match (before.state().held_by_limit, after.state().held_by_limit) {
        (false, true) => {
            crash_point!("limit.paused");
        }
        (true, false) => {
            crash_point!("limit.raised");
        }
        _ => {}
    }
}

fn now() -> Now {
    Now { at: clock::now(), entropy: clock::entropy() }
}

async fn run(
    shared: Arc<Shared>,
    id: SessionId,
    birth: Option<Box<Birth>>,
    mail: mpsc::Receiver<Mail>,
    urgent: mpsc::Receiver<Mail>,
    live: broadcast::Sender<Arc<Ephemeral>>,
) {
    let owner = match birth {
        Some(birth) => Owner::born(Arc::clone(&shared), id.clone(), *birth, live).await,
        None => Owner::wake(Arc::clone(&shared), id.clone(), live).await,
    };
    match owner {
        Some(owner) => owner.serve(mail, urgent).await,
        None => mail::refuse_all(&shared, &id, mail, urgent).await,
    }
}

impl Owner {
    async fn serve(mut self, mut mail: mpsc::Receiver<Mail>, mut urgent: mpsc::Receiver<Mail>) {
        loop {
            let over = self.gone || (self.outdated && !self.launching);
            if over || self.shared.stopping.is_cancelled() {
                break;
            }
            let deadline = self.deadline();
            let due = deadline.is_some_and(|left| left.is_zero());
            let more = !self.is_sweeping() && self.line.as_ref().is_some_and(Line::has_more);
            let works = self.pause.is_none();
            let pause = self.pause.unwrap_or_else(Instant::now);
            let stopping = self.shared.stopping.clone();
            tokio::select! {
                biased;
                () = stopping.cancelled() => break,
                Some(letter) = urgent.recv() => self.read(letter).await,
                Some(letter) = mail.recv() => self.read(letter).await,
                Some(work) = self.work_in.recv() => self.take_work(work).await,
                () = tokio::time::sleep_until(pause), if !works => self.pause = None,
                // Before the agent's lines: one that never stops talking has its deadlines too.
                () = std::future::ready(()), if works && due => self.deadline_came().await,
                () = std::future::ready(()), if works && !self.retry.is_empty() => self.try_again().await,
                () = Line::changed(self.line.as_mut()), if works && !more => self.drain().await,
                () = std::future::ready(()), if works && more => self.drain().await,
                () = tokio::time::sleep(deadline.unwrap_or(LINGER)), if works && deadline.is_some() => {}
                () = tokio::time::sleep(LINGER), if self.may_rest() => {
                    // Under the registry's lock nobody can be handed this mailbox any more, and nobody has it still.
                    let alone = || mail.sender_strong_count() == 1 && mail.is_empty() && urgent.is_empty();
                    if self.shared.registry.retire(&self.id, alone) {
                        return;
                    }
                }
            }
        }
        let (shared, id, again) = (Arc::clone(&self.shared), self.id.clone(), self.outdated && !self.gone);
        drop(self);
        mail::refuse_all(&shared, &id, mail, urgent).await;
        if again && !shared.stopping.is_cancelled() {
            tracing::error!(session = %id, "what the log holds is not what was believed; reading it again");
            shared.registry.get_or_start(&id, || Owner::start(Arc::clone(&shared), id.clone(), None));
        }
    }

    async fn read(&mut self, letter: Mail) {
        match letter {
            Mail::Request { request, key, reply } => {
                let answer = self.ask(request, key).await;
                crash_point!("reply.before");
                // A caller that went away changes nothing.
                let _ = reply.send(answer);
                crash_point!("reply.after");
            }
            Mail::Inside { reply } => {
                let _ = reply.send(self.inside());
            }
            Mail::State { reply } => {
                let _ = reply.send(Box::new(self.machine.state().clone()));
            }
            Mail::TaskOutput { task_id, reply } => {
                let _ = reply.send(self.task_output(&task_id));
            }
            Mail::OpenText { reply } => {
                let _ = reply.send(self.open_text());
            }
            Mail::FilesSettled { reply } => self.settle_for(reply),
            Mail::Servers { set, key, reply } => {
                let answer = self.set_servers(set, key).await;
                let _ = reply.send(answer);
            }
            Mail::ServersTold { reply } => self.servers_told(reply),
        }
    }

    async fn ask(
        &mut self,
        request: Request,
        key: Option<IdempotencyKey>,
    ) -> Result<Reply, tenure_api::Problem> {
        // Another request with this key may have come to its end since this one was let in.
        if let Some(known) = self.shared.remembered::<Reply>(key.as_ref()).await? {
            return Ok(known);
        }
        if let Request::Admit(admit) = &request
            && let Some(known) = self.known_input(admit).await
        {
            return known;
        }
        self.straighten().map_err(|e| crate::problem::from_log(&e))?;
        self.can_be_told(&request)?;
        self.has_room(&request)?;
        match order::ask(self, request, key.as_ref()).await {
            Ok(Some(reply)) => reply,
            Ok(None) => Err(crate::problem::internal("a request got no reply")),
            Err(e) => Err(self.unreached().unwrap_or_else(|| crate::problem::from_log(&e))),
        }
    }

    /// What is answered as done must reach the agent: not while nobody knows how to speak to it.
    fn can_be_told(&self, request: &Request) -> Result<(), tenure_api::Problem> {
        let must = matches!(request, Request::Answer(_) | Request::Interrupt { .. });
        self.unreached().filter(|_| must).map_or(Ok(()), Err)
    }

    /// Why nothing can be said to a process that runs.
    fn unreached(&self) -> Option<tenure_api::Problem> {
        let runs = self.machine.state().process.as_ref().is_some_and(|p| p.pid.is_some());
        if self.line.is_some() || !runs {
            return None;
        }
        let what = "its process cannot be spoken to at the moment, the daemon's log tells why; try again, or `kill` it";
        Some(tenure_api::Problem::new(tenure_api::ErrorCode::NotReady, what).about(&self.id))
    }

    /// Whether one more input may wait in memory for a process that takes nothing in.
    fn has_room(&self, request: &Request) -> Result<(), tenure_api::Problem> {
        if !matches!(request, Request::Admit(_)) || !self.is_behind() {
            return Ok(());
        }
        let what = "commands of more than 64 MB wait for the agent, which reads none of them; try again when it does, \
            or `interrupt` or `kill` it";
        Err(tenure_api::Problem::new(tenure_api::ErrorCode::Overloaded, what).about(&self.id))
    }

    async fn deadline_came(&mut self) {
        if let Err(e) = self.apply(Input::Deadline, None).await {
            tracing::warn!(session = %self.id, error = %e, "a deadline could not be stored; trying again");
            self.rest();
        }
    }
}

/// Two steps as one: the second sees the state after the first.
fn joined(first: Output, second: Output) -> Output {
    let shift = first.events.len();
    let mut out = first;
    out.events.extend(second.events);
    out.full |= second.full;
    out.commands.extend(second.commands);
    out.asks.extend(second.asks);
    out.inputs.extend(second.inputs);
    out.acts.extend(second.acts);
    out.ephemeral.extend(second.ephemeral.into_iter().map(|(i, e)| (i + shift, e)));
    out.reply = second.reply.or(out.reply);
    out
}
