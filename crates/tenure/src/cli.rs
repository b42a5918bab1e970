//! What can be typed: the verbs, the options that all of them share, and what a verb needs to run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tenure_api::Session;
use tenure_client::{Client, Home, ensure_running};

use crate::cmd;
use crate::daemon;
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;

/// Runs coding-agent sessions that cannot be lost.
#[derive(Debug, Parser)]
#[command(name = "tenure", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

const EXIT_CODES: &str = "A SESSION is named by its id, a unique prefix of it, or its exact title.\n\
    Exit codes: 0 done, 1 the turn or the command failed, 2 bad usage, 3 not found, 4 no daemon answers, \
    5 denied, 130 interrupted, 141 the output was closed before the turn or the command had ended.";

/// Options of every verb.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The daemon's home [default: $TENURE_HOME, else tenure in the XDG state directory]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Talk to the daemon at this address instead of the home's; it is never started
    #[arg(long, global = true, value_name = "URL", conflicts_with = "home")]
    pub(crate) url: Option<String>,
    /// The token for --url [default: $TENURE_TOKEN]
    #[arg(long, global = true, value_name = "TOKEN", requires = "url")]
    pub(crate) token: Option<String>,
    /// Print JSON and nothing else; one object per line where it streams
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

macro_rules! verbs {
    ($($(#[$attr:meta])* $name:ident = $module:ident,)*) => {
        #[derive(Debug, Subcommand)]
        enum Verb {
            $($(#[$attr])* $name(cmd::$module::Args),)*
        }

        impl Verb {
            fn run(self, context: Context) -> Outcome {
                match self {
                    $(Self::$name(args) => cmd::$module::run(args, context),)*
                }
            }
        }
    };
}

verbs! {
    Run = run,
    Ls = ls,
    Show = show,
    Attach = attach,
    Send = send,
    Logs = logs,
    Asks = asks,
    Allow = allow,
    Deny = deny,
    Config = config,
    Todos = todos,
    Tasks = tasks,
    Mcp = mcp,
    Metrics = metrics,
    Interrupt = interrupt,
    Commands = commands,
    Compact = compact,
    Clear = clear,
    Suspend = suspend,
    Resume = resume,
    Close = close,
    Kill = kill,
    Rm = rm,
    Checkpoint = checkpoint,
    Rewind = rewind,
    Fork = fork,
    Exec = exec,
    Cp = cp,
    #[command(visible_alias = "workspace")]
    Worktree = worktree,
    Ps = ps,
    History = history,
    Search = search,
    Usage = usage,
    Projects = projects,
    Adopt = adopt,
    Export = export,
    Agents = agents,
    Up = up,
    Down = down,
    Token = token,
    Doctor = doctor,
    Demo = demo,
    Completions = completions,
}

/// Reads the arguments and runs the verb.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let outcome = Context::new(cli.global).and_then(|context| cli.verb.run(context));
    outcome.unwrap_or_else(complain).into()
}

/// Says what went wrong, on standard error.
pub(crate) fn complain(failure: Failure) -> Exit {
    if !failure.message.is_empty() {
        let style = Style::for_terminal(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        // Messages may quote what agents said or how sessions are called.
        out::note(&format!("{} {}", style.red("error:"), crate::text::clean(&failure.message)));
    }
    failure.exit
}

/// What a verb needs: where the daemon is, and how to print.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    global: Global,
    pub(crate) home: Home,
    pub(crate) json: bool,
    pub(crate) style: Style,
}

impl Context {
    fn new(global: Global) -> Result<Self, Failure> {
        let env = |name: &str| -> Option<OsString> { std::env::var_os(name) };
        let home = Home::choose(global.home.clone(), env)
            .ok_or_else(|| Failure::usage("there is no HOME to keep sessions in; give --home DIR"))?;
        let style = Style::for_terminal(crate::term::stdout_is_terminal());
        Ok(Self { json: global.json, style, home, global })
    }

    /// The same with another home.
    pub(crate) fn with_home(self, home: Home) -> Self {
        Self { home, global: Global { url: None, ..self.global }, ..self }
    }

    /// The address that was given instead of a home.
    pub(crate) fn url(&self) -> Option<&str> {
        self.global.url.as_deref()
    }

    /// Whether the daemon is one of this machine, in a home of ours.
    pub(crate) fn needs_home(&self, verb: &str) -> Result<(), Failure> {
        match &self.global.url {
            Some(_) => {
                Err(Failure::usage(format!("`{verb}` works on a home of this machine, not with --url")))
            }
            None => Ok(()),
        }
    }

    /// The daemon, started if need be.
    pub(crate) async fn client(&self) -> Result<Client, Failure> {
        let client = match &self.global.url {
            Some(_) => return self.running().await,
            None => ensure_running(&self.home, daemon::launcher(Vec::new())).await?,
        };
        tell_of_version(&client);
        Ok(client)
    }

    /// The daemon, only if it runs.
    pub(crate) async fn running(&self) -> Result<Client, Failure> {
        let client = match &self.global.url {
            Some(url) => {
                let token = self.global.token.clone().or_else(|| std::env::var("TENURE_TOKEN").ok());
                Client::connect(url, token.as_deref()).await?
            }
            None => Client::discover(&self.home).await?,
        };
        tell_of_version(&client);
        Ok(client)
    }

    /// The session that a person means.
    pub(crate) async fn session(&self, client: &Client, name: &str) -> Result<Session, Failure> {
        Ok(client.find_session(name).await?)
    }
}

fn tell_of_version(client: &Client) {
    if let Some(line) = client.version_mismatch() {
        out::note(&format!("note: {line}"));
    }
}

/// Runs a verb's future on one thread. What still blocks at the end is left behind.
pub(crate) fn block_on(future: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_every_verb_make_sense() {
        super::Cli::command().debug_assert();
    }
}
