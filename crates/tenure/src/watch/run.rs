//! The loop of a look: one `select!`, whose arms change the look and may end it.

use std::time::Duration;

use futures_util::FutureExt;
use tenure_api::{
    AnswerAsk, ErrorCode, Interrupt, QueueChoice, Receipt, SendInput, SendWait, VerbReply, VerbWait,
};
use tenure_client::{ClientError, FollowOptions, Followed, FollowedEvent};
use tenure_event::{AskId, Delivery, Event, Kind, PartBody, TurnCompleted, TurnId};
use tenure_server::clock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::{Answer, Goal, Look, allow};
use crate::exit::Failure;
use crate::out;
use crate::term::{Edit, Key, Keys, LineEdit};

const FRAME: Duration = Duration::from_millis(120);
/// Items that are shown with one write.
const BATCH: usize = 256;

/// How a look ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    /// The turn of the goal is over.
    Turn(Box<TurnCompleted>),
    /// The goal's input will not be served.
    Cancelled(String),
    /// The goal's input is kept, and waits until a limit is raised.
    Held,
    /// The session cannot work: it failed, or was destroyed.
    Gone,
    /// The person left; the session goes on.
    Left,
}

/// What came of something that was sent.
enum Job {
    Answered(AskId, Result<(), ClientError>),
    Sent(String, Result<Receipt, ClientError>),
    Interrupted(Result<VerbReply, ClientError>),
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// Looks until the goal is reached or the person leaves.
///
/// # Errors
/// What ends the stream for good, and a standard output that cannot be written to.
pub(crate) async fn watch(look: &mut Look) -> Result<End, Failure> {
    let deltas = if look.json { look.deltas } else { true };
    let options = FollowOptions { after: look.after, deltas, ..FollowOptions::default() };
    let mut follow = look.client.follow(&look.session, options);
    let mut signals = Signals {
        interrupt: signal(SignalKind::interrupt())?,
        terminate: signal(SignalKind::terminate())?,
        hang_up: signal(SignalKind::hangup())?,
    };
    let mut tick = interval(FRAME);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watching = Watching { look, turn: None, interrupted: false, jobs: JoinSet::new(), frame: 0 };
    loop {
        watching.draw()?;
        let bottom = !watching.look.json && watching.look.screen.is_terminal();
        let end = tokio::select! {
            item = follow.next() => {
                let mut items = vec![item];
                while items.len() < BATCH && items.last().is_some_and(Option::is_some) {
                    match follow.next().now_or_never() {
                        Some(item) => items.push(item),
                        None => break,
                    }
                }
                watching.take(items).await?
            }
            key = next_key(&mut watching.look.keys) => watching.key(key),
            _ = signals.interrupt.recv() => watching.ctrl_c()?,
            _ = signals.terminate.recv() => Some(End::Left),
            _ = signals.hang_up.recv() => Some(End::Left),
            Some(job) = watching.jobs.join_next(), if !watching.jobs.is_empty() => {
                if let Ok(job) = job { watching.done(job)?; }
                None
            }
            _ = tick.tick(), if bottom => {
                watching.frame = watching.frame.wrapping_add(1);
                None
            }
        };
        if let Some(end) = end {
            let rest = look.transcript.end_line();
            if !look.json {
                out::or_closed(look.screen.print(&rest))?;
            }
            out::or_closed(look.screen.finish())?;
            return Ok(end);
        }
    }
}

async fn next_key(keys: &mut Option<Keys>) -> Option<Key> {
    match keys {
        Some(keys) => keys.next().await,
        None => std::future::pending().await,
    }
}

struct Watching<'a> {
    look: &'a mut Look,
    /// The turn that serves the goal's input.
    turn: Option<TurnId>,
    interrupted: bool,
    jobs: JoinSet<Job>,
    frame: usize,
}

