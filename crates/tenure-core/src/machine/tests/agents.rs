//! Two kinds of agents, made up from what real ones do: one that answers each prompt by its
//! number, and one that keeps a queue of its own, lists the inputs that a result ends, says
//! when it is idle, and starts turns by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tenure_event::{AskKind, TaskStarted, TaskStatus, WaitReason};

use super::words::{self, answer_to, failure, permission, ready, result_of, says, tool, tool_ends, waits};
use crate::agent::{
    AgentError, AgentRequest, Answer, AskSignal, Command, Signal, TaskSignal, TurnEnd, TurnVerdict,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Answers prompts; knows no idleness.
    Answers,
    /// Has a queue and says when it is idle.
    Queues,
}

/// Something that an agent may do next, if it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Greet,
    FailHandshake,
    Say,
    Tool,
    Ask,
    AskInBackground,
    TakeAskBack,
    TakeSteered,
    RefuseSteered,
    Begin,
    BeginByItself,
    StopWithoutResult,
    End(u8),
    EndAgain,
    Rest,
    ReadFile,
    Task,
    Wait,
    Compact,
    Clear,
    /// Tells what the session cost so far, in quarters of a dollar.
    Cost(u8),
}

pub(super) struct Agent {
    style: Style,
    greeted: bool,
    ready: bool,
    /// The prompt that is worked on, by its number; or for one that queues the inputs in the turn.
    prompt: Option<u64>,
    running: Option<Vec<String>>,
    queue: VecDeque<String>,
    steers: Vec<(u64, String)>,
    owes_idle: bool,
    last_end: Option<TurnEnd>,
    /// What it asked and wants an answer to.
    open: BTreeSet<String>,
    /// All that it asked.
    asked: BTreeSet<String>,
    /// Inputs that it took in: to get one of them again is to be told something twice.
    taken: BTreeSet<String>,
    /// Those that it took in before a rate limit stopped it.
    limited: BTreeSet<String>,
    /// Inputs by their native ids.
    names: BTreeMap<String, String>,
    tasks: BTreeMap<String, ()>,
    tools: Vec<String>,
    guessed_idle: bool,
    cost: f64,
    made: u32,
}

