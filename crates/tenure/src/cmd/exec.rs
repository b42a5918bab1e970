//! `tenure exec`: a command where a session works, without its agent.

use std::io::{Read, Write};
use std::time::Duration;

use base64::Engine as _;
use serde_json::json;
use tenure_api::{ErrorCode, ExecRequest, ExecResult};
use tenure_client::{ClientError, ExecPiece, ExecRun};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;

/// Longest standard input that is taken along, in bytes.
const MAX_STDIN: u64 = 700 * 1024;

const HELP: &str = "Examples:
  tenure exec fix-login -- cargo test -p auth      program and arguments, as they are; no shell
  tenure exec fix-login --shell 'git log | head'   a text for /bin/sh
  tenure exec fix-login --cwd web --env CI=1 --timeout 600 -- npm test
  git diff | tenure exec fix-login -i -- git apply -

The command needs no live agent. It gets the session's environment, not this terminal's. When it ends, or its time
is over, or Ctrl-C cancels it, everything that it started is killed, also what put itself in the background.

Exits with the command's own code; 128 + N if signal N ended it, 124 if its time was over, 126 if the program
cannot be run, 127 if there is none, 130 after Ctrl-C, 141 if
nobody reads its output any more, which ends it. If nothing was run at all the usual codes hold (2, 3, 4, 5),
with a line that begins with `error:`.";

/// Run a command where a session works, without its agent
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Which
    session: String,
    /// Where: a directory below the session's
    #[arg(long, short = 'C', value_name = "DIR")]
    cwd: Option<String>,
    /// Set a variable; again for more
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// How long it may take, in seconds (0.001 to 86400) [default: 120]
    #[arg(long, short, value_name = "SECONDS", value_parser = milliseconds)]
    timeout: Option<u64>,
    /// A text for /bin/sh -c instead of a command
    #[arg(long, value_name = "TEXT", conflicts_with = "command")]
    shell: Option<String>,
    /// Send standard input along, at most 700 KB
    #[arg(long, short = 'i')]
    stdin: bool,
    /// Program and arguments, after --
    #[arg(last = true, value_name = "COMMAND", required_unless_present = "shell")]
    command: Vec<String>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("say NAME=VALUE".to_owned()),
    }
}

fn milliseconds(text: &str) -> Result<u64, String> {
    let seconds: f64 = text.parse().map_err(|_| "give seconds, for example 90".to_owned())?;
    if !(0.001..=86_400.0).contains(&seconds) {
        return Err("give 0.001 to 86400 seconds".to_owned());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds above")]
    Ok((seconds * 1000.0).round() as u64)
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, &args.session).await?.id;
        let request = request(args)?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        match client.exec_stream(&id, &request).await {
            Ok(mut run) => tokio::select! {
                outcome = follow(&context, &mut run) => outcome.map_err(ended_by_reader),
                // The run is dropped, which cancels it.
                _ = interrupt.recv() => Ok(Exit::Interrupted),
            },
            Err(error) => Err(not_run(error)),
        }
    })
}

fn request(args: Args) -> Result<ExecRequest, Failure> {
    let stdin_base64 = args.stdin.then(read_stdin).transpose()?;
    Ok(ExecRequest {
        command: args.shell.is_none().then_some(args.command),
        shell: args.shell,
        cwd: args.cwd,
        env: args.env.into_iter().map(|(name, value)| (name, Some(value))).collect(),
        timeout_ms: args.timeout,
        stdin: None,
        stdin_base64,
    })
}

fn read_stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_STDIN + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_STDIN {
        let what = "standard input has more than 700 KB; bring it over with `tenure cp - SESSION:FILE` and read the file";
        return Err(Failure::usage(what));
    }
    Ok(base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// A shell tells a program that is not there from one that cannot be run.
fn not_run(error: ClientError) -> Failure {
    let reason = match &error {
        ClientError::Problem(problem) if problem.code == ErrorCode::Invalid => {
            problem.data.as_ref().and_then(|data| data["reason"].as_str()).map(str::to_owned)
        }
        _ => None,
    };
    let failure = Failure::from(error);
    match reason.as_deref() {
        Some("not_found") => Failure { exit: Exit::Command(127), ..failure },
        Some("not_executable") => Failure { exit: Exit::Command(126), ..failure },
        _ => failure,
    }
}

/// Without a reader the command is cancelled, and how it would have ended is not known.
fn ended_by_reader(failure: Failure) -> Failure {
    if failure.is_closed_output() { Failure::new(Exit::OutputClosed, "") } else { failure }
}

async fn follow(context: &Context, run: &mut ExecRun) -> Outcome {
    while let Some(piece) = run.next().await? {
        let printed = if context.json { line(&piece) } else { Ok(()) };
        if let ExecPiece::Ended(result) = &piece {
            out::or_closed(printed)?;
            return Ok(exit_of(context, result));
        }
        printed?;
        match piece {
            ExecPiece::Stdout(bytes) if !context.json => out::print_bytes(&bytes)?,
            ExecPiece::Stderr(bytes) if !context.json => {
                let mut err = std::io::stderr().lock();
                err.write_all(&bytes).and_then(|()| err.flush())?;
            }
            _ => {}
        }
    }
    Err(Failure::failed("the daemon told no end of the command"))
}

/// One piece as one JSON object.
fn line(piece: &ExecPiece) -> std::io::Result<()> {
    let output = |event: &str, bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!({"event": event, "text": text}),
        Err(_) => json!({"event": event, "base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    };
    out::json(&match piece {
        ExecPiece::Started(started) => {
            json!({"event": "started", "exec_id": started.exec_id, "pid": started.pid})
        }
        ExecPiece::Stdout(bytes) => output("stdout", bytes),
        ExecPiece::Stderr(bytes) => output("stderr", bytes),
        ExecPiece::Ended(result) => {
            let mut ended = json!(result);
            ended["event"] = json!("ended");
            ended
        }
    })
}

fn exit_of(context: &Context, result: &ExecResult) -> Exit {
    if result.timed_out {
        if !context.json {
            let seconds = Duration::from_millis(result.duration_ms).as_secs_f64();
            out::note(&format!(
                "its time was over after {seconds:.1} s; everything that it started was killed"
            ));
        }
        return Exit::Command(124);
    }
    let code = result.exit_code.or(result.signal.map(|signal| 128 + signal));
    match code.and_then(|code| u8::try_from(code).ok()) {
        Some(0) => Exit::Done,
        Some(code) => Exit::Command(code),
        None => Exit::Failed,
    }
}
