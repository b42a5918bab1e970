//! What is asked of the machine and not of a session: each step's word as a call of the client.

use serde_json::Value;
use tenure_client::Client;

use super::{Asked, items, of, text, to, without};

/// None for a word that is of a session.
pub(super) async fn ask(client: &Client, what: &str, args: &Value) -> Option<Asked> {
    Some(match what {
        "projects" | "processes" | "reap" | "tokens" | "create_token" | "remove_token"
        | "register_project" => of_node(client, what, args).await,
        "workspaces" | "workspace" | "diff_workspace" | "merge_workspace" | "discard_workspace" => {
            of_workspaces(client, what, args.clone()).await
        }
        _ => return None,
    })
}

async fn of_node(client: &Client, what: &str, args: &Value) -> Asked {
    match what {
        "projects" => items(client.projects().await?),
        "processes" => items(client.processes().await?),
        "reap" => items(client.reap().await?),
        "tokens" => items(client.tokens().await?),
        "create_token" => of(client.token_add(&text(args, "name"), to(args["scope"].clone())).await?),
        "remove_token" => of(client.token_remove(&text(args, "name")).await?),
        _ => of(client.register_project(&to(args.clone())).await?),
    }
}

async fn of_workspaces(client: &Client, what: &str, args: Value) -> Asked {
    if what == "workspaces" {
        return items(client.workspaces(None, None).await?);
    }
    let (id, how) = without(args, "id");
    let id = to(id);
    match what {
        "workspace" => of(client.workspace(&id).await?),
        "diff_workspace" => of(client.workspace_diff(&id).await?),
        "merge_workspace" => of(client.merge_workspace(&id, &to(how)).await?),
        _ => of(client.discard_workspace(&id, to(how)).await?),
    }
}
