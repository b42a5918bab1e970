//! Steps of the process: waiting, children, stderr, and every way to go.

use std::thread;
use std::time::{Duration, Instant};

use super::{Ending, Flow, Player};
use crate::child;
use crate::record::Act;
use crate::rpc::{INTERNAL, RpcError};
use crate::script::steps::{Fork, Gate, Stderr};
use crate::start::to_stderr;

const LONGEST_GATE: Duration = Duration::from_secs(120);
const GATE_POLL: Duration = Duration::from_millis(1);

/// What a Rust program leaves when it panics, and how it exits.
const CRASH: &str =
    "thread 'main' panicked at src/model.rs:42:7:\nthe scripted crash\nnote: this is not a real panic";
const CRASH_CODE: u8 = 101;

impl Player<'_> {
    /// Holds the turn until the file exists.
    pub(super) fn gate(&mut self, gate: &Gate) -> Flow {
        let path = self.session.path(&gate.file);
        let file = path.to_string_lossy().into_owned();
        self.agent.record.write(|| Act::GateWaiting { file: file.clone() });
        let deadline = Instant::now() + LONGEST_GATE;
        let flow = loop {
            if path.exists() {
                break Ok(());
            }
            if Instant::now() >= deadline {
                let seconds = LONGEST_GATE.as_secs();
                let message = format!("the gate {file} did not open within {seconds} s");
                break Err(Ending::Failed(RpcError::new(INTERNAL, message)));
            }
            if !self.turn.pause(GATE_POLL) {
                break Err(Ending::Cancelled);
            }
        };
        let open = flow.is_ok();
        self.agent.record.write(|| Act::GatePassed { file: file.clone(), open });
        flow
    }

    /// Starts a child that stays; a thread reaps it.
    pub(super) fn fork(&mut self, fork: &Fork) -> Flow {
        let (mut child, argv) = child::spawn(fork, &self.agent.args)
            .map_err(|e| Ending::Failed(RpcError::new(INTERNAL, format!("fork: {e}"))))?;
        let (pid, record) = (child.id(), self.agent.record.clone());
        record.write(|| Act::Forked {
            child: pid,
            argv,
            new_session: fork.setsid,
            holds_stdout: fork.hold_stdout,
        });
        let reaped = thread::Builder::new().name("reaper".into()).spawn(move || {
            if child.wait().is_ok() {
                record.write(|| Act::ChildEnded { child: pid });
            }
        });
        // Without the thread the child only stays a zombie a little longer.
        drop(reaped);
        Ok(())
    }

    pub(super) fn stderr(&self, text: &str) -> Flow {
        to_stderr(text);
        Ok(())
    }

    /// Ends the process in the middle of the turn.
    pub(super) fn exit(&self, code: u8, stderr: Option<&str>) -> Flow {
        if let Some(text) = stderr {
            to_stderr(text);
        }
        self.agent.end_process(code, &self.agent.end);
        gone()
    }

    pub(super) fn crash(&self, crash: &Stderr) -> Flow {
        self.exit(CRASH_CODE, Some(crash.stderr.as_deref().unwrap_or(CRASH)))
    }

    pub(super) fn kill_self(&self) -> Flow {
        self.agent.wire.freeze();
        self.agent.record.write(|| Act::Exiting { code: None, signal: Some("SIGKILL".into()) });
        let killed = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        match killed {
            Ok(()) => gone(),
            Err(error) => Err(Ending::Failed(RpcError::new(INTERNAL, format!("kill_self: {error}")))),
        }
    }
}

/// Nothing is played any more: the process is about to end.
fn gone() -> ! {
    loop {
        thread::park();
    }
}
