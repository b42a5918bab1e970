//! The agent's own record of what it did: one JSON object per line, appended with one write each.
//!
//! It is the other half of every crash check: the event log must hold what is written here, once and in this order.
//! A [`Act::Sent`] line is written after the line on stdout was written whole, and while stdout is still held, so the
//! order of the two is the same. Of a process that was killed, stdout may therefore hold one line that the record
//! lacks, never the reverse. A kill may also cut the line that is being appended; the next process ends the cut line
//! before it writes its own. It is no log for people, and it is not rotated.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::monotonic_ns;

/// Messages longer than this many bytes are recorded by their length alone.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// One line of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// 1, 2, 3, … in each process.
    pub n: u64,
    /// The process that did it; several processes may share one record.
    pub pid: u32,
    /// When, in nanoseconds of the monotonic clock.
    pub mono_ns: u64,
    /// What was done.
    #[serde(flatten)]
    pub act: Act,
}

/// What can happen in the agent's life; the JSON field `act` names it in snake_case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
#[expect(missing_docs, reason = "field names are the documentation of a wire record")]
pub enum Act {
    /// The process began; written before anything is read.
    Started { parent: u32, process_session: u32, process_group: u32, argv: Vec<String>, cwd: String },
    /// One line of stdin. `text` is a prompt's whole text; `params` are kept when they are short.
    Received {
        bytes: usize,
        method: Option<String>,
        id: Option<Value>,
        session: Option<String>,
        text: Option<String>,
        params: Option<Value>,
    },
    /// A line of stdin that is no JSON-RPC message.
    Unreadable { bytes: usize, error: String },
    /// The client's answer to a request of ours; `outcome` is `selected`, `cancelled`, `result` or `error`.
    Answered { id: Value, outcome: String, option_id: Option<String>, answer: Value },
    /// A prompt was taken in. Written before its first step.
    TurnStarted { session: String, prompt_id: Value, text: String },
    /// The turn is over; written before its answer is sent.
    TurnEnded { session: String, prompt_id: Value, stop_reason: Option<String>, error: Option<String> },
    /// A line was written to stdout: the `line`-th of this process.
    Sent(Sent),
    /// The client asked for an end of the turn; `by` is the method.
    Cancelled { session: String, by: String },
    /// A steered text was taken in at a step boundary.
    SteerTaken { session: String, text: String },
    /// A child process was started and stays.
    Forked { child: u32, argv: Vec<String>, new_session: bool, holds_stdout: bool },
    /// A child process ended.
    ChildEnded { child: u32 },
    /// The turn waits for a file.
    GateWaiting { file: String },
    /// The wait is over; `open` is false after a cancel or the deadline.
    GatePassed { file: String, open: bool },
    /// A file was really written.
    FileWritten { path: String, bytes: usize },
    /// A signal arrived.
    Signalled { signal: String, ignored: bool },
    /// Stdin ended.
    StdinClosed { ignored: bool },
    /// Nobody reads stdout any more.
    StdoutClosed { error: String },
    /// The history file could not be written; the turn goes on.
    HistoryFailed { error: String },
    /// The last act: the process ends itself, with a code or by a signal.
    Exiting { code: Option<u8>, signal: Option<String> },
}

