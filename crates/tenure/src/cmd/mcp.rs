//! `tenure mcp`: a session's tool servers. Those that are added here are one set, which the daemon replaces as a whole;
//! what is secret of the others cannot be read back, so they are kept by name.

use std::collections::BTreeMap;

use clap::Subcommand;
use tenure_api::{McpServerConfig, McpServersSet, McpTransportConfig, SetMcpServers};
use tenure_client::Client;
use tenure_event::{McpServer, McpStatus, SessionId};

use super::common::tell;
use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::table::Table;
use crate::text::one_line;
use crate::view::word;

const EXAMPLES: &str = "Examples:\n  \
    tenure mcp ls fix-tests\n  \
    tenure mcp add fix-tests docs --http http://127.0.0.1:8080/mcp --header 'Authorization: Bearer …'\n  \
    tenure mcp add fix-tests db --env DATABASE_URL -- uvx db-server --read-only\n  \
    tenure mcp reconnect fix-tests docs\n  \
    tenure mcp disable fix-tests db\n  \
    tenure mcp rm fix-tests db\n\n\
    A server that the session was created with is disabled, not removed. An agent that takes servers\n\
    at its start alone gets them with its next process: `tenure suspend` the session, change them, go on.";

/// List a session's MCP servers; add, remove, reconnect, enable or disable one
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How they stand, with their tools
    Ls {
        /// Which session
        session: String,
        /// With the names of their tools
        #[arg(long)]
        tools: bool,
    },
    /// Connect to one again
    Reconnect(Named),
    /// Use one again
    Enable(Named),
    /// Use one no more, until it is enabled
    Disable(Named),
    /// Add one, or put it in the place of the one of that name
    Add(Box<Add>),
    /// Remove one that was added
    Rm(Named),
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Which session
    session: String,
    /// Which server
    name: String,
}

#[derive(Debug, clap::Args)]
struct Add {
    /// Which session
    session: String,
    /// A name for it
    name: String,
    /// Where it is, if it is reached by HTTP
    #[arg(long, value_name = "URL", conflicts_with_all = ["command", "sse"])]
    http: Option<String>,
    /// Where it is, if it speaks the older way, by server-sent events
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    sse: Option<String>,
    /// A header for it (repeatable)
    #[arg(long, value_name = "NAME: VALUE", conflicts_with = "command")]
    header: Vec<String>,
    /// A variable for it; without a value it is taken from here (repeatable)
    #[arg(long, value_name = "NAME[=VALUE]", requires = "command")]
    env: Vec<String>,
    /// Program and arguments, after `--`
    #[arg(last = true)]
    command: Vec<String>,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        match args.verb {
            Verb::Ls { session, tools } => {
                let id = context.session(&client, &session).await?.id;
                list(&context, &client.mcp_servers(&id).await?, tools)
            }
            Verb::Reconnect(Named { session, name }) => {
                let id = context.session(&client, &session).await?.id;
                tell(&context, "connected", &client.mcp_reconnect(&id, &name).await?)
            }
            Verb::Enable(Named { session, name }) => {
                let id = context.session(&client, &session).await?.id;
                tell(&context, "enabled", &client.mcp_enable(&id, &name).await?)
            }
            Verb::Disable(Named { session, name }) => {
                let id = context.session(&client, &session).await?.id;
                tell(&context, "disabled", &client.mcp_disable(&id, &name).await?)
            }
            Verb::Add(add) => {
                let session = add.session.clone();
                let server = config(*add)?;
                let id = context.session(&client, &session).await?.id;
                let keep = others(&client, &id, &server.name).await?.1;
                let set = SetMcpServers { mcp_servers: vec![server], keep };
                changed(&context, &client.set_mcp_servers(&id, &set).await?)
            }
            Verb::Rm(Named { session, name }) => {
                let id = context.session(&client, &session).await?.id;
                let (there, keep) = others(&client, &id, &name).await?;
                if !there {
                    let what = format!(
                        "no server {name:?} was added to this session; one that it was created with can be disabled"
                    );
                    return Err(Failure::new(Exit::NotFound, what));
                }
                let set = SetMcpServers { mcp_servers: Vec::new(), keep };
                changed(&context, &client.set_mcp_servers(&id, &set).await?)
            }
        }
    })
}

/// Whether a server of this name was added, and the names of the others that were.
async fn others(client: &Client, id: &SessionId, name: &str) -> Result<(bool, Vec<String>), Failure> {
    let servers = client.mcp_servers(id).await?.into_iter();
    let added: Vec<String> =
        servers.filter(|s| s.scope.as_deref() == Some("put")).map(|server| server.name).collect();
    Ok((added.iter().any(|known| known == name), added.into_iter().filter(|known| known != name).collect()))
}

fn config(add: Add) -> Result<McpServerConfig, Failure> {
    let headers = add.header.iter().map(|text| header(text)).collect::<Result<BTreeMap<_, _>, _>>()?;
    let transport = match (add.http, add.sse) {
        (Some(url), _) => McpTransportConfig::Http { url, headers },
        (None, Some(url)) => McpTransportConfig::Sse { url, headers },
        (None, None) => {
            let env = add.env.iter().map(|text| variable(text)).collect::<Result<_, _>>()?;
            let mut words = add.command.into_iter();
            let command = words.next().ok_or_else(|| {
                let what = "say where the server is: `--http URL` (or --sse), or `-- COMMAND` to start it";
                Failure::usage(what)
            })?;
            McpTransportConfig::Stdio { command, args: words.collect(), env }
        }
    };
    Ok(McpServerConfig { name: add.name, transport })
}

fn header(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text
        .split_once(':')
        .ok_or_else(|| Failure::usage(format!("`{text}` is no header; write NAME: VALUE")))?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn variable(text: &str) -> Result<(String, String), Failure> {
    if let Some((name, value)) = text.split_once('=') {
        return Ok((name.to_owned(), value.to_owned()));
    }
    let missing = |_| Failure::usage(format!("there is no variable {text} here; write {text}=VALUE"));
    Ok((text.to_owned(), std::env::var(text).map_err(missing)?))
}

fn changed(context: &Context, set: &McpServersSet) -> Outcome {
    if context.json {
        out::json(set)?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for name in set.removed.iter().filter(|name| !set.added.contains(name)) {
        text.push_str(&format!("removed {name}\n"));
    }
    for name in &set.added {
        let how = set.errors.get(name).map(|why| format!(", and it does not work: {}", one_line(why, 400)));
        text.push_str(&format!("added {name}{}\n", how.unwrap_or_default()));
    }
    out::print(if text.is_empty() { "nothing changed\n" } else { &text })?;
    Ok(if set.errors.is_empty() { Exit::Done } else { Exit::Failed })
}

fn list(context: &Context, servers: &[McpServer], tools: bool) -> Outcome {
    if context.json {
        out::json(&serde_json::json!({ "items": servers }))?;
        return Ok(Exit::Done);
    }
    if servers.is_empty() {
        out::note("no MCP servers; `tenure mcp add` gives the session one");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["NAME", "TYPE", "STATUS", "TOOLS", ""]);
    for server in servers {
        let said = match (&server.error, tools) {
            (Some(error), _) if server.status != McpStatus::Connected => one_line(error, 400),
            (_, true) => one_line(&server.tools.join(" "), 4000),
            _ => String::new(),
        };
        table.row([
            one_line(&server.name, 60),
            one_line(server.kind.as_deref().unwrap_or_default(), 20),
            word(&server.status),
            server.tools.len().to_string(),
            said,
        ]);
    }
    out::print(&table.render(context.style, crate::term::columns(), &[4]))?;
    Ok(Exit::Done)
}
