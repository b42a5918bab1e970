//! What is asked of a session's tool servers and tasks: each step's word as a call of the client.

use serde_json::Value;
use tenure_client::Client;
use tenure_event::SessionId;

use super::{Asked, of, text, to};

pub(super) async fn ask(client: &Client, id: &SessionId, what: &str, args: Value) -> Asked {
    match what {
        "mcp" => of(client.mcp_servers(id).await?),
        "set_mcp" => of(client.set_mcp_servers(id, &to(args)).await?),
        "reconnect_mcp" => of(client.mcp_reconnect(id, &text(&args, "name")).await?),
        "enable_mcp" => of(client.mcp_enable(id, &text(&args, "name")).await?),
        "disable_mcp" => of(client.mcp_disable(id, &text(&args, "name")).await?),
        "task" => of(client.task(id, &text(&args, "task_id"), args["bytes"].as_u64()).await?),
        _ => of(client.stop_task(id, &text(&args, "task_id")).await?),
    }
}
