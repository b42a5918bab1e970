//! `tenure token`: the home's token, and tokens that may do less.

use clap::{Subcommand, ValueEnum};
use tenure_api::TokenScope;
use tenure_server::clock;

use crate::cli::{Context, block_on};
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::table::Table;
use crate::text::age;

/// Show the home's token, or make, list and remove tokens that may do less
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<TokenVerb>,
}

#[derive(Debug, Subcommand)]
enum TokenVerb {
    /// Print the home's token, which may do all
    Show,
    /// Make a token; its secret is shown this once
    Add {
        /// A name for it
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        scope: ScopeArg,
    },
    /// List tokens
    Ls,
    /// Make a token void
    Rm {
        /// Its name
        name: String,
    },
}

/// Each contains those before it
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeArg {
    /// Read everything that sessions hold
    Read,
    /// Create sessions, send inputs, answer asks, end things
    Sessions,
    /// Touch files and run commands where sessions live
    Workspace,
    /// Everything
    Admin,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    block_on(async {
        match args.verb.unwrap_or(TokenVerb::Show) {
            TokenVerb::Show => show(&context).await?,
            TokenVerb::Add { name, scope } => {
                let scope = match scope {
                    ScopeArg::Read => TokenScope::Read,
                    ScopeArg::Sessions => TokenScope::Sessions,
                    ScopeArg::Workspace => TokenScope::Workspace,
                    ScopeArg::Admin => TokenScope::Admin,
                };
                let made = context.client().await?.token_add(&name, scope).await?;
                if context.json { out::json(&made)? } else { out::print(&format!("{}\n", made.token))? }
            }
            TokenVerb::Ls => list(&context).await?,
            TokenVerb::Rm { name } => {
                let removed = context.client().await?.token_remove(&name).await?;
                if context.json {
                    out::json(&removed)?
                } else {
                    out::print(&format!("{} is void\n", removed.name))?
                }
            }
        }
        Ok(Exit::Done)
    })
}

async fn show(context: &Context) -> Result<(), Failure> {
    context.needs_home("token show")?;
    context.client().await?;
    let path = context.home.token_path();
    let unread = || Failure::failed(format!("{} cannot be read", path.display()));
    let token = context.home.token().ok_or_else(unread)?;
    if context.json {
        out::json(&serde_json::json!({"token": token}))?
    } else {
        out::print(&format!("{token}\n"))?
    }
    Ok(())
}

async fn list(context: &Context) -> Result<(), Failure> {
    let page = context.client().await?.tokens().await?;
    if context.json {
        return Ok(out::json(&page)?);
    }
    if page.items.is_empty() {
        out::note("only the home's own token; `tenure token add NAME --scope read` makes another");
        return Ok(());
    }
    let mut table = Table::new(&["NAME", "SCOPE", "AGE"]);
    let now = clock::now();
    for token in &page.items {
        table.row([
            token.name.clone(),
            token.scope.as_str().to_owned(),
            age(now.millis_since(token.created_at)),
        ]);
    }
    Ok(out::print(&table.render(context.style, None, &[]))?)
}
