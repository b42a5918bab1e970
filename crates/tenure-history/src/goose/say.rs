//! A row of messages in Tenure's words.

use serde_json::{Map, Value};
use tenure_event::{CostBasis, PartBody, Role, Timestamp, ToolPart, ToolState, Usage};

use crate::database::{count, json, word, written};
use crate::fields::possible;
use crate::said::{Draft, message_id};
use crate::{Counted, Found, Item, Place, Said, ToolOutcome, Warning, WarningKind, tools};

/// What a row says.
pub(super) fn items(found: &Found, row: &Map<String, Value>) -> Vec<Item> {
    let place = Place { path: found.path.clone(), offset: count(row, "id") };
    let native = word(row, "message_id").unwrap_or_else(|| format!("row-{}", place.offset));
    let Some(Value::Array(blocks)) = json(row, "content_json") else {
        let detail = format!("message {native} is no list of parts, left out");
        return vec![Item::Warning(Warning::at(&found.path, place.offset, WarningKind::Malformed, detail))];
    };
    let ts = time(found, row);
    let is_answer = |block: &&Value| block["type"] == "toolResponse";
    let mut out: Vec<Item> =
        blocks.iter().filter(is_answer).map(|block| ended(block, &native, ts, &place)).collect();
    let bodies: Vec<PartBody> = blocks.iter().filter(|block| !is_answer(block)).filter_map(part).collect();
    if !bodies.is_empty() || out.is_empty() {
        let role = if word(row, "role").as_deref() == Some("user") { Role::User } else { Role::Assistant };
        let draft = Draft {
            id: message_id(&native),
            native_ids: vec![native],
            role,
            ts,
            model: None,
            usage: None,
            partial: false,
            parent_tool_id: None,
        };
        let hidden = json(row, "metadata_json").is_some_and(|told| told["userVisible"] == false);
        out.push(Item::Message(Box::new(Said {
            message: draft.says(bodies),
            hidden,
            subagent: None,
            place,
        })));
    }
    out
}

/// Seconds, and in some versions milliseconds.
fn time(found: &Found, row: &Map<String, Value>) -> Timestamp {
    let told = row.get("created_timestamp").and_then(Value::as_i64);
    let told = told.and_then(|told| possible(told.saturating_mul(1000)).or_else(|| possible(told)));
    told.or_else(|| written(row, "timestamp")).unwrap_or(found.modified)
}

fn part(block: &Value) -> Option<PartBody> {
    let said = |key: &str| block[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    match block["type"].as_str()? {
        "text" => said("text").map(|text| PartBody::Text { text }),
        "thinking" => said("thinking").map(|text| PartBody::Thought { text }),
        "redactedThinking" => None,
        "image" => Some(PartBody::Image {
            data: said("data").unwrap_or_default(),
            mime_type: said("mimeType").unwrap_or_else(|| "application/octet-stream".to_owned()),
        }),
        "toolRequest" | "frontendToolRequest" => Some(PartBody::Tool(call(block))),
        _ => Some(PartBody::Other { value: block.clone() }),
    }
}

fn call(block: &Value) -> ToolPart {
    let called = &block["toolCall"]["value"];
    let name = called["name"].as_str().unwrap_or("unknown");
    let plain = name.rsplit("__").next().unwrap_or(name);
    let input = called["arguments"].clone();
    let title = ["command", "path", "query"].iter().find_map(|key| input[*key].as_str());
    ToolPart {
        tool_id: block["id"].as_str().unwrap_or_default().to_owned(),
        tool: name.to_owned(),
        kind: tools::kind(plain),
        title: title.and_then(crate::said::one_line).unwrap_or_else(|| name.to_owned()),
        input,
        ..ToolPart::default()
    }
}

fn ended(block: &Value, native: &str, ts: Timestamp, place: &Place) -> Item {
    let result = &block["toolResult"];
    let value = &result["value"];
    let content = value["content"].as_array().or_else(|| value.as_array());
    let texts: Option<Vec<&str>> =
        content.map(|blocks| blocks.iter().filter_map(|block| block["text"].as_str()).collect());
    let text = texts.map(|texts| texts.join("\n")).or_else(|| result["error"].as_str().map(str::to_owned));
    let failed = value["isError"] == true || result["status"] == "error";
    let declined =
        text.as_ref().is_some_and(|text| text.starts_with("The user has declined to run this tool"));
    let state = match (failed, declined) {
        (_, true) => ToolState::Denied,
        (true, _) => ToolState::Failed,
        _ => ToolState::Completed,
    };
    Item::ToolEnded(ToolOutcome {
        tool_id: block["id"].as_str().unwrap_or_default().to_owned(),
        message_id: None,
        state,
        error: text.clone().filter(|_| state != ToolState::Completed),
        output: text.map(Value::String),
        ts,
        native_id: Some(native.to_owned()),
        subagent: None,
        place: place.clone(),
    })
}

/// What a whole conversation used so far.
pub(super) fn used(found: &Found, row: &Map<String, Value>) -> Option<Item> {
    let cost = row.get("accumulated_cost").and_then(Value::as_f64).filter(|cost| *cost > 0.0);
    let usage = Usage {
        input_tokens: count(row, "accumulated_input_tokens"),
        output_tokens: count(row, "accumulated_output_tokens"),
        cost_usd: cost,
        cost_basis: if cost.is_some() { CostBasis::Estimated } else { CostBasis::Unknown },
        ..Usage::default()
    };
    let model =
        json(row, "model_config_json").and_then(|model| model["model_name"].as_str().map(str::to_owned));
    (usage.tokens() > 0).then(|| {
        Item::Used(Counted {
            key: format!("session:{}", found.native_id),
            ts: found.modified,
            model,
            usage,
            message_id: None,
            subagent: None,
        })
    })
}
