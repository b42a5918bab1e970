//! What is asked of the past: each step's word as a call of the client.

use std::time::Duration;

use serde_json::Value;
use tenure_client::{Client, HistoryFilter, SearchFilter, UsageFilter};

use super::{Asked, items, of, string, text, to, without};

fn word(args: &Value, name: &str) -> String {
    args[name].as_str().unwrap_or_default().to_owned()
}

pub(super) async fn ask(client: &Client, what: &str, args: Value) -> Asked {
    let (agent, native) = (word(&args, "agent"), word(&args, "native_id"));
    match what {
        "index" => of(client.index_after(Duration::from_millis(args["wait_ms"].as_u64().unwrap())).await?),
        "rebuild_index" => of(client.index_rebuild().await?),
        "history" => history(client, to(args)).await,
        "adopt" => {
            let (_, body) = without(without(args, "agent").1, "native_id");
            of(client.adopt(&agent, &native, to(body)).await?)
        }
        "past" => of(client.past(&agent, &native).await?),
        "past_messages" => past_messages(client, &agent, &native, &args).await,
        "past_transcript" => {
            Ok(string(client.past_transcript(&agent, &native, &text(&args, "format")).await?))
        }
        "search" => items(client.search(&to::<SearchFilter>(args)).await?),
        _ => of(client.usage(&to::<UsageFilter>(args)).await?),
    }
}

async fn history(client: &Client, mut filter: HistoryFilter) -> Asked {
    let mut all = Vec::new();
    loop {
        let page = client.history(&filter).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => (filter.cursor, filter.offset) = (Some(next), None),
            None => return of(all),
        }
    }
}

async fn past_messages(client: &Client, agent: &str, native: &str, args: &Value) -> Asked {
    let limit = args["limit"].as_u64().map(|limit| u32::try_from(limit).unwrap());
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = client
            .past_messages(agent, native, None, args["subagent"].as_str(), cursor.as_deref(), limit)
            .await?;
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return of(all),
        }
    }
}