impl Watching<'_> {
    fn draw(&mut self) -> Result<(), Failure> {
        if !self.look.json && self.look.screen.is_terminal() {
            let lines = self.look.bottom(clock::now(), self.frame);
            self.look.screen.set_bottom(lines)?;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        items: Vec<Option<Result<Followed, ClientError>>>,
    ) -> Result<Option<End>, Failure> {
        let mut text = String::new();
        let mut end = None;
        self.look.transcript.set_columns(if self.look.screen.is_terminal() {
            crate::term::columns()
        } else {
            None
        });
        for item in items {
            let item = match item {
                Some(Ok(item)) => item,
                Some(Err(error)) if error.code() == Some(ErrorCode::Destroyed) => {
                    end = Some(End::Gone);
                    break;
                }
                Some(Err(error)) => {
                    self.look.screen.print(&text)?;
                    return Err(error.into());
                }
                None => {
                    end = Some(End::Gone);
                    break;
                }
            };
            let observed = self.look.observer.as_mut().and_then(|observe| observe(&item));
            end = self.item(item, &mut text).await;
            if let Some(note) = observed {
                text.push_str(&self.look.transcript.note(&note));
            }
            if end.is_some() {
                break;
            }
        }
        let printed = self.look.screen.print(&text);
        if end.is_some() {
            out::or_closed(printed)?
        } else {
            printed?
        }
        Ok(end)
    }

    async fn item(&mut self, item: Followed, text: &mut String) -> Option<End> {
        match item {
            Followed::Event(event) => return self.event(*event, text).await,
            Followed::Ephemeral(event) if self.look.json => {
                if let Ok(json) = serde_json::to_string(&event) {
                    text.push_str(&out::json_line(&json));
                }
            }
            Followed::Ephemeral(event) => text.push_str(&self.look.transcript.ephemeral(&event)),
            Followed::Gap { from, to } => {
                self.note(&format!("· events {from} to {to} were removed by retention"), text);
            }
            Followed::Lost { .. } => {
                self.look.transcript.status_mut().lost = true;
                self.note("· the daemon is gone; looking for it, the agent works on", text);
            }
            Followed::Back => {
                self.look.transcript.status_mut().lost = false;
                self.note("· the daemon is back; nothing was lost", text);
            }
        }
        None
    }

    async fn event(&mut self, mut followed: FollowedEvent, text: &mut String) -> Option<End> {
        if self.look.json {
            text.push_str(&out::json_line(&followed.json));
        } else {
            self.make_whole(&mut followed.event).await;
            text.push_str(&self.look.transcript.event(&followed.event));
        }
        self.look.after = followed.event.seq.0;
        match &followed.event.kind {
            Kind::AskOpened(opened) if self.look.answers_itself => {
                self.note("· nobody is here to answer, so the answer is yes", text);
                self.answer(opened.ask.id.clone(), allow());
            }
            Kind::AskOpened(opened) => self.look.desk.opened(opened.ask.clone()),
            Kind::AskResolved(r) => self.look.desk.ended(&r.ask_id),
            Kind::AskExpired(e) | Kind::AskWithdrawn(e) => self.look.desk.ended(&e.ask_id),
            Kind::SessionFailed(_) | Kind::SessionDestroyed(_) => return Some(End::Gone),
            _ => {}
        }
        self.goal_reached(&followed.event)
    }

    fn goal_reached(&mut self, event: &Event) -> Option<End> {
        let Goal::Input(goal) = &self.look.goal else { return None };
        match &event.kind {
            Kind::InputStarted(e) if e.input_id == *goal => self.turn = Some(e.turn_id.clone()),
            Kind::InputCancelled(e) if e.input_id == *goal => return Some(End::Cancelled(e.reason.clone())),
            Kind::WarningRaised(w)
                if w.code == "limit_reached" && self.turn.is_none() && event.turn_id.is_none() =>
            {
                return Some(End::Held);
            }
            Kind::TurnCompleted(e)
                if e.input_ids.contains(goal) || self.turn.as_ref() == Some(&e.turn_id) =>
            {
                return Some(End::Turn(Box::new(e.clone())));
            }
            _ => {}
        }
        None
    }

    /// Fetches texts that are too large for their event, as far as they are to be had.
    async fn make_whole(&self, event: &mut Event) {
        let Kind::MessageCompleted(message) = &mut event.kind else { return };
        for part in &mut message.parts {
            let (PartBody::Text { text } | PartBody::Thought { text }) = &mut part.body else { continue };
            let Some(hash) = &part.blob else { continue };
            if let Ok(bytes) = self.look.client.blob(&self.look.session, hash).await {
                *text = String::from_utf8_lossy(&bytes).into_owned();
                part.blob = None;
            }
        }
    }

    /// A note of ours: among the output of a terminal, beside that of a pipe.
    fn note(&mut self, line: &str, text: &mut String) {
        if self.look.json || !self.look.screen.is_terminal() {
            // What came before it is to be seen before it.
            let _ = self.look.screen.print(&std::mem::take(text));
            out::note(line);
        } else {
            text.push_str(&self.look.transcript.note(line));
        }
    }

    fn note_now(&mut self, line: &str) -> Result<(), Failure> {
        let mut text = String::new();
        self.note(&crate::text::one_line(line, 500), &mut text);
        Ok(self.look.screen.print(&text)?)
    }

    fn key(&mut self, key: Option<Key>) -> Option<End> {
        let Some(key) = key else {
            // The terminal is gone; the stream may still be wanted.
            self.look.keys = None;
            self.look.line = None;
            return None;
        };
        if self.look.desk.is_asking() {
            if let Some(Answer { ask, answer }) = self.look.desk.key(key) {
                self.answer(ask, answer);
            }
            return None;
        }
        match self.look.line.as_mut()?.key(key.clone()) {
            Edit::Done(text) if !text.trim().is_empty() => self.send(text),
            Edit::Given if key == Key::Ctrl('d') => return Some(End::Left),
            _ => {}
        }
        None
    }

    fn answer(&mut self, ask: AskId, answer: AnswerAsk) {
        let client = self.look.client.clone();
        self.jobs.spawn(async move {
            let done = client.answer(&ask, &answer).await.map(drop);
            Job::Answered(ask, done)
        });
    }

    fn send(&mut self, text: String) {
        let (client, session) = (self.look.client.clone(), self.look.session.clone());
        let input = SendInput {
            input: tenure_api::InputContent::Plain(text.clone()),
            id: None,
            delivery: Delivery::Queue,
            wait: SendWait::Accepted,
            model: None,
            effort: None,
        };
        self.jobs.spawn(async move {
            let sent = client.send(&session, input).await;
            Job::Sent(text, sent)
        });
    }

    fn ctrl_c(&mut self) -> Result<Option<End>, Failure> {
        if !self.look.ctrl_c_interrupts || self.interrupted {
            return Ok(Some(End::Left));
        }
        self.interrupted = true;
        let (client, session) = (self.look.client.clone(), self.look.session.clone());
        let how = Interrupt { queue: QueueChoice::Keep, wait: VerbWait::Accepted };
        self.jobs.spawn(async move { Job::Interrupted(client.interrupt(&session, how).await) });
        self.note_now("· interrupting; Ctrl-C again leaves it running")?;
        Ok(None)
    }

    fn done(&mut self, job: Job) -> Result<(), Failure> {
        match job {
            Job::Answered(_, Ok(())) | Job::Sent(_, Ok(_)) | Job::Interrupted(Ok(_)) => Ok(()),
            // Another was faster: its answer comes as an event.
            Job::Answered(_, Err(error)) if error.code() == Some(ErrorCode::Conflict) => Ok(()),
            Job::Answered(ask, Err(error)) => {
                self.look.desk.refused(&ask, &error.to_string());
                Ok(())
            }
            Job::Sent(text, Err(error)) => {
                if self.look.line.as_ref().is_some_and(LineEdit::is_empty) {
                    self.look.line = Some(LineEdit::with(&text));
                }
                self.note_now(&format!("! not sent: {error}"))
            }
            Job::Interrupted(Err(error)) => self.note_now(&format!("! not interrupted: {error}")),
        }
    }
}
