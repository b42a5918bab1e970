//! Plays a prompt's steps, one after another, and answers the prompt. Steps may misbehave; the player itself ends each
//! turn exactly once, except where the script asks for something else by name.

mod asks;
mod client;
mod odd;
mod pour;
mod process;
mod says;
mod tools;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::agent::Agent;
use crate::history::Item;
use crate::record::Act;
use crate::rpc::{self, REQUEST_CANCELLED, Reply, RpcError};
use crate::script::Step;
use crate::script::steps::{After, Late};
use crate::session::Session;
use crate::turn::{Cancel, Steer, Turn};

/// Plays one prompt to its end; the thread's whole work.
pub(crate) fn prompt(
    agent: &Arc<Agent>,
    session: &Arc<Session>,
    turn: &Arc<Turn>,
    text: &str,
    steps: Option<Vec<Step>>,
) {
    let mut player = Player { agent, session, turn, conduct: Conduct::default(), open_message: None };
    player.keep_user(text);
    let ended = match steps {
        Some(steps) => player.steps(&steps),
        None => player.plain(text),
    };
    let ended = ended.and_then(|()| player.rest());
    let reply = player.end(ended);
    player.afterwards(&reply);
}

/// Why the steps end before the last one.
#[derive(Debug)]
pub(crate) enum Ending {
    Stop(String),
    Cancelled,
    Failed(RpcError),
}

pub(crate) type Flow = Result<(), Ending>;

/// How the script wants this turn to end, and what is to come after its answer.
#[derive(Default)]
struct Conduct {
    cancelled_on_reject: bool,
    end_on_reject: bool,
    cancel_as_end_turn: bool,
    slow_cancel: Duration,
    usage: Option<Value>,
    afterwards: Vec<Afterwards>,
}

enum Afterwards {
    Duplicate,
    Late(Late),
    Updates(After),
}

struct Player<'a> {
    agent: &'a Arc<Agent>,
    session: &'a Arc<Session>,
    turn: &'a Arc<Turn>,
    conduct: Conduct,
    /// The id of the message that `same_message` goes on with.
    open_message: Option<String>,
}

