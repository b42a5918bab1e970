//! A message and its parts in Tenure's words.

use serde_json::{Map, Value};
use tenure_event::{CostBasis, PartBody, Role, ToolPart, ToolState, Usage};

use crate::database::{count, millis, word};
use crate::fields::possible;
use crate::said::{Draft, message_id};
use crate::{Counted, Found, Item, Place, Said, tools};

/// What a message says, and what it used.
pub(super) fn items(found: &Found, row: &Map<String, Value>, data: &Value, parts: &[Value]) -> Vec<Item> {
    let native = word(row, "id").unwrap_or_default();
    let is_user = data["role"] == "user";
    let ts = data["time"]["created"].as_i64().and_then(possible).or_else(|| millis(row, "time_created"));
    let ts = ts.unwrap_or(found.modified);
    let usage = usage(data).filter(|_| !is_user);
    let model = data["modelID"].as_str().map(str::to_owned);
    let draft = Draft {
        id: message_id(&native),
        native_ids: vec![native],
        role: if is_user { Role::User } else { Role::Assistant },
        ts,
        model: model.clone(),
        usage,
        partial: data["error"]["name"] == "MessageAbortedError",
        parent_tool_id: None,
    };
    let message = draft.says(parts.iter().filter_map(part));
    let id = message.id.clone();
    let place = Place { path: found.path.clone(), offset: count(row, "place") };
    // What the program wrote in the person's place.
    let hidden = is_user && !parts.is_empty() && parts.iter().all(|part| part["synthetic"] == true);
    let mut items = vec![Item::Message(Box::new(Said { message, hidden, subagent: None, place }))];
    items.extend(usage.map(|usage| {
        let key = key(data);
        Item::Used(Counted { key, ts, model, usage, message_id: Some(id), subagent: None })
    }));
    items
}

/// A fork carries messages along under new ids, and their times and counts as they were.
fn key(data: &Value) -> String {
    let time = &data["time"];
    format!("{}:{}:{}:{}", time["created"], time["completed"], data["modelID"], data["tokens"]["output"])
}

fn usage(data: &Value) -> Option<Usage> {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let tokens = &data["tokens"];
    let cost = data["cost"].as_f64().filter(|cost| cost.is_finite() && *cost > 0.0);
    let usage = Usage {
        input_tokens: count(&tokens["input"]),
        output_tokens: count(&tokens["output"]),
        reasoning_tokens: count(&tokens["reasoning"]),
        cache_read_tokens: count(&tokens["cache"]["read"]),
        cache_write_tokens: count(&tokens["cache"]["write"]),
        cost_usd: cost,
        // By its own table of prices; without one it writes zero.
        cost_basis: if cost.is_some() { CostBasis::Estimated } else { CostBasis::Unknown },
    };
    (usage.tokens() > 0 || cost.is_some()).then_some(usage)
}

fn part(part: &Value) -> Option<PartBody> {
    let text = || part["text"].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match part["type"].as_str()? {
        "text" => text().map(|text| PartBody::Text { text }),
        "reasoning" => text().map(|text| PartBody::Thought { text }),
        "tool" => Some(PartBody::Tool(tool(part))),
        "file" => Some(file(part)),
        "step-start" | "step-finish" | "snapshot" | "patch" => None,
        _ => Some(PartBody::Other { value: part.clone() }),
    }
}

fn tool(part: &Value) -> ToolPart {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let name = part["tool"].as_str().unwrap_or("unknown");
    let told = &part["state"];
    let error = text(&told["error"]);
    let state = match told["status"].as_str() {
        Some("completed") => ToolState::Completed,
        Some("error") if error.as_ref().is_some_and(|error| error.contains("rejected permission")) => {
            ToolState::Denied
        }
        Some("error") if error.as_ref().is_some_and(|error| error.contains("aborted")) => {
            ToolState::Cancelled
        }
        Some("error") => ToolState::Failed,
        _ => ToolState::Running,
    };
    ToolPart {
        tool_id: text(&part["callID"]).unwrap_or_default(),
        tool: name.to_owned(),
        kind: tools::kind(name),
        title: text(&told["title"])
            .filter(|title| !title.is_empty())
            .or_else(|| text(&told["input"]["command"]))
            .unwrap_or_else(|| name.to_owned()),
        state,
        input: told["input"].clone(),
        output: told.get("output").filter(|output| !output.is_null()).cloned(),
        error,
    }
}

fn file(part: &Value) -> PartBody {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let url = part["url"].as_str().unwrap_or_default();
    let mime = text(&part["mime"]);
    match url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")) {
        Some((kind, data)) if kind.starts_with("image/") => {
            PartBody::Image { data: data.to_owned(), mime_type: kind.to_owned() }
        }
        Some((_, data)) => PartBody::File {
            uri: text(&part["filename"]).unwrap_or_default(),
            mime_type: mime,
            text: None,
            data: Some(data.to_owned()),
        },
        None => {
            PartBody::ResourceLink { uri: url.to_owned(), name: text(&part["filename"]), mime_type: mime }
        }
    }
}