impl Agent {
    pub(super) fn new(style: Style) -> Self {
        Self {
            style,
            greeted: false,
            ready: false,
            prompt: None,
            running: None,
            queue: VecDeque::new(),
            steers: Vec::new(),
            owes_idle: false,
            last_end: None,
            open: BTreeSet::new(),
            asked: BTreeSet::new(),
            taken: BTreeSet::new(),
            limited: BTreeSet::new(),
            names: BTreeMap::new(),
            tasks: BTreeMap::new(),
            tools: Vec::new(),
            guessed_idle: false,
            cost: 0.0,
            made: 0,
        }
    }

    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("{kind}{}", self.made)
    }

    fn works(&self) -> bool {
        self.prompt.is_some() || self.running.is_some()
    }

    /// Whether somebody still has to answer it.
    pub(super) fn wants_answers(&self) -> bool {
        !self.open.is_empty()
    }

    /// The daemon took it for idle without its word.
    pub(super) fn was_guessed_idle(&mut self) {
        self.guessed_idle = true;
    }

    /// Reads a command.
    pub(super) fn hear(&mut self, n: u64, command: &Command) {
        match command {
            Command::Hello => self.greeted = true,
            Command::Prompt { input_id, attempt, .. } | Command::Steer { input_id, attempt, .. } => {
                assert!(self.ready, "a prompt before the handshake is done");
                let again = self.taken.contains(input_id.as_str());
                let again = again && !self.limited.contains(input_id.as_str());
                assert!(!again || self.guessed_idle, "{input_id} is sent again");
                let native = words::native(input_id.as_str(), *attempt);
                self.names.insert(native.clone(), input_id.to_string());
                match (self.style, command) {
                    (Style::Queues, _) => self.queue.push_back(native),
                    (Style::Answers, Command::Steer { .. }) => self.steers.push((n, native)),
                    (Style::Answers, _) => {
                        assert_eq!(self.prompt.replace(n), None, "two prompts at once");
                        self.take(&native);
                    }
                }
            }
            // What it queued is dropped; what runs is to be ended soon.
            Command::Interrupt => {
                self.owes_idle |= !self.queue.is_empty();
                self.queue.clear();
            }
            Command::Answer(answer) => {
                let (Answer::Ask(crate::agent::AskAnswer { token, .. })
                | Answer::Fs { token, .. }
                | Answer::Unknown { token, .. }) = answer;
                assert!(self.asked.contains(token), "an answer to {token}, which this process never asked");
                self.open.remove(token);
            }
            _ => {}
        }
    }

    fn take(&mut self, native: &str) {
        self.taken.insert(self.names[native].clone());
    }

    /// Makes a move, if it can.
    pub(super) fn make(&mut self, made: Move) -> Vec<Signal> {
        match made {
            Move::Greet if self.greeted && !self.ready => {
                self.ready = true;
                vec![Signal::NativeId("n1".into()), ready()]
            }
            Move::FailHandshake if self.greeted => {
                vec![Signal::HandshakeFailed(failure("agent_error"))]
            }
            _ if !self.ready => Vec::new(),
            Move::Ask | Move::AskInBackground | Move::TakeAskBack | Move::ReadFile => self.asks(made),
            Move::TakeSteered | Move::RefuseSteered => self.steered(made),
            Move::Begin | Move::BeginByItself | Move::StopWithoutResult | Move::Rest => self.by_itself(made),
            Move::End(verdict) => self.end(verdict),
            Move::EndAgain => self.last_end.clone().map(Signal::TurnEnded).into_iter().collect(),
            Move::Clear => vec![Signal::Cleared],
            Move::Cost(quarters) => {
                self.cost += f64::from(quarters % 4) / 4.0;
                vec![Signal::Usage { usage: None, context: None, cost_usd: Some(self.cost) }]
            }
            _ => self.tells(made),
        }
    }

    fn tells(&mut self, made: Move) -> Vec<Signal> {
        match made {
            Move::Say => vec![says("word")],
            Move::Tool if self.works() => match self.tools.pop() {
                Some(open) => vec![tool_ends(&open)],
                None => {
                    let name = self.name("t");
                    self.tools.push(name.clone());
                    vec![Signal::ToolStarted(tool(&name))]
                }
            },
            Move::Task => match self.tasks.pop_first() {
                Some((task_id, ())) => {
                    let status = TaskStatus::Completed;
                    vec![Signal::Task(TaskSignal::Ended { task_id, status, summary: None, output: None })]
                }
                None => {
                    let task_id = self.name("k");
                    self.tasks.insert(task_id.clone(), ());
                    let (kind, title) = ("shell".to_owned(), "make".to_owned());
                    let started = TaskStarted { task_id, kind, title, tool_id: None, background: true };
                    vec![Signal::Task(TaskSignal::Started(started))]
                }
            },
            Move::Wait => vec![waits(WaitReason::Retry)],
            Move::Compact => {
                vec![Signal::Compaction { began: true, info: tenure_event::Compaction::default() }]
            }
            _ => Vec::new(),
        }
    }

    fn asks(&mut self, made: Move) -> Vec<Signal> {
        match made {
            Move::TakeAskBack => {
                let token = self.open.iter().find(|t| t.starts_with('q')).cloned();
                let Some(token) = token else { return Vec::new() };
                self.open.remove(&token);
                vec![Signal::AskWithdrawn { token }]
            }
            Move::ReadFile => {
                let token = self.name("f");
                self.asked.insert(token.clone());
                self.open.insert(token.clone());
                let request = AgentRequest::FsRead { path: "/srv/project/a".into(), line: None, limit: None };
                vec![Signal::Request { token, request }]
            }
            _ => {
                let token = self.name("q");
                self.asked.insert(token.clone());
                self.open.insert(token.clone());
                let background = made == Move::AskInBackground;
                let path = background.then(|| "agent".to_owned()).into_iter().collect();
                let kind = if self.made.is_multiple_of(5) { AskKind::Plan } else { AskKind::Permission };
                vec![Signal::Ask(AskSignal { path, kind, ..permission(&token) })]
            }
        }
    }

    fn steered(&mut self, made: Move) -> Vec<Signal> {
        if self.style == Style::Queues {
            // Folded into the running turn at the end of a tool.
            let Some(running) = &mut self.running else { return Vec::new() };
            let folded: Vec<String> = self.queue.drain(..).collect();
            running.extend(folded.iter().cloned());
            for native in &folded {
                self.take(native);
            }
            return folded.into_iter().map(|native_input| Signal::InputTaken { native_input }).collect();
        }
        if self.steers.is_empty() {
            return Vec::new();
        }
        let take = made == Move::TakeSteered && self.prompt.is_some();
        let (n, native_input) = self.steers.remove(0);
        if take {
            self.take(&native_input);
        }
        vec![if take {
            Signal::InputTaken { native_input }
        } else {
            Signal::SteerRefused { n, error: failure("agent_error") }
        }]
    }

    fn by_itself(&mut self, made: Move) -> Vec<Signal> {
        if self.style == Style::Answers {
            return Vec::new();
        }
        match (made, &self.running) {
            (Move::Begin, None) if !self.queue.is_empty() => {
                let natives: Vec<String> = self.queue.drain(..).collect();
                for native in &natives {
                    self.take(native);
                }
                let taken = natives.iter().map(|n| Signal::InputTaken { native_input: n.clone() });
                let signals = std::iter::once(Signal::TurnBegan).chain(taken).collect();
                self.running = Some(natives);
                signals
            }
            (Move::BeginByItself, None) => {
                self.running = Some(Vec::new());
                vec![Signal::TurnBegan]
            }
            (Move::StopWithoutResult, Some(natives)) if natives.is_empty() => {
                self.running = None;
                self.owes_idle = true;
                Vec::new()
            }
            (Move::Rest, None) if self.queue.is_empty() && self.owes_idle => {
                self.owes_idle = false;
                vec![Signal::Idle]
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self, verdict: u8) -> Vec<Signal> {
        let verdict = match verdict % 6 {
            5 => {
                self.limited.clone_from(&self.taken);
                let data = Some(serde_json::json!({"resets_in_ms": 3000}));
                TurnVerdict::Failed(AgentError { data, ..failure("rate_limited") })
            }
            0 | 1 => TurnVerdict::Finished,
            2 => TurnVerdict::Cancelled,
            3 => TurnVerdict::Limit("turns".into()),
            _ => TurnVerdict::Failed(failure("model_error")),
        };
        let end = match (self.prompt.take(), self.running.take()) {
            (Some(n), _) => answer_to(n, verdict),
            (None, Some(natives)) => {
                self.owes_idle = true;
                result_of(&natives, verdict)
            }
            (None, None) => return Vec::new(),
        };
        self.tools.clear();
        self.last_end = Some(end.clone());
        vec![Signal::TurnEnded(end)]
    }

    /// What an agent does next that only wants to be done with everything.
    pub(super) fn settle(&mut self) -> Vec<Signal> {
        let moves = [Move::Greet, Move::RefuseSteered, Move::Begin, Move::End(0), Move::Rest];
        moves.into_iter().map(|made| self.make(made)).find(|signals| !signals.is_empty()).unwrap_or_default()
    }
}
