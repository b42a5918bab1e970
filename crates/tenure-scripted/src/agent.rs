//! The agent as its client sees it: every line of stdin is a request, a notification or an answer, and goes to the
//! handler of its family. Handlers run on the reader's thread and never wait; turns run on threads of their own.

mod handshake;
mod prompts;
mod sessions;

pub(crate) use sessions::commands;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::flags::Flags;
use crate::history::Store;
use crate::record::{Act, Recorder};
use crate::rpc::{self, Incoming, NO_METHOD, Reply, RpcError};
use crate::session::Session;
use crate::turn::{Answer, Turn};
use crate::wire::Wire;

pub(crate) struct Agent {
    pub(crate) flags: Flags,
    pub(crate) args: Vec<String>,
    pub(crate) wire: Wire,
    pub(crate) record: Arc<Recorder>,
    pub(crate) end: SyncSender<u8>,
    store: Store,
    sessions: Mutex<HashMap<String, Arc<Session>>>,
    /// Which turn waits for the answer to which of our requests.
    waiting: Mutex<HashMap<String, Arc<Turn>>>,
    requests: AtomicU64,
    items: AtomicU64,
    /// Tells this process's message and tool ids from those of the process before.
    tag: String,
    logged_in: AtomicBool,
}

/// Params longer than this are not kept in the record.
const LONGEST_PARAMS: usize = 4096;

impl Agent {
    pub(crate) fn new(
        flags: Flags,
        args: Vec<String>,
        wire: Wire,
        record: Arc<Recorder>,
        end: SyncSender<u8>,
    ) -> Self {
        let store = Store::new(flags.home.as_deref());
        Self {
            flags,
            args,
            wire,
            record,
            end,
            store,
            sessions: Mutex::default(),
            waiting: Mutex::default(),
            requests: AtomicU64::new(0),
            items: AtomicU64::new(0),
            tag: random_hex(4),
            logged_in: AtomicBool::new(false),
        }
    }

    /// Takes one line of stdin.
    pub(crate) fn receive(self: &Arc<Self>, line: &[u8]) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let incoming: Incoming = match serde_json::from_slice(line) {
            Ok(incoming) => incoming,
            Err(error) => return self.unreadable(line.len(), &error.to_string()),
        };
        self.record_received(&incoming, line.len());
        match (&incoming.method, &incoming.id) {
            (Some(method), Some(id)) => self.request(method, id, &incoming.params),
            (Some(method), None) => self.notification(method, &incoming.params),
            (None, Some(id)) => self.answered(id, &incoming),
            (None, None) => self.unreadable(line.len(), "neither a method nor an id"),
        }
    }

    /// Answers a line that is no message.
    pub(crate) fn unreadable(&self, bytes: usize, error: &str) {
        self.record.write(|| Act::Unreadable { bytes, error: error.to_owned() });
        let refusal = RpcError::new(rpc::PARSE, format!("not a JSON-RPC message: {error}"));
        self.wire.send(&rpc::response(&Value::Null, &Err(refusal)));
    }

    fn request(self: &Arc<Self>, method: &str, id: &Value, params: &Value) {
        let reply = match method {
            "initialize" => self.initialize(params),
            "authenticate" => self.authenticate(params),
            "session/new" => return self.new_session(id, params),
            "session/load" if !self.flags.no_load => return self.take_up(id, params, true),
            "session/resume" if !self.flags.no_resume => return self.take_up(id, params, false),
            "session/fork" if self.flags.forks => return self.fork_session(id, params),
            "session/list" => self.list_sessions(params),
            "session/close" => self.close_session(params),
            "session/set_mode" => self.set_mode(params),
            "session/set_config_option" => self.set_config_option(params),
            "_session/steering" if !self.flags.no_steering => self.steer(params),
            "session/prompt" => match self.prompt(id, params) {
                Ok(()) => return,
                Err(error) => Err(error),
            },
            other => Err(RpcError::new(NO_METHOD, format!("Method not found: {other}"))),
        };
        self.reply(id, &reply);
    }

    fn notification(&self, method: &str, params: &Value) {
        match method {
            "session/cancel" => self.cancel_turn(params),
            "$/cancel_request" => self.cancel_request(params),
            _ => {}
        }
    }

    /// Hands the client's answer to the turn that waits for it; a late or unknown one only stays in the record.
    fn answered(&self, id: &Value, incoming: &Incoming) {
        let key = id.to_string();
        let turn = self.waiting().remove(&key);
        let answer = match (&incoming.error, &incoming.result) {
            (Some(error), _) => Answer::Error(error.clone()),
            (None, result) => Answer::Result(result.clone().unwrap_or(Value::Null)),
        };
        self.record_answer(id, &answer);
        if let Some(turn) = turn {
            turn.answer(key, answer);
        }
    }

    pub(crate) fn reply(&self, id: &Value, reply: &Reply) {
        self.wire.send(&rpc::response(id, reply));
    }

    pub(crate) fn update(&self, session: &Session, update: &Value) {
        self.wire.send(&rpc::update(&session.id, update));
    }

    /// Sends a request of ours, whose answer will wake this turn; gives its id.
    pub(crate) fn ask_client(&self, turn: &Arc<Turn>, method: &str, params: Value) -> Value {
        let n = self.requests.fetch_add(1, Ordering::Relaxed);
        let id = if self.flags.string_ids { json!(format!("req-{}-{n}", self.tag)) } else { json!(n) };
        self.waiting().insert(id.to_string(), turn.clone());
        self.wire.send(&rpc::request(&id, method, params));
        id
    }

    /// An answer to this request is not waited for any more.
    pub(crate) fn forget_request(&self, id: &Value) {
        self.waiting().remove(&id.to_string());
    }

    /// A new id for a message or tool call, unlike any that an earlier process gave out.
    pub(crate) fn item_id(&self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.tag, self.items.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Arc<Turn>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record_received(&self, incoming: &Incoming, bytes: usize) {
        self.record.write(|| {
            let params = &incoming.params;
            let prompt = params.get("prompt").map(rpc::prompt_text);
            Act::Received {
                bytes,
                method: incoming.method.clone(),
                id: incoming.id.clone(),
                session: params["sessionId"].as_str().map(str::to_owned),
                text: prompt.and_then(Result::ok),
                params: (bytes <= LONGEST_PARAMS && !params.is_null()).then(|| params.clone()),
            }
        });
    }

    fn record_answer(&self, id: &Value, answer: &Answer) {
        self.record.write(|| {
            let (outcome, value) = match answer {
                Answer::Error(error) => ("error", error),
                Answer::Result(result) => (result["outcome"]["outcome"].as_str().unwrap_or("result"), result),
            };
            let option_id = value["outcome"]["optionId"].as_str().map(str::to_owned);
            Act::Answered { id: id.clone(), outcome: outcome.to_owned(), option_id, answer: value.clone() }
        });
    }
}

/// Random bytes as hex.
fn random_hex(bytes: usize) -> String {
    let mut random = vec![0; bytes];
    if rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::empty()).is_err() {
        // Only an ancient kernel gets here; the clock still tells two processes apart.
        random = crate::clock::monotonic_ns().to_le_bytes()[..bytes.min(8)].to_vec();
    }
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}
