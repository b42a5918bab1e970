//! The order in which an owner works: a step is made, stored, told, carried out, and only then answered; what a process
//! has said is taken in before its end; a process that may be gone is looked for before anything is begun on it.
//!
//! What an owner works with (the log, rows, spools, shims, followers) stands behind a [`Seat`]: the daemon's owner has the
//! real things, the simulation has its own in memory, with virtual time, and kills at every point in between. So the order
//! is here once, and a fault in it is found by seeds. No decision about a session is made here (that is the machine's
//! business), and nothing is known here of how things are done.

mod rows;

use tenure_api::Problem;
use tenure_core::agent::{Command, Signal};
use tenure_core::machine::{Act, ExitNews, Input, InputChange, Machine, Now, Output, State};
use tenure_core::{Reply, Request};
use tenure_crash_point::crash_point;
use tenure_event::{EphemeralKind, InputId, Kind, Seq};
use tenure_log::{Append, Class, OutboxRow, Write};

pub use rows::{InputRows, RowsBefore, id_of};

use crate::node::IdempotencyKey;

/// The reply of a step, if it was a request.
pub type Answer = Option<Result<Reply, Problem>>;

/// What is to be taken in of a process.
#[derive(Debug)]
pub enum Heard {
    /// Nothing, for now.
    Nothing,
    /// Lines, as its codec understood them.
    Lines {
        /// Which process.
        generation: u32,
        /// What they say.
        signals: Vec<Signal>,
        /// The end of its standard error, with the end of a turn in which nothing was said.
        stderr: Option<String>,
    },
    /// All lines were taken in, and it has ended.
    End,
}

/// The end of a process.
#[derive(Debug)]
pub struct End {
    /// Which process.
    pub generation: u32,
    /// How it ended.
    pub exit: ExitNews,
    /// What its codec still held.
    pub cut: Vec<Signal>,
}

/// A process that is there, or was.
#[derive(Debug)]
pub struct Present {
    /// Which.
    pub generation: u32,
    /// Its process id.
    pub pid: u32,
    /// The first commands for it; none if it has ended already.
    pub hello: Vec<Command>,
}

/// What one owner works with.
pub trait Seat: Send {
    /// Why a step was not stored.
    type Failure: Send;
    /// What is put back beside the machine when a step was not stored.
    type Before: Send;

    /// The session.
    fn machine(&mut self) -> &mut Machine;

    /// When the next step happens, and its randomness.
    fn now(&mut self) -> Now;

    /// Before a step: what must be right for it to be stored.
    ///
    /// # Errors
    /// When it is not, and nothing can be stored now.
    fn ready(&mut self) -> Result<(), Self::Failure>;

    /// What a step may change beside the machine.
    fn before(&self) -> Self::Before;

    /// A step was not stored: it is as if it had not been made.
    fn take_back(&mut self, before: Self::Before, why: &Self::Failure);

    /// A step was stored and carried out; the machine as it was before.
    fn applied(&mut self, before: &Machine);

    /// Rows of inputs that wait.
    fn rows(&mut self) -> &mut InputRows;

    /// So much was read without effect that its position should be stored.
    fn is_far_ahead(&self) -> bool;

    /// The next commit must survive a loss of power for the sake of the spool.
    fn wants_full(&self) -> bool;

    /// Makes events what may be stored.
    fn dress(&mut self, out: &mut Output) -> impl Future<Output = Result<(), Self::Failure>> + Send;

    /// All rows that are stored with a step, and the commands among them.
    fn writes(
        &mut self,
        out: &Output,
        base: Seq,
        key: Option<&IdempotencyKey>,
    ) -> impl Future<Output = Result<(Vec<Write>, Vec<OutboxRow>), Self::Failure>> + Send;

    /// Stores it, and rings.
    fn append(&mut self, append: Append) -> impl Future<Output = Result<(), Self::Failure>> + Send;

    /// It is stored: commands go out.
    fn stored(&mut self, full: bool, commands: Vec<OutboxRow>);

    /// Tells followers what has no number. The second number of each counts events after `base`.
    fn tell(&mut self, news: Vec<(usize, EphemeralKind)>, base: Seq);

    /// All of a step is told.
    fn told(&mut self, turn_ended: bool);

    /// Does something.
    fn act(&mut self, act: Act) -> impl Future<Output = ()> + Send;

    /// A point between two effects, at which a simulated daemon may be killed.
    ///
    /// # Errors
    /// When it is.
    fn survives(&mut self) -> Result<(), Self::Failure> {
        Ok(())
    }

