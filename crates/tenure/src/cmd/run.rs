//! `tenure run`: creates a session, sends the prompt, follows the turn.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tenure_api::{
    AgentEntry, CreateSession, Created, InputContent, PermissionDefault, Permissions, ResumeRequest,
    WorkspaceChoice, WorktreeChoice, WorktreeSetup,
};
use tenure_client::Client;
use tenure_server::config::load::{config_path, load};

use super::common::{exit_of, held, not_served, read_prompt, tilde, whole_path};
use super::limits::LimitArgs;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;
use crate::term::Keys;
use crate::watch::{End, Goal, Look, watch};

/// Start a session with a prompt and follow it
///
/// Ctrl-C interrupts the turn, twice leaves it running. Without a terminal, asks are denied at once unless --wait-asks,
/// --allow or --deny says otherwise.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to say; `-`, or nothing with a pipe, reads standard input
    #[arg(value_name = "PROMPT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// The agent [default: `default_agent` of config.toml, else the only one installed]
    #[arg(short, long)]
    agent: Option<String>,
    /// The directory to work in [default: this one]
    #[arg(short = 'C', long = "dir", value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Work in a new git worktree, on this branch, or on a new one of its own; `tenure worktree` tells of them
    #[arg(long, value_name = "BRANCH", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    worktree: Option<String>,
    /// Where the new branch begins [default: what is checked out]
    #[arg(long, value_name = "REV", requires = "worktree")]
    base: Option<String>,
    /// A command for the shell that makes the new worktree ready
    #[arg(long, value_name = "COMMAND", requires = "worktree")]
    setup: Option<String>,
    /// Work in this workspace, or with `scratch` in a new directory that goes with its last session
    #[arg(long, value_name = "ID", conflicts_with_all = ["worktree", "dir"])]
    workspace: Option<String>,
    /// Start it and return at once
    #[arg(short, long)]
    detach: bool,
    /// A title
    #[arg(long)]
    title: Option<String>,
    /// A tag; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The model
    #[arg(long)]
    model: Option<String>,
    /// The mode (permission mode)
    #[arg(long)]
    mode: Option<String>,
    /// The effort (thought level)
    #[arg(long)]
    effort: Option<String>,
    /// For the agent's environment; may be given several times
    #[arg(long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Offer the agent a tool by which it keeps files as artifacts
    #[arg(long)]
    artifact_tool: bool,
    /// Let the agent use the directory's own settings from now on
    #[arg(long)]
    trust_project: bool,
    /// Go on with the newest conversation of this agent in the directory
    #[arg(long = "continue", conflicts_with = "resume")]
    latest: bool,
    /// Go on with this conversation, by the agent's own id
    #[arg(long, value_name = "NATIVE_ID")]
    resume: Option<String>,
    /// Let asks wait for an answer, also without a terminal
    #[arg(long, conflicts_with_all = ["allow", "deny"])]
    wait_asks: bool,
    /// Allow every ask, with a record
    #[arg(long, conflicts_with = "deny")]
    allow: bool,
    /// Deny every ask, with a record
    #[arg(long)]
    deny: bool,
    /// With --json: ephemeral events (text as it is written) too
    #[arg(long, requires = "json")]
    deltas: bool,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(mut args: Args, context: Context) -> Outcome {
    let prompt = read_prompt(args.prompt.take(), "run")?;
    block_on(async {
        let client = context.client().await?;
        let agent = match args.agent.take() {
            Some(agent) => agent,
            None => default_agent(&context, &client).await?,
        };
        if agent.trim().is_empty() {
            return Err(Failure::usage("the agent has no name; `tenure agents` lists those there are"));
        }
        let (from_stdin, text) = (prompt.from_stdin, prompt.text);
        let person = !context.json && Keys::can_open(from_stdin);
        let created = client.create(request(&args, agent, text, person)?).await?;
        if args.detach {
            return detached(&context, &created);
        }
        let keys = if person { Keys::open(from_stdin) } else { None };
        follow(&context, args.deltas, client, created, keys).await
    })
}

fn request(args: &Args, agent: String, prompt: String, person: bool) -> Result<CreateSession, Failure> {
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let dir = whole_path(&dir)?;
    let workspace = workspace(args, &dir);
    let default = match (args.allow, args.deny) {
        (true, _) => PermissionDefault::Allow,
        (_, true) => PermissionDefault::Deny,
        _ => PermissionDefault::Ask,
    };
    let asks_reach_nobody = default == PermissionDefault::Ask && !person && !args.wait_asks;
    let resume = ResumeRequest { latest: args.latest, native_id: args.resume.clone(), fork: false };
    Ok(CreateSession {
        agent,
        cwd: workspace.is_none().then_some(dir),
        workspace,
        artifact_tool: args.artifact_tool,
        title: args.title.clone(),
        tags: args.tags.clone(),
        input: Some(InputContent::Plain(prompt)),
        env: environment(&args.env)?,
        model: args.model.clone(),
        mode: args.mode.clone(),
        effort: args.effort.clone(),
        permissions: Permissions {
            default,
            ask_timeout_seconds: asks_reach_nobody.then_some(0),
            ..Permissions::default()
        },
        limits: args.limits.at_create(),
        restart: args.limits.restart.unwrap_or_default(),
        resume: (args.latest || args.resume.is_some()).then_some(resume),
        trust_project: args.trust_project.then_some(true),
        ..CreateSession::default()
    })
}

