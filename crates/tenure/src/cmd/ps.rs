//! `tenure ps`: processes that Tenure started, or that were left behind.

use tenure_api::{Process, ProcessState};

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Outcome};
use crate::out;
use crate::style::Style;
use crate::table::Table;
use crate::text::{bytes, duration};
use crate::view::word;

/// List the processes of all sessions, with their memory
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Take ended processes off the list, end orphans, and list those
    #[arg(long)]
    reap: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let items = if args.reap {
            let reaped = client.reap().await?;
            if context.json {
                out::json(&reaped)?;
                return Ok(Exit::Done);
            }
            reaped.items
        } else {
            let page = client.processes().await?;
            if context.json {
                out::json(&page)?;
                return Ok(Exit::Done);
            }
            page.items
        };
        if items.is_empty() {
            out::note(if args.reap { "nothing to reap" } else { "no processes" });
        } else {
            out::print(&table(context.style, &items))?;
        }
        Ok(Exit::Done)
    })
}

fn table(style: Style, processes: &[Process]) -> String {
    let mut table = Table::new(&["PID", "KIND", "STATE", "SESSION", "TIME", "MEMORY"]);
    for process in processes {
        let state = match (process.state, &process.exit) {
            (ProcessState::Running, _) => style.green("running"),
            (_, Some(exit)) => match (exit.code, exit.signal) {
                (Some(code), _) => format!("exited {code}"),
                (_, Some(signal)) => format!("signal {signal}"),
                _ => "exited".to_owned(),
            },
            _ => "exited".to_owned(),
        };
        let memory =
            process.memory_mb.filter(|mb| *mb > 0.0).map(|mb| bytes((mb * 1e6) as u64)).unwrap_or_default();
        table.row([
            process.pid.to_string(),
            word(&process.kind),
            state,
            process.session_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            duration(process.runtime_seconds.saturating_mul(1000)),
            memory,
        ]);
    }
    table.render(style, None, &[])
}
