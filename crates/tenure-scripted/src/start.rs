//! From the arguments to a running agent and to its exit code. The main thread only waits for the end; stdin,
//! signals and turns have threads of their own.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use crate::agent::Agent;
use crate::child;
use crate::flags::Flags;
use crate::lines::{self, Line};
use crate::record::{Act, Recorder};
use crate::signals;
use crate::wire::Wire;

/// What `--fail-start` ends with.
const FAILED_START: u8 = 3;
const BAD_USAGE: u8 = 2;

/// Noise such as real programs print before they speak the protocol; the last two are no UTF-8 and no whole JSON.
const GARBAGE: &[&[u8]] = &[
    b"scripted agent is starting ...",
    b"",
    b"{\"level\":\"info\",\"message\":\"this is JSON, but no JSON-RPC\"}",
    b"\x1b[33mwarning:\x1b[0m \xff\xfe is not UTF-8",
    b"{\"jsonrpc\": \"2.0\", \"id\":",
];

/// Runs the scripted agent until its stdin ends, or its script or a signal ends it.
///
/// `args` are the arguments after the program's own name and verb, as described in the [crate's documentation](crate).
pub fn main(args: Vec<String>) -> ExitCode {
    if let Some((child::FLAG, rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return child::main(rest);
    }
    let flags = Flags::read(&args, |name| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned()));
    let code = match flags {
        Ok(flags) => run(flags, args).unwrap_or_else(|error| fail(&error.to_string(), BAD_USAGE)),
        Err(error) => fail(&error, BAD_USAGE),
    };
    ExitCode::from(code)
}

fn run(flags: Flags, args: Vec<String>) -> io::Result<u8> {
    let record = Arc::new(Recorder::open(flags.record.as_deref())?);
    record.write(started);
    if let Some(text) = &flags.fail_start {
        record.write(|| Act::Exiting { code: Some(FAILED_START), signal: None });
        return Ok(fail(text, FAILED_START));
    }
    let (end, ended) = sync_channel(4);
    let wire = Wire::stdout(record.clone(), (!flags.ignore_eof).then(|| end.clone()))?;
    let agent = Arc::new(Agent::new(flags, args, wire, record, end.clone()));
    signals::watch(&agent)?;
    thread::sleep(agent.flags.slow_start);
    if agent.flags.garbage_start {
        GARBAGE.iter().for_each(|line| agent.wire.send_raw("garbage", line));
    }
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let reader = agent.clone();
    thread::Builder::new().name("stdin".into()).spawn(move || read(&reader, stdin, &end))?;
    let code = ended.recv().unwrap_or(0);
    agent.wire.freeze();
    Ok(code)
}

fn read(agent: &Arc<Agent>, stdin: File, end: &SyncSender<u8>) {
    let mut stdin = BufReader::with_capacity(64 * 1024, stdin);
    loop {
        match lines::next_line(&mut stdin, lines::LONGEST) {
            Ok(Line::Whole(line)) => agent.receive(&line),
            Ok(Line::TooLong(bytes)) => agent.unreadable(bytes, "the line is too long"),
            Ok(Line::End) | Err(_) => break,
        }
    }
    let ignored = agent.flags.ignore_eof;
    agent.record.write(|| Act::StdinClosed { ignored });
    if !ignored {
        agent.end_process(0, end);
    }
}

impl Agent {
    /// Ends the process with this code; nothing is written to stdout any more.
    pub(crate) fn end_process(&self, code: u8, end: &SyncSender<u8>) {
        self.wire.freeze();
        self.record.write(|| Act::Exiting { code: Some(code), signal: None });
        // A full channel means that the end is already on its way.
        let _ = end.try_send(code);
    }
}

fn started() -> Act {
    let [parent, process_group, process_session] = kin();
    Act::Started {
        parent,
        process_session,
        process_group,
        argv: std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect(),
        cwd: std::env::current_dir().map(|d| d.to_string_lossy().into_owned()).unwrap_or_default(),
    }
}

/// Parent, process group and session of this process, as the kernel's table tells them. 0 is a process outside our
/// pid namespace, which in a container is often the case; the typed calls for these ids do not allow for that.
fn kin() -> [u32; 3] {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name before stands in parentheses and may hold anything.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = rest.split_whitespace().skip(1).map(|field| field.parse().unwrap_or(0));
    std::array::from_fn(|_| fields.next().unwrap_or(0))
}

fn fail(text: &str, code: u8) -> u8 {
    to_stderr(text);
    code
}

/// One line on stderr. Whether anyone reads it is not our concern.
pub(crate) fn to_stderr(text: &str) {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    let _ = io::stderr().write_all(format!("{text}{newline}").as_bytes());
}