/// A new worktree, a new scratch directory, or one that exists.
fn workspace(args: &Args, dir: &str) -> Option<WorkspaceChoice> {
    if let Some(branch) = &args.worktree {
        let worktree = WorktreeChoice {
            repo: dir.to_owned(),
            branch: Some(branch.clone()).filter(|name| !name.is_empty()),
            base: args.base.clone(),
            setup: args.setup.clone().map(|text| WorktreeSetup { shell: Some(text), ..Default::default() }),
        };
        return Some(WorkspaceChoice::Worktree { worktree });
    }
    Some(match args.workspace.as_deref()? {
        "scratch" => WorkspaceChoice::Scratch { scratch: true },
        id => WorkspaceChoice::Id(id.to_owned()),
    })
}

fn environment(given: &[String]) -> Result<BTreeMap<String, Option<String>>, Failure> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), Some(value.to_owned()))),
        _ => Err(Failure::usage(format!("--env {text}: give NAME=VALUE"))),
    };
    given.iter().map(pair).collect()
}

/// The agent of the configuration, else the only one that is installed. Never the scripted one by itself.
async fn default_agent(context: &Context, client: &Client) -> Result<String, Failure> {
    if context.url().is_none() {
        let config = load(&config_path(context.home.dir())).map_err(Failure::usage)?;
        if let Some(agent) = config.default_agent {
            return Ok(agent);
        }
    }
    let agents = client.agents().await?.items;
    let real =
        |a: &&AgentEntry| a.installed && (a.protocol != "scripted" || a.configured) && a.name != "scripted";
    let installed: Vec<&AgentEntry> = agents.iter().filter(real).collect();
    match installed.as_slice() {
        [only] => Ok(only.name.clone()),
        [] => Err(Failure::usage(
            "no agent is installed; `tenure agents` says how to get one, `tenure demo` needs none, and \
             `-a scripted` is the built-in one that does what a script in the prompt says",
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|a| a.name.as_str()).collect();
            Err(Failure::usage(format!(
                "several agents are installed: choose with -a ({}), or set `default_agent` in config.toml",
                names.join(", ")
            )))
        }
    }
}

pub(super) fn detached(context: &Context, created: &Created) -> Outcome {
    if context.json {
        out::json(created)?;
    } else {
        let id = &created.session.id;
        out::print(&format!("{id}\n"))?;
        out::note(&format!("works in the background: tenure attach {id}"));
    }
    Ok(Exit::Done)
}

/// Follows the turn of a session's first input.
pub(super) async fn follow(
    context: &Context,
    deltas: bool,
    client: Client,
    created: Created,
    keys: Option<Keys>,
) -> Outcome {
    let session = created.session;
    let receipt =
        created.receipt.ok_or_else(|| Failure::failed("the daemon took the session but not its input"))?;
    let mut look = Look::new(client.clone(), session.id.clone(), &session.cwd, 0, keys);
    look.goal = Goal::Input(receipt.input_id.clone());
    look.transcript.know_input(receipt.input_id);
    look.ctrl_c_interrupts = true;
    look.json = context.json;
    look.deltas = deltas;
    let head = format!("● {} in {}", session.agent, tilde(&session.cwd));
    if look.screen.is_terminal() && !context.json {
        let text = look.transcript.note(&head);
        look.screen.print(&text)?;
    }
    let end = watch(&mut look).await;
    let tasks = look.transcript.status().tasks;
    let end = match end {
        Err(failure) if failure.is_closed_output() => {
            farewell(context.style, &session.id, &End::Left, tasks, context.json)?;
            return Err(Failure::new(Exit::OutputClosed, ""));
        }
        end => end?,
    };
    farewell(context.style, &session.id, &end, tasks, context.json)?;
    if let End::Cancelled(reason) = &end {
        return Err(not_served(&client, &session.id, "the prompt", reason).await);
    }
    if end == End::Held {
        return Err(held(&session.id));
    }
    Ok(exit_of(&end, look.transcript.denied))
}

/// How to come back. Beside the output unless that is a terminal.
fn farewell(
    style: Style,
    id: &tenure_event::SessionId,
    end: &End,
    tasks: u32,
    json: bool,
) -> Result<(), Failure> {
    let tasks = if tasks > 0 {
        format!(" ({} still at work)", crate::text::plural(tasks as usize, "task"))
    } else {
        String::new()
    };
    let line = match end {
        End::Left => format!("left; it goes on: tenure attach {id} · tenure interrupt {id}"),
        End::Gone => format!("the session is over: tenure show {id}"),
        _ => format!("to go on{tasks}: tenure attach {id} · tenure send {id} \"…\""),
    };
    if !json && crate::term::stdout_is_terminal() {
        out::print(&format!("{}\n", style.dim(&line)))?;
    } else {
        out::note(&line);
    }
    Ok(())
}
