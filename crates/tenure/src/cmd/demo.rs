//! `tenure demo`: the main job with nothing else installed, and the proof that nothing was lost. Everything goes the
//! real way (daemon, shim, log, asks) in a scratch home; the daemon is killed in the middle and found again.

mod proof;
mod trip;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;
use tenure_api::{CreateSession, InputContent, Session, VerbRequest};
use tenure_client::{Client, Home, ensure_running};
use tenure_scripted::{DEMO_BEFORE, DEMO_FILE, demo_prompt};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Context, block_on};
use crate::daemon::{self, launcher};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;
use crate::term::{Keys, Screen};
use crate::text::duration;
use crate::watch::{End, Goal, Look, watch};
use proof::Proof;
use trip::Trip;

/// Show what Tenure does, in a scratch directory: a session, an ask, and a kill of the daemon in the middle of it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Keep the scratch directory
    #[arg(long)]
    keep: bool,
}

/// Where the demo takes place. Removed at the end.
struct Stage {
    dir: TempDir,
}

impl Stage {
    fn set() -> Result<Self, Failure> {
        let dir = tempfile::Builder::new().prefix("tenure-demo-").tempdir()?;
        let stage = Self { dir };
        for name in ["home", "work", "agent-home"] {
            std::fs::create_dir(stage.path(name))?;
        }
        std::fs::write(stage.path("work").join(DEMO_FILE), DEMO_BEFORE)?;
        Ok(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The agent's own record of what it did.
    fn record(&self) -> PathBuf {
        self.path("record.jsonl")
    }

    fn session(&self) -> CreateSession {
        let text = |path: PathBuf| Some(path.to_string_lossy().into_owned());
        let env = BTreeMap::from([
            ("HOME".to_owned(), text(self.path("agent-home"))),
            ("TENURE_SCRIPTED_RECORD".to_owned(), text(self.record())),
        ]);
        CreateSession {
            agent: "scripted".to_owned(),
            cwd: text(self.path("work")),
            title: Some("Tenure demo".to_owned()),
            input: Some(InputContent::Plain(demo_prompt())),
            env,
            ..CreateSession::default()
        }
    }
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    context.needs_home("demo")?;
    let stage = Stage::set()?;
    let home = Home::at(stage.path("home"));
    let context = context.with_home(home);
    let outcome = block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Whatever ends it, nothing is left running.
        let shown = tokio::select! {
            biased;
            _ = interrupt.recv() => Ok(Exit::Interrupted),
            _ = terminate.recv() => Ok(Exit::Interrupted),
            shown = show(&stage, &context) => shown,
        };
        let cleaned = clean_up(&context).await;
        let outcome = shown?;
        cleaned?;
        Ok(outcome)
    });
    if args.keep {
        let kept = stage.dir.keep();
        out::note(&format!("kept: {}", kept.display()));
    }
    outcome
}

async fn show(stage: &Stage, context: &Context) -> Outcome {
    let style = Style::for_terminal(crate::term::stdout_is_terminal() && !context.json);
    let start = Instant::now();
    let client = ensure_running(&context.home, launcher(vec!["--listen=127.0.0.1:0".into()])).await?;
    let ready_ms = ms(start);
    let first = daemon::process(&client).await?;
    say(context, style, &format!("· scratch directory {}", stage.dir.path().display()))?;
    say(
        context,
        style,
        &format!("· a daemon (process {}) was ready after {}", first.pid, duration(ready_ms)),
    )?;

    let created = client.create(stage.session()).await?;
    let receipt = created.receipt.ok_or_else(|| Failure::failed("the demo's prompt was not taken"))?;
    let session = created.session;
    let keys = if context.json { None } else { Keys::open(false) };
    let mut look = Look::new(client.clone(), session.id.clone(), &session.cwd, 0, keys);
    look.answers_itself = look.keys.is_none();
    if context.json {
        look.screen = Screen::nowhere();
    }
    look.transcript.answered_here();
    look.goal = Goal::Input(receipt.input_id.clone());
    look.transcript.know_input(receipt.input_id);
    look.transcript.spoken = Some(BTreeMap::new());
    let trip = Trip::new(first);
    look.observer = Some(trip.observer());
    let end = watch(&mut look).await?;
    let mut proof = Proof::gather(&client, &session, stage, &trip, look.transcript.spoken.take()).await?;
    proof.ready_ms = ready_ms;
    proof.finished = matches!(end, End::Turn(_));
    proof.tell(context, style)
}

/// Ends what the demo has started: the agent by its session, the daemon by its process.
async fn clean_up(context: &Context) -> Result<(), Failure> {
    let Ok(client) = Client::discover(&context.home).await else { return Ok(()) };
    for session in live_sessions(&client).await? {
        client.close(&session.id, VerbRequest::default()).await?;
    }
    let process = daemon::process(&client).await?;
    daemon::stop(&process).await
}

async fn live_sessions(client: &Client) -> Result<Vec<Session>, Failure> {
    Ok(client.sessions(&tenure_client::SessionFilter::default()).await?.items)
}

fn say(context: &Context, style: Style, line: &str) -> Result<(), Failure> {
    if context.json {
        return Ok(());
    }
    Ok(out::print(&format!("{}\n", style.dim(line)))?)
}

fn ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