/// One line on stdout.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// 1, 2, 3, … for each line of this process's stdout.
    pub line: u64,
    /// The update's kind (`agent_message_chunk`), the method of a request or other notification, `response`, or the
    /// name of the script step that wrote a raw line.
    pub what: String,
    /// The session named in the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The id of a request or response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// The message that a chunk belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// The tool call that an update or a permission request is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
    /// A tool call's status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// A chunk's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Length of the line without its newline.
    pub bytes: usize,
    /// The whole message, when it is JSON and not over 64 KB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Value>,
    /// The line, when it is not JSON and not over 64 KB; what is not UTF-8 in it is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl Sent {
    /// Describes a message that is `bytes` long when written.
    pub(crate) fn of(message: &Value, bytes: usize) -> Self {
        let params = &message["params"];
        let update = &params["update"];
        let method = message["method"].as_str();
        let string = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            line: 0,
            what: string(&update["sessionUpdate"]).unwrap_or_else(|| method.unwrap_or("response").to_owned()),
            session: string(&params["sessionId"]),
            id: message.get("id").cloned(),
            message_id: string(&update["messageId"]),
            tool_call_id: string(&update["toolCallId"]).or_else(|| string(&params["toolCall"]["toolCallId"])),
            status: string(&update["status"]),
            text: string(&update["content"]["text"]),
            bytes,
            message: (bytes <= LONGEST_MESSAGE).then(|| message.clone()),
            raw: None,
        }
    }

    /// Describes a line that the script wrote as it is.
    pub(crate) fn raw(what: &str, line: &[u8]) -> Self {
        let short = line.len() <= LONGEST_MESSAGE;
        Self {
            what: what.to_owned(),
            bytes: line.len(),
            raw: short.then(|| String::from_utf8_lossy(line).into_owned()),
            ..Self::default()
        }
    }
}

/// Appends to the record, or does nothing if none was asked for.
pub(crate) struct Recorder {
    book: Option<Mutex<Book>>,
    pid: u32,
}

struct Book {
    file: File,
    entries: u64,
    closed: bool,
}

impl Recorder {
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(open_to_append).transpose()?;
        let book = file.map(|file| Mutex::new(Book { file, entries: 0, closed: false }));
        Ok(Self { book, pid: std::process::id() })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.book.is_some()
    }

    /// Writes one act, which is only built when there is a record. After [`Act::Exiting`] nothing is written any more.
    pub(crate) fn write(&self, act: impl FnOnce() -> Act) {
        let Some(book) = &self.book else { return };
        let act = act();
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        if book.closed {
            return;
        }
        book.closed = matches!(act, Act::Exiting { .. });
        book.entries += 1;
        let entry = Entry { n: book.entries, pid: self.pid, mono_ns: monotonic_ns(), act };
        if let Ok(mut line) = serde_json::to_vec(&entry) {
            line.push(b'\n');
            // A record that cannot be written must not change what the agent does; the gap in `n` tells of it.
            let _ = book.file.write_all(&line);
        }
    }
}

/// Opens a record and ends the line that a killed process may have left unfinished.
fn open_to_append(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Reads a record. A last line that was cut short by a crash is left out.
///
/// # Errors
/// The file cannot be read, or a line before the last is not an entry.
pub fn read_record(path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        if !line.ends_with('\n') {
            break;
        }
        entries.push(serde_json::from_str(&line).map_err(io::Error::other)?);
        line.clear();
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn written_entries_are_read_back_and_a_torn_end_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.jsonl");
        let recorder = Recorder::open(Some(&path)).unwrap();
        let chunk = crate::rpc::update("s", &crate::rpc::chunk("agent_message_chunk", Some("m"), "hi"));
        recorder.write(|| Act::Sent(Sent { line: 7, ..Sent::of(&chunk, 90) }));
        recorder.write(|| Act::Answered {
            id: json!("x"),
            outcome: "selected".into(),
            option_id: Some("allow_once".into()),
            answer: json!({}),
        });
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"n\":3,\"pi").unwrap();

        let entries = read_record(&path).unwrap();
        drop(Recorder::open(Some(&path)).unwrap());
        drop(Recorder::open(Some(&path)).unwrap());
        assert!(std::fs::read(&path).unwrap().ends_with(b"{\"n\":3,\"pi\n"), "the cut line is ended once");
        assert_eq!(entries.iter().map(|e| e.n).collect::<Vec<_>>(), [1, 2]);
        let Act::Sent(sent) = &entries[0].act else { panic!("not a sent line: {:?}", entries[0]) };
        assert_eq!(
            (sent.line, sent.what.as_str(), sent.text.as_deref()),
            (7, "agent_message_chunk", Some("hi"))
        );
        assert_eq!(sent.message, Some(chunk));
    }
}
