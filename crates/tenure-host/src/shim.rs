//! The shim: parent of one agent process, and all that is left of Tenure while no
//! daemon runs. Started as `PROGRAM shim DIR` with a launch order on its standard
//! input; it answers on its standard output, once, and then lives in `DIR`.
//!
//! It is one thread in one poll loop (`run`) with small fixed buffers: there is
//! one shim per agent, so every page counts. It holds the lock of its directory
//! for life, is a session of its own and a subreaper, so that everything the agent
//! starts stays below it, whatever it does.
//!
//! It is deliberately dumb: it knows bytes, lines, commands by number and when to
//! end a process. It never decides to end one by itself.

mod agent;
mod closing;
mod ending;
mod exec;
mod order;
mod peer;
mod run;
mod setup;
mod stderr;
mod stdin;
mod stdout;
mod tree_kill;

use std::path::Path;
use std::process::ExitCode;

use tenure_crash_point::crash_point;

pub use stderr::{StderrMark, stderr_tail};

/// What stands in place of a directory for the shim of a command.
pub(crate) const EXEC_FLAG: &str = "--exec";

pub(crate) use order::{Order, Report, StartFailure};

/// Runs a shim to its end. Call it first thing in `main`, before any thread or
/// runtime exists. The exit code says only whether an agent was started; how the
/// agent ended is in `exit.json`.
///
/// With `--exec` in place of a directory it becomes the shim of one command of a
/// client, which lives no longer than the daemon that started it (see
/// [`mod@crate::exec`]).
pub fn main(dir: &Path) -> ExitCode {
    if dir == Path::new(EXEC_FLAG) {
        return exec::main();
    }
    let prepared = setup::prepare(dir).and_then(|mut prepared| {
        crash_point!("shim.locked");
        let order = Order::receive().map_err(StartFailure::order)?;
        if let Some(soft) = order.descriptors {
            // A limit that cannot be lowered harms nobody.
            let _ = crate::os::descriptors::set_soft_limit(soft);
        }
        let started = prepared.start(order)?;
        Ok((prepared, started))
    });
    match prepared {
        Ok((prepared, started)) => {
            crash_point!("shim.written_down");
            Report::Started(started.identity.clone()).send();
            crash_point!("shim.reported");
            setup::leave_standard_streams();
            run::Loop::new(prepared, started).run();
            ExitCode::SUCCESS
        }
        Err(failure) => {
            Report::Failed(failure).send();
            ExitCode::FAILURE
        }
    }
}
