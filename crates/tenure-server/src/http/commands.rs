//! The agent's own commands by name, and compaction. A command is an input that begins with `/name`; compaction is one
//! too where the agent has no other way for it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value};
use tenure_api::{
    Compact, ErrorCode, InputContent, Problem, Receipt, RunCommand, SendInput, SendReply, SendWait,
    VerbReply, VerbWait,
};
use tenure_core::{Reply, Request};
use tenure_event::{Capabilities, CommandInfo, Delivery, Outcome, SessionId, Support};
use tokio::time::Instant;

use super::app::Shared;
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::problem::{Answer, Failure};
use super::{inputs, lookup, verbs};

/// How long an agent that has told no commands may take to tell some.
const MOMENT: Duration = Duration::from_secs(3);
/// How often what it told is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// Runs a command of the agent's by its name. It is an input: it waits its turn, and its result is a turn's.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/commands/{name}", tag = "control", request_body = RunCommand,
    params(
        ("id" = String, Path, description = "The session."),
        ("name" = String, Path, description = "The command, as capabilities list it, without a slash."),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key."),
    ),
    responses(
        (status = 202, description = "It is stored (`wait: accepted`).", body = Receipt),
        (status = 200, description = "A receipt with its turn (`wait: started`), or the result (`wait: finished`).", body = SendReply),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn run(
    State(app): State<Shared>,
    Segments((id, name)): Segments<(String, String)>,
    keyed: Keyed,
    body: Body<RunCommand>,
) -> Answer<Response> {
    let (id, row) = lookup::existing(&app, &id).await?;
    let Some(known) = told(&app, &id).await else {
        let what = "the agent has not told its commands yet; wait for its handshake (`resume` starts it)";
        return Err(Problem::new(ErrorCode::NotReady, what).about(&id).into());
    };
    if let Some(Support::No(why)) = known.supports.get("commands") {
        return Err(Problem::unsupported(&row.agent, "commands", why).about(&id).into());
    }
    let name = name.trim_start_matches('/');
    let Some(command) = known.commands.iter().find(|command| command.name == name) else {
        let what = format!("the agent has no command `{name}`; the session's capabilities list its commands");
        return Err(Problem::new(ErrorCode::NotFound, what).about(&id).into());
    };
    let request = body.value;
    let text = line(command, request.args.as_ref())?;
    let send = SendInput {
        input: InputContent::Plain(text),
        id: request.id,
        delivery: Delivery::Queue,
        wait: request.wait,
        model: request.model,
        effort: None,
    };
    inputs::admitted(&app, &id, keyed, &body.hash, send).await
}

/// What the agent told of itself. One that speaks ACP tells its commands a moment after it is ready; while it has told none,
/// it is given that moment, so that whoever asks at once is not told that there are none.
async fn told(app: &Shared, id: &SessionId) -> Option<Capabilities> {
    let deadline = Instant::now() + MOMENT;
    loop {
        let told = app.node.handshake(id)?;
        let acp = told.agent_info.protocol.as_deref().is_some_and(|protocol| protocol.starts_with("acp/1"));
        if !acp || !told.capabilities.commands.is_empty() || Instant::now() >= deadline {
            return Some(told.capabilities);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// What is typed for it: `/name`, and its arguments.
fn line(command: &CommandInfo, args: Option<&Value>) -> Answer<String> {
    let words = match args {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Object(by_name)) => in_order(command, by_name)?,
        Some(_) => return Err(Failure::invalid("args", "it is a text, or an object of arguments by name")),
    };
    Ok(format!("/{} {words}", command.name).trim_end().to_owned())
}

/// Arguments in the order in which the command declares them: `[branch] <file>`.
fn in_order(command: &CommandInfo, by_name: &Map<String, Value>) -> Answer<String> {
    let names = declared(command.argument_hint.as_deref().unwrap_or_default());
    if let Some(unknown) = by_name.keys().find(|name| !names.contains(name)) {
        let known = if names.is_empty() { "none by name; give a text".to_owned() } else { names.join(", ") };
        let what = format!("command `{}` declares no argument `{unknown}`; it has {known}", command.name);
        return Err(Failure::invalid(format!("args.{unknown}"), what));
    }
    let mut words = Vec::new();
    let mut skipped: Option<&str> = None;
    for name in &names {
        let Some(value) = by_name.get(name) else {
            skipped.get_or_insert(name);
            continue;
        };
        if let Some(before) = skipped {
            let what = format!("arguments go by their place, so `{name}` needs `{before}` too");
            return Err(Failure::invalid(format!("args.{before}"), what));
        }
        words.push(match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => {
                return Err(Failure::invalid(
                    format!("args.{name}"),
                    "it is a text, a number or a truth value",
                ));
            }
        });
    }
    Ok(words.join(" "))
}

/// The names in a hint such as `[pr-number] <priority>`.
fn declared(hint: &str) -> Vec<String> {
    let parts = hint.split(['[', '<']).skip(1).filter_map(|part| part.split([']', '>']).next());
    let clean = |name: &str| name.trim().trim_start_matches("--").trim_end_matches("...").to_owned();
    parts.map(clean).filter(|name| !name.is_empty()).collect()
}

/// Sums up the conversation to make room in the context window; answers when it is done.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/compact", tag = "control", request_body = Compact,
    params(("id" = String, Path, description = "The session."), ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key.")),
    responses(
        (status = 200, body = VerbReply),
        (status = 202, description = "Recorded (`wait: accepted`).", body = VerbReply),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn compact(
    State(app): State<Shared>,
    Segments(segment): Segments<String>,
    keyed: Keyed,
    body: Body<Compact>,
) -> Answer<Response> {
    let (id, row) = lookup::existing(&app, &segment).await?;
    let Compact { instructions, wait } = body.value;
    let supports = told(&app, &id).await.map(|told| told.supports).unwrap_or_default();
    if let Some(Support::No(why)) = supports.get("compact") {
        return Err(Problem::unsupported(&row.agent, "compact", why).about(&id).into());
    }
    let instructions = instructions.filter(|words| !words.trim().is_empty());
    if instructions.is_some()
        && let Some(Support::No(why)) = supports.get("compact_instructions")
    {
        let problem = Problem::unsupported(&row.agent, "compact_instructions", why).about(&id);
        return Err(Problem { field: Some("instructions".into()), ..problem }.into());
    }
    if !supports.get("compact_command").is_some_and(Support::is_supported) {
        return verbs::run(&app, &segment, keyed, &body.hash, Request::Compact { instructions }, wait).await;
    }
    let text = format!("/compact {}", instructions.unwrap_or_default());
    let send = SendInput {
        input: InputContent::Plain(text.trim_end().to_owned()),
        id: None,
        delivery: Delivery::Queue,
        wait: SendWait::Accepted,
        model: None,
        effort: None,
    };
    let claim = keyed.claim(&app, &body.hash)?;
    let admit = inputs::admit(send)?;
    let Reply::Admitted(receipt) = app.node.call(&id, Request::Admit(admit), claim.key()).await? else {
        return Err(Failure::new(ErrorCode::Internal, "the session answered something else than was asked"));
    };
    let hit = vec![format!("input:{}", receipt.input_id)];
    if wait == VerbWait::Accepted {
        let reply = VerbReply { hit, remained: Vec::new(), session: app.node.view(&id).await? };
        return Ok((StatusCode::ACCEPTED, Json(reply)).into_response());
    }
    let result = inputs::finished(&app, &id, &receipt).await?;
    if result.outcome != Outcome::Completed {
        let why = result.error.map_or_else(|| format!("{:?}", result.outcome).to_lowercase(), |e| e.message);
        return Err(Problem::new(ErrorCode::Conflict, format!("not compacted: {why}")).about(&id).into());
    }
    let reply = VerbReply { hit, remained: Vec::new(), session: app.node.view(&id).await? };
    Ok(Json(reply).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(hint: &str) -> CommandInfo {
        let argument_hint = (!hint.is_empty()).then(|| hint.to_owned());
        CommandInfo { name: "fix".into(), description: String::new(), argument_hint }
    }

    fn typed(hint: &str, args: Value) -> Result<String, ()> {
        line(&command(hint), Some(&args)).map_err(drop)
    }

    #[test]
    fn arguments_are_written_in_the_declared_order() {
        assert_eq!(
            typed("[issue] [priority]", json!({"priority": "high", "issue": 7})),
            Ok("/fix 7 high".into())
        );
        assert_eq!(typed("<file> [--depth]", json!({"file": "a.rs"})), Ok("/fix a.rs".into()));
        assert_eq!(typed("", json!(" all of it ")), Ok("/fix all of it".into()));
        assert_eq!(typed("", Value::Null), Ok("/fix".into()));
    }

    #[test]
    fn what_would_land_in_another_place_is_refused() {
        assert!(typed("[issue] [priority]", json!({"priority": "high"})).is_err());
        assert!(typed("[issue]", json!({"other": 1})).is_err());
        assert!(typed("", json!({"any": 1})).is_err());
        assert!(typed("[issue]", json!([1])).is_err());
        assert!(typed("[issue]", json!({"issue": {"deep": 1}})).is_err());
    }
}
