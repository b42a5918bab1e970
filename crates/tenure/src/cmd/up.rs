//! `tenure up`: the daemon, in the foreground or in the background.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Mutex;

use tenure_client::{Client, ensure_running};
use tenure_server::daemon::{DaemonError, DaemonOptions, LogFile, Running, run as run_daemon};
use tracing_subscriber::EnvFilter;

use crate::cli::{Context, block_on};
use crate::daemon::launcher;
use crate::exit::{Exit, Failure, Outcome};
use crate::out;

/// Run the daemon (other verbs start it by themselves when it is needed)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// In the background; returns when it is ready
    #[arg(short, long)]
    detach: bool,
    /// Where to listen; taken is an error then [default: 127.0.0.1:7420, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// This is the background: log to the home's file
    #[arg(long, hide = true, conflicts_with = "detach")]
    detached: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    context.needs_home("up")?;
    if args.detach { background(&args, &context) } else { foreground(args, context) }
}

fn background(args: &Args, context: &Context) -> Outcome {
    block_on(async {
        let listen = args.listen.map(|address| format!("--listen={address}").into());
        let before = Client::discover(&context.home).await.is_ok();
        let client = ensure_running(&context.home, launcher(listen.into_iter().collect())).await?;
        let info = client.info().await?;
        let url = context.home.daemon_file().map(|file| file.url).unwrap_or_default();
        if context.json {
            out::json(&context.home.daemon_file())?;
        } else {
            let word = if before { "runs already" } else { "ready" };
            let line = format!("{word}: {url}, process {}, home {}", info.pid, context.home.dir().display());
            out::print(&format!("{line}\n"))?;
        }
        if before && args.listen.is_some_and(|address| !url.ends_with(&address.to_string())) {
            return Err(Failure::failed("it listens elsewhere; `tenure down` first to change that"));
        }
        Ok(Exit::Done)
    })
}

fn foreground(args: Args, context: Context) -> Outcome {
    start_logging(&context, args.detached)?;
    let json = context.json;
    let on_ready = move |running: &Running| {
        let told = if json { out::json(running) } else { out::print(&ready_line(running)) };
        drop(told);
    };
    let options = DaemonOptions {
        home: context.home.dir().to_path_buf(),
        listen: args.listen,
        on_ready: if args.detached { None } else { Some(Box::new(on_ready)) },
        ..DaemonOptions::default()
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build()?;
    let ended = runtime.block_on(run_daemon(options));
    runtime.shutdown_background();
    match ended {
        Ok(()) => Ok(Exit::Done),
        Err(error @ DaemonError::Running { .. }) if args.detached => Err(Failure::new(Exit::HomeHeld, error)),
        Err(error) => Err(Failure::failed(error)),
    }
}

/// Half of the processors, as agents need some too. A worker more than needed costs each request a wake-up: whoever finds
/// work wakes another one to look for more.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().div_ceil(2))
}

fn ready_line(running: &Running) -> String {
    format!("ready: {} and {}; Ctrl-C stops it, agents work on\n", running.url, running.socket.display())
}

/// Log lines go to standard error, or to the home's log in pieces. `TENURE_LOG` takes the usual filters.
fn start_logging(context: &Context, detached: bool) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_env("TENURE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    if detached {
        let log = LogFile::open(&context.home.log_path())?;
        lines.with_ansi(false).with_writer(Mutex::new(log)).init();
    } else {
        lines.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).init();
    }
    Ok(())
}