impl Player<'_> {
    fn steps(&mut self, steps: &[Step]) -> Flow {
        for step in steps {
            self.boundary()?;
            self.step(step)?;
        }
        Ok(())
    }

    /// Between two steps a cancel is obeyed, and what was steered is taken in.
    fn boundary(&mut self) -> Flow {
        while let Some(steer) = self.turn.next_steer() {
            self.take_in(steer)?;
        }
        self.check_cancel()
    }

    /// After the last step: what was steered and not yet taken in.
    fn rest(&mut self) -> Flow {
        while let Some(steer) = self.turn.next_steer_or_finish() {
            self.take_in(steer)?;
        }
        self.check_cancel()
    }

    fn check_cancel(&self) -> Flow {
        if self.turn.cancelled().is_some() { Err(Ending::Cancelled) } else { Ok(()) }
    }

    fn take_in(&mut self, steer: Steer) -> Flow {
        let session = self.session.id.clone();
        self.agent.record.write(|| Act::SteerTaken { session, text: steer.text.clone() });
        self.keep_user(&steer.text);
        match &steer.steps {
            Some(steps) => self.steps(steps),
            None => self.say(&format!("Steered: {}", steer.text)),
        }
    }

    fn step(&mut self, step: &Step) -> Flow {
        match step {
            Step::Text(text) => self.text("agent_message_chunk", text),
            Step::Think(text) => self.text("agent_thought_chunk", text),
            Step::Plan(plan) => self.plan(plan),
            Step::Usage(usage) => self.usage(usage),
            Step::Title(title) => self.title(title),
            Step::Mode(mode) => self.mode(mode),
            Step::Commands(commands) => self.commands(commands),
            Step::Update(update) => self.show(&json!(update.update)),
            Step::Env(env) => self.env(env),
            Step::Pwd(_) => self.pwd(),
            Step::Args(_) => self.say(&json!(self.agent.args).to_string()),
            Step::Pid(_) => self.say(&std::process::id().to_string()),
            Step::Tool(tool) => self.tool(tool),
            Step::Read(read) => self.read(read),
            Step::Write(write) => self.write(write),
            Step::Ask(ask) => self.ask(ask),
            Step::FsRead(read) => self.fs_read(read),
            Step::FsWrite(write) => self.fs_write(write),
            Step::Terminal(terminal) => self.terminal(terminal),
            Step::Request(request) => self.request(&request.method, request.params.clone()),
            Step::UnknownRequest(r) => self.request(r.method.as_deref().unwrap_or("_scripted/unknown"), None),
            Step::Flood(flood) => self.flood(flood),
            Step::Numbered(numbered) => self.numbered(numbered),
            Step::Bench(bench) => self.bench(bench),
            Step::Repeat(repeat) => (0..repeat.n).try_for_each(|_| self.steps(&repeat.steps)),
            Step::SleepMs(pause) => self.pause(pause.ms),
            Step::Gate(gate) => self.gate(gate),
            Step::Fork(fork) => self.fork(fork),
            Step::Exit(exit) => self.exit(exit.code, exit.stderr.as_deref()),
            Step::KillSelf(_) => self.kill_self(),
            Step::CrashStderr(crash) => self.crash(crash),
            Step::Stderr(note) => self.stderr(&note.text),
            Step::UnknownUpdate(_) => self.unknown_update(),
            Step::Raw(raw) => self.raw(raw),
            Step::RawHex(raw) => self.raw_hex(raw),
            Step::Huge(huge) => self.huge(huge),
            Step::Deep(deep) => self.deep(deep),
            Step::OddIds(_) => self.odd_ids(),
            ending => self.conduct(ending),
        }
    }

    /// The steps that say how the turn ends.
    fn conduct(&mut self, step: &Step) -> Flow {
        let conduct = &mut self.conduct;
        match step {
            Step::CancelledOnReject(_) => conduct.cancelled_on_reject = true,
            Step::EndOnReject(_) => conduct.end_on_reject = true,
            Step::CancelAsEndTurn(_) => conduct.cancel_as_end_turn = true,
            Step::SlowCancelMs(pause) => conduct.slow_cancel = Duration::from_millis(pause.ms),
            Step::IgnoreCancel(_) => self.turn.turn_deaf(),
            Step::DuplicateResponse(_) => conduct.afterwards.push(Afterwards::Duplicate),
            Step::LateResponseMs(late) => conduct.afterwards.push(Afterwards::Late(late.clone())),
            Step::SelfUpdateAfterTurn(after) => conduct.afterwards.push(Afterwards::Updates(after.clone())),
            Step::Stop(stop) => return Err(Ending::Stop(stop.reason.clone())),
            Step::Error(error) => return Err(Ending::Failed(RpcError::new(error.code, &error.message))),
            Step::EndTurnWithError(error) => {
                let usual = "error: the model endpoint answered 400 Bad Request";
                crate::start::to_stderr(error.stderr.as_deref().unwrap_or(usual));
                return Err(Ending::Stop("end_turn".into()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Closes the turn and answers the prompt.
    fn end(&mut self, ended: Flow) -> Reply {
        let reply = match ended {
            Ok(()) => self.stop("end_turn"),
            Err(Ending::Stop(reason)) => self.stop(&reason),
            Err(Ending::Failed(error)) => Err(error),
            Err(Ending::Cancelled) => self.cancelled(),
        };
        self.turn.finish();
        let stop_reason = reply.as_ref().ok().and_then(|r| r["stopReason"].as_str()).map(str::to_owned);
        self.agent.keep(
            self.session,
            &Item::End { stop_reason: stop_reason.clone().unwrap_or_else(|| "error".into()) },
        );
        self.agent.record.write(|| Act::TurnEnded {
            session: self.session.id.clone(),
            prompt_id: self.turn.prompt_id.clone(),
            stop_reason,
            error: reply.as_ref().err().map(|e| e.message.clone()),
        });
        // Free before the answer is out: the next prompt may follow it at once.
        self.session.end();
        self.agent.reply(&self.turn.prompt_id, &reply);
        reply
    }

    fn stop(&mut self, reason: &str) -> Reply {
        let mut result = json!({"stopReason": reason});
        if let Some(usage) = self.conduct.usage.take() {
            result["usage"] = usage;
        }
        Ok(result)
    }

    fn cancelled(&mut self) -> Reply {
        thread::sleep(self.conduct.slow_cancel);
        match self.turn.cancelled() {
            Some(Cancel::Request) => Err(RpcError::new(REQUEST_CANCELLED, "Request cancelled")),
            _ if self.conduct.cancel_as_end_turn => self.stop("end_turn"),
            _ => self.stop("cancelled"),
        }
    }

    /// What no well-behaved agent does: more answers, and updates outside any turn.
    fn afterwards(&mut self, reply: &Reply) {
        let detached = Arc::new(Turn::new(Value::Null));
        for afterwards in std::mem::take(&mut self.conduct.afterwards) {
            match afterwards {
                Afterwards::Duplicate => self.agent.reply(&self.turn.prompt_id, reply),
                Afterwards::Late(late) => {
                    thread::sleep(Duration::from_millis(late.ms));
                    self.agent.reply(late.id.as_ref().unwrap_or(&self.turn.prompt_id), reply);
                }
                Afterwards::Updates(after) => {
                    thread::sleep(Duration::from_millis(after.delay_ms));
                    let mut player = Player {
                        agent: self.agent,
                        session: self.session,
                        turn: &detached,
                        conduct: Conduct::default(),
                        open_message: None,
                    };
                    // There is no turn that an ending could end.
                    let _ = player.steps(&after.steps);
                }
            }
        }
    }

    fn pause(&self, ms: u64) -> Flow {
        if self.turn.pause(Duration::from_millis(ms)) { Ok(()) } else { Err(Ending::Cancelled) }
    }

    /// Sends an update and keeps it for `session/load`.
    fn show(&self, update: &Value) -> Flow {
        self.agent.update(self.session, update);
        self.keep(update.clone());
        Ok(())
    }

    fn keep(&self, update: Value) {
        self.agent.keep(self.session, &Item::Update(update));
    }

    fn keep_user(&self, text: &str) {
        let message_id = self.agent.item_id("user");
        self.agent.keep(self.session, &Item::User { message_id, text: text.to_owned() });
    }
}

/// A chunk of this player's session as a whole message.
fn chunk_of(session: &str, message_id: Option<&str>, text: &str) -> Value {
    rpc::update(session, &rpc::chunk("agent_message_chunk", message_id, text))
}
