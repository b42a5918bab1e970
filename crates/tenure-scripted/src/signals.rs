//! SIGTERM, SIGINT and SIGHUP: recorded, then obeyed the usual way, or ignored if the flags say so.

use std::io;
use std::sync::Arc;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};

use crate::agent::Agent;
use crate::record::Act;

/// Starts to watch; returns once the handlers are in place.
pub(crate) fn watch(agent: &Arc<Agent>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let agent = agent.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            arrived(&agent, signal);
        }
    })?;
    Ok(())
}

fn arrived(agent: &Agent, signal: i32) {
    let name = signal_name(signal).unwrap_or("unknown").to_owned();
    let ignored = signal == SIGTERM && agent.flags.ignore_term;
    agent.record.write(|| Act::Signalled { signal: name.clone(), ignored });
    if !ignored {
        agent.wire.freeze();
        agent.record.write(|| Act::Exiting { code: None, signal: Some(name) });
        // Dies by the signal itself, so that the parent sees the truth.
        let _ = emulate_default_handler(signal);
    }
}