    /// Text that the agent has begun outside of any turn, cut off as a message of its own.
    fn cut_off_text(&mut self) -> Option<(u32, Vec<Signal>)>;

    /// Reads on in what the process says.
    ///
    /// # Errors
    /// When it cannot be read now.
    fn listen(&mut self) -> Result<Heard, Self::Failure>;

    /// Takes the process's line away to tell its end; none if that cannot be told yet.
    fn close_line(&mut self) -> Option<End>;

    /// The end could not be stored: the line is there again.
    fn reopen_line(&mut self);

    /// The end is stored: nothing is left that was meant for this process.
    fn forget_process(&mut self, generation: u32);

    /// The process, if it is there or was.
    fn present(&mut self, generation: u32) -> Option<Present>;

    /// An end that was asked for before the process was at hand is asked for now.
    fn end_later(&mut self, generation: u32);

    /// The same, and one that was asked for before the daemon was started.
    fn end_again(&mut self, generation: u32);

    /// Hands commands to the process as far as it takes them.
    fn pump(&mut self);
}

/// One step, stored and carried out. On a failure nothing has happened.
///
/// # Errors
/// When it could not be stored.
pub async fn apply<S: Seat>(
    seat: &mut S,
    input: Input,
    key: Option<&IdempotencyKey>,
) -> Result<Answer, S::Failure> {
    seat.ready()?;
    let (machine, before) = (seat.machine().clone(), seat.before());
    let now = seat.now();
    let out = seat.machine().step(now, input);
    match commit(seat, out, key).await {
        Ok(answer) => {
            seat.applied(&machine);
            Ok(answer)
        }
        Err(why) => {
            *seat.machine() = machine;
            seat.take_back(before, &why);
            Err(why)
        }
    }
}

/// Stores a step and does the rest, in order: store, ring (the log does), act; its reply is for the caller to give.
///
/// # Errors
/// When it could not be stored: nothing was done then.
pub async fn commit<S: Seat>(
    seat: &mut S,
    mut out: Output,
    key: Option<&IdempotencyKey>,
) -> Result<Answer, S::Failure> {
    let base = seat.machine().state().last_seq;
    if is_trivial(&out, seat.is_far_ahead()) {
        seat.tell(out.ephemeral, base);
        return Ok(out.reply);
    }
    seat.dress(&mut out).await?;
    seat.machine().committed(Seq(base.0 + out.events.len() as u64));
    let full = out.full || out.reply.is_some() || seat.wants_full();
    let rows = seat.rows().before(&out.inputs);
    // What came before any of these events is told before them: text is shown before its message is whole.
    let (early, late): (Vec<_>, Vec<_>) =
        std::mem::take(&mut out.ephemeral).into_iter().partition(|(at, _)| *at == 0);
    let turn_ended = out.events.iter().any(|e| matches!(e.kind, Kind::TurnCompleted(_)));
    let commands = match store(seat, &mut out, (base, full), key, early).await {
        Ok(commands) => commands,
        Err(why) => {
            seat.rows().put_back(rows);
            return Err(why);
        }
    };
    seat.survives()?;
    seat.stored(full, commands);
    seat.tell(late, base);
    seat.told(turn_ended);
    for act in out.acts {
        crash_point!("act.before");
        seat.survives()?;
        seat.act(act).await;
        crash_point!("act.after");
    }
    seat.survives()?;
    Ok(out.reply)
}

async fn store<S: Seat>(
    seat: &mut S,
    out: &mut Output,
    (base, full): (Seq, bool),
    key: Option<&IdempotencyKey>,
    early: Vec<(usize, EphemeralKind)>,
) -> Result<Vec<OutboxRow>, S::Failure> {
    let (writes, commands) = seat.writes(out, base, key).await?;
    seat.tell(early, base);
    let append = Append {
        session_id: seat.machine().state().spec.id.clone(),
        expected: base,
        events: std::mem::take(&mut out.events),
        class: if full { Class::Full } else { Class::Normal },
        writes,
    };
    crash_point!("commit.before");
    seat.survives()?;
    seat.append(append).await?;
    crash_point!("commit.after");
    Ok(commands)
}

fn is_trivial(out: &Output, far_ahead: bool) -> bool {
    let nothing =
        out.events.is_empty() && out.commands.is_empty() && out.inputs.is_empty() && out.asks.is_empty();
    let refused = out.reply.as_ref().is_some_and(Result::is_err);
    nothing && !out.store && out.acts.is_empty() && (refused || (out.reply.is_none() && !far_ahead))
}

