//! The steps of the script language as data, one struct of options per verb. What they mean for a user is told in the
//! crate's documentation; how they are played, in `play`.

use serde::Deserialize;
use serde_json::{Map, Value};

/// One step in its long form, `{"verb": {options}}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case")]
pub(crate) enum Step {
    Text(Text),
    Think(Text),
    Tool(Tool),
    Read(Read),
    Write(Write),
    FsRead(FsRead),
    FsWrite(FsWrite),
    Terminal(Terminal),
    Ask(Ask),
    Plan(Plan),
    Usage(Usage),
    Title(Title),
    Mode(Mode),
    Commands(Commands),
    Update(Update),
    UnknownUpdate(Nothing),
    SleepMs(Pause),
    Gate(Gate),
    Fork(Fork),
    Flood(Flood),
    Numbered(Numbered),
    Bench(Bench),
    Repeat(Repeat),
    Exit(Exit),
    KillSelf(Nothing),
    CrashStderr(Stderr),
    EndTurnWithError(Stderr),
    Stderr(Note),
    Raw(Raw),
    RawHex(RawHex),
    Huge(Huge),
    Deep(Deep),
    OddIds(Nothing),
    Request(Request),
    UnknownRequest(UnknownRequest),
    DuplicateResponse(Nothing),
    LateResponseMs(Late),
    IgnoreCancel(Nothing),
    SlowCancelMs(Pause),
    CancelAsEndTurn(Nothing),
    CancelledOnReject(Nothing),
    EndOnReject(Nothing),
    Stop(Stop),
    Error(Failure),
    SelfUpdateAfterTurn(After),
    Env(Env),
    Pwd(Nothing),
    Args(Nothing),
    Pid(Nothing),
}

/// A verb without options.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) chunks: Option<usize>,
    #[serde(default)]
    pub(crate) delay_ms: u64,
    pub(crate) message_id: Option<bool>,
    #[serde(default)]
    pub(crate) same_message: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tool {
    pub(crate) title: String,
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) id: Option<String>,
    #[serde(default)]
    pub(crate) input: Value,
    pub(crate) output: Option<String>,
    pub(crate) diff: Option<Diff>,
    #[serde(default)]
    pub(crate) fail: bool,
    #[serde(default)]
    pub(crate) unfinished: bool,
    #[serde(default)]
    pub(crate) no_tool_call: bool,
    #[serde(default)]
    pub(crate) delay_ms: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Diff {
    pub(crate) path: String,
    pub(crate) old: Option<String>,
    pub(crate) new: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    pub(crate) path: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    pub(crate) path: String,
    pub(crate) text: String,
    #[serde(default)]
    pub(crate) ask: bool,
    #[serde(default)]
    pub(crate) on_allow: Vec<Step>,
    #[serde(default)]
    pub(crate) on_reject: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FsRead {
    pub(crate) path: String,
    pub(crate) line: Option<u64>,
    pub(crate) limit: Option<u64>,
}

/// A command that the client runs: until it ends, or until it is killed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terminal {
    pub(crate) command: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: std::collections::BTreeMap<String, String>,
    pub(crate) cwd: Option<String>,
    pub(crate) limit: Option<u64>,
    #[serde(default)]
    pub(crate) kill: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FsWrite {
    pub(crate) path: String,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    pub(crate) title: String,
    pub(crate) kind: Option<String>,
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) input: Value,
    pub(crate) diff: Option<Diff>,
    pub(crate) options: Option<Vec<Choice>>,
    #[serde(default)]
    pub(crate) no_tool_call: bool,
    pub(crate) then_text_on_allow: Option<String>,
    pub(crate) then_text_on_reject: Option<String>,
    #[serde(default)]
    pub(crate) on_allow: Vec<Step>,
    #[serde(default)]
    pub(crate) on_reject: Vec<Step>,
    pub(crate) withdraw_after_ms: Option<u64>,
    #[serde(default)]
    pub(crate) withdraw_on_cancel: bool,
}

/// An option of an ask: its kind alone, which is then its id and its name too, or all three.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Choice {
    Kind(String),
    Full {
        #[serde(alias = "optionId")]
        id: String,
        kind: String,
        name: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Entry {
    Words(String),
    Full(Map<String, Value>),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Usage {
    pub(crate) used: Option<u64>,
    pub(crate) size: Option<u64>,
    pub(crate) cost: Option<f64>,
    pub(crate) tokens: Option<Tokens>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tokens {
    #[serde(default)]
    pub(crate) input: u64,
    #[serde(default)]
    pub(crate) output: u64,
    pub(crate) thought: Option<u64>,
    pub(crate) cached_read: Option<u64>,
    pub(crate) cached_write: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Title {
    pub(crate) title: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mode {
    pub(crate) id: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Commands {
    pub(crate) commands: Option<Vec<Value>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Update {
    pub(crate) update: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    pub(crate) ms: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gate {
    pub(crate) file: String,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fork {
    pub(crate) command: Option<Vec<String>>,
    pub(crate) sleep_s: Option<u64>,
    #[serde(default)]
    pub(crate) setsid: bool,
    #[serde(default)]
    pub(crate) hold_stdout: bool,
    #[serde(default)]
    pub(crate) ignore_term: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flood {
    pub(crate) n: u64,
    pub(crate) bytes: Option<usize>,
    pub(crate) per_second: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Numbered {
    #[serde(default = "one")]
    pub(crate) from: u64,
    pub(crate) to: u64,
    #[serde(default)]
    pub(crate) delay_us: u64,
}

fn one() -> u64 {
    1
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bench {
    pub(crate) events: u64,
    pub(crate) rate_per_second: Option<f64>,
    pub(crate) bytes: Option<usize>,
    #[serde(default)]
    pub(crate) kind: BenchKind,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BenchKind {
    #[default]
    Tool,
    Plan,
    Text,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    pub(crate) n: u64,
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exit {
    #[serde(default)]
    pub(crate) code: u8,
    pub(crate) stderr: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stderr {
    pub(crate) stderr: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) text: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Raw {
    pub(crate) line: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawHex {
    pub(crate) hex: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Huge {
    pub(crate) bytes: usize,
    #[serde(default)]
    pub(crate) valid_json: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deep {
    pub(crate) levels: usize,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) params: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnknownRequest {
    pub(crate) method: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Late {
    #[serde(default)]
    pub(crate) ms: u64,
    pub(crate) id: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stop {
    pub(crate) reason: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Failure {
    #[serde(default = "internal")]
    pub(crate) code: i64,
    pub(crate) message: String,
}

fn internal() -> i64 {
    crate::rpc::INTERNAL
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct After {
    pub(crate) steps: Vec<Step>,
    #[serde(default)]
    pub(crate) delay_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Env {
    pub(crate) name: String,
}
