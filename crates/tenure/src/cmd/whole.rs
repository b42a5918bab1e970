//! What the verbs share that act on whole sessions and may be waited for: their arguments, and the way from a
//! session's name to what the daemon says. Which verb it is, each verb's own file says.

use tenure_api::{VerbReply, VerbRequest, VerbWait};
use tenure_client::{Client, ClientError};
use tenure_event::SessionId;

use super::common::tell;
use crate::cli::{Context, block_on, complain};
use crate::exit::{Exit, Outcome};

/// Whether to wait for a verb's end.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Waiting {
    /// Do not wait until it is done
    #[arg(long)]
    pub(super) no_wait: bool,
}

impl Waiting {
    pub(super) fn wait(self) -> VerbWait {
        if self.no_wait { VerbWait::Accepted } else { VerbWait::Done }
    }

    pub(super) fn request(self) -> VerbRequest {
        VerbRequest { wait: self.wait() }
    }
}

/// The sessions that a verb is for.
#[derive(Debug, clap::Args)]
pub(super) struct Sessions {
    /// Which
    #[arg(value_name = "SESSION", required = true)]
    pub(super) sessions: Vec<String>,
}

/// Calls a verb for each session in turn and tells what it hit, or why not; `done` is the verb in the past tense. One
/// that goes wrong stops none that comes after it. The exit code is that of the session that fared worst.
pub(super) fn each(
    which: &Sessions,
    context: &Context,
    done: &str,
    call: impl AsyncFn(&Client, &SessionId) -> Result<VerbReply, ClientError>,
) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let mut exit = Exit::Done;
        for name in &which.sessions {
            let told = async {
                let id = context.session(&client, name).await?.id;
                tell(context, done, &call(&client, &id).await?)
            };
            exit = exit.max(told.await.unwrap_or_else(complain));
        }
        Ok(exit)
    })
}

/// Calls a verb for the one session it is for, and tells what it hit.
pub(super) fn one(
    name: &str,
    context: &Context,
    done: &str,
    call: impl AsyncFnOnce(&Client, &SessionId) -> Result<VerbReply, ClientError>,
) -> Outcome {
    block_on(async {
        let client = context.client().await?;
        let id = context.session(&client, name).await?.id;
        tell(context, done, &call(&client, &id).await?)
    })
}