/// Somebody asks for something.
///
/// # Errors
/// When it could not be stored.
pub async fn ask<S: Seat>(
    seat: &mut S,
    request: Request,
    key: Option<&IdempotencyKey>,
) -> Result<Answer, S::Failure> {
    // What an agent said after its turn had ended is a message of its own, and ends before the next prompt: the codec does
    // not see prompts, and would take the answer for its continuation.
    if matches!(request, Request::Admit(_))
        && seat.machine().state().turn.is_none()
        && let Some((generation, signals)) = seat.cut_off_text()
    {
        apply(seat, Input::Agent { generation, signals, stderr: None }, None).await?;
    }
    apply(seat, Input::Request(request), key).await
}

/// Takes in what is new of a process: its lines, and only then its end. Whether there was something.
///
/// # Errors
/// When it could not be read or stored: it is as if it had not been read.
pub async fn take_in<S: Seat>(seat: &mut S) -> Result<bool, S::Failure> {
    match seat.listen()? {
        Heard::Nothing => Ok(false),
        Heard::Lines { generation, signals, stderr } => {
            crash_point!("spool.read");
            apply(seat, Input::Agent { generation, signals, stderr }, None).await?;
            crash_point!("spool.stored");
            Ok(true)
        }
        Heard::End => process_ended(seat).await,
    }
}

/// Tells the end of a process. The next one may be decided on in this very step: the line of the old one is gone by then.
/// False if it cannot be told yet.
///
/// # Errors
/// When it could not be stored.
pub async fn process_ended<S: Seat>(seat: &mut S) -> Result<bool, S::Failure> {
    let Some(End { generation, exit, cut }) = seat.close_line() else { return Ok(false) };
    crash_point!("exit.before");
    match apply(seat, Input::Exited { generation, exit, cut }, None).await {
        Ok(_) => {
            crash_point!("exit.stored");
            seat.forget_process(generation);
            Ok(true)
        }
        Err(why) => {
            seat.reopen_line();
            Err(why)
        }
    }
}

/// A process is there: the machine is told, and its first commands go out.
///
/// # Errors
/// When it could not be stored.
pub async fn announce<S: Seat>(seat: &mut S, generation: u32) -> Result<(), S::Failure> {
    let Some(Present { pid, hello, .. }) = seat.present(generation) else { return Ok(()) };
    apply(seat, Input::Started { generation, pid, hello }, None).await?;
    seat.end_later(generation);
    Ok(())
}

/// A process that the store knows was looked for, and its line is open. One that lives is told as found, also if it is
/// known: what its last daemon left undone is done again, and what waited for it begins.
///
/// # Errors
/// When it could not be stored.
pub async fn found<S: Seat>(seat: &mut S, generation: u32, lives: bool) -> Result<(), S::Failure> {
    let current = seat.machine().state().process.as_ref().filter(|p| p.generation == generation);
    let Some(known) = current.map(|p| p.pid.is_some()) else { return Ok(()) };
    let announced = if lives || !known { announce(seat, generation).await } else { Ok(()) };
    seat.end_again(generation);
    crash_point!("attach.announced");
    seat.pump();
    announced
}

/// A machine that was read from the store, and what of it is stored elsewhere: the words of these inputs.
#[must_use]
pub fn woken(mut machine: Machine, last: Seq) -> (Machine, Vec<InputId>) {
    machine.committed(last);
    machine.woken();
    let words = waiting(machine.state());
    (machine, words)
}

fn waiting(state: &State) -> Vec<InputId> {
    let mut ids: Vec<InputId> = state.queue.iter().map(|q| q.input_id.clone()).collect();
    if let Some(turn) = &state.turn {
        ids.extend(turn.inputs.iter().map(|i| i.input_id.clone()));
        ids.extend(turn.steered.iter().map(|s| s.queued.input_id.clone()));
    }
    ids
}

/// New words of queued inputs that were edited.
#[must_use]
pub fn edited(state: &State, changes: &[InputChange]) -> Vec<(InputId, Vec<tenure_event::Part>)> {
    let edited = changes.iter().filter_map(|c| match c {
        InputChange::Edited { input_id } => state.queue.iter().find(|q| &q.input_id == input_id),
        _ => None,
    });
    edited.map(|q| (q.input_id.clone(), q.parts.to_vec())).collect()
}
