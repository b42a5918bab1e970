//! `tenure down`: stops the daemon, and by request the sessions too.

use futures_util::{StreamExt, stream};
use tenure_api::{VerbReply, VerbRequest};
use tenure_client::{Client, ClientError, SessionFilter};

use crate::cli::{Context, block_on};
use crate::daemon;
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::text::plural;

/// Sessions that are closed at the same time.
const AT_ONCE: usize = 8;

/// Stop the daemon; agents work on, and nothing is lost
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Close all sessions first, so that nothing is left running
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(args: Args, context: Context) -> Outcome {
    context.needs_home("down")?;
    block_on(async {
        let client = match context.running().await {
            Ok(client) => client,
            Err(failure) if failure.exit == Exit::Unreachable && context.home.daemon_file().is_none() => {
                out::note(&format!("no daemon runs in {}", context.home.dir().display()));
                return Ok(Exit::Done);
            }
            Err(failure) => return Err(failure),
        };
        let process = daemon::process(&client).await?;
        let closed = if args.all { close_all(&client).await? } else { 0 };
        let working = client.info().await?.counts.live;
        daemon::stop(&process).await?;
        if context.json {
            let pid = process.pid;
            out::json(&serde_json::json!({"stopped": pid, "closed": closed, "still_live": working}))?;
        } else {
            let sessions = match (args.all, working) {
                (true, _) => format!("{} closed", plural(closed, "session")),
                (_, 0) => "no session was live".to_owned(),
                (_, n) => format!("{} work on", plural(usize::try_from(n).unwrap_or(usize::MAX), "session")),
            };
            out::print(&format!("stopped process {}; {sessions}\n", process.pid))?;
        }
        Ok(Exit::Done)
    })
}

async fn close_all(client: &Client) -> Result<usize, Failure> {
    let mut closed = 0;
    loop {
        let filter = SessionFilter {
            lifecycle: Some("creating,live".into()),
            archived: Some("any".into()),
            limit: Some(1000),
            ..SessionFilter::default()
        };
        let live = client.sessions(&filter).await?.items;
        if live.is_empty() {
            return Ok(closed);
        }
        let close = |session: tenure_api::Session| async move {
            client.close(&session.id, VerbRequest::default()).await
        };
        let replies: Vec<Result<VerbReply, ClientError>> =
            stream::iter(live).map(close).buffer_unordered(AT_ONCE).collect().await;
        for reply in replies {
            let reply = reply?;
            if !reply.remained.is_empty() {
                let what = reply.remained.join(", ");
                return Err(Failure::failed(format!("{}: could not be ended: {what}", reply.session.id)));
            }
            closed += 1;
        }
    }
}
