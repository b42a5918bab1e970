//! What is asked of the daemon: each step's word as a call of the client.

use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tenure_api::{AnswerAsk, KeepArtifact, SendInput, SessionPatch};
use tenure_client::{
    Client, ClientError, ExecPiece, FileBody, FileSearch, GrepPattern, MessageFilter, SessionFilter,
    TurnEvent,
};
use tenure_event::{SessionId, TextKind};

mod machine;
mod past;
mod tools;

type Asked = Result<Value, ClientError>;

/// The rest of the arguments, as what the client takes.
fn to<T: DeserializeOwned>(args: Value) -> T {
    serde_json::from_value(args).unwrap()
}

fn of<T: Serialize>(answer: T) -> Asked {
    Ok(serde_json::to_value(answer).unwrap())
}

/// What is in a list.
fn items(page: impl Serialize) -> Asked {
    Ok(serde_json::to_value(page).unwrap()["items"].take())
}

fn text(args: &Value, name: &str) -> String {
    args[name].as_str().unwrap_or_else(|| panic!("no {name} in {args}")).to_owned()
}

/// One argument on its own, and the others.
fn without(mut args: Value, name: &str) -> (Value, Value) {
    let one = args.as_object_mut().unwrap().remove(name).unwrap_or_default();
    (one, args)
}

pub(super) async fn ask(client: &Client, id: Option<&SessionId>, what: &str, args: Value) -> Asked {
    match what {
        "create" => of(client.create(to(args)).await?),
        "list" => items(client.sessions(&to::<SessionFilter>(args)).await?),
        "info" => of(client.info().await?),
        "agents" => items(client.agents().await?),
        "all_asks" => items(client.asks(false).await?),
        "answer" => {
            let (ask, answer) = without(args, "ask_id");
            of(client.answer(&to(ask), &to::<AnswerAsk>(answer)).await?)
        }
        "index" | "rebuild_index" | "history" | "adopt" | "past" | "past_messages" | "past_transcript"
        | "search" | "usage" => past::ask(client, what, args).await,
        _ => match machine::ask(client, what, &args).await {
            Some(asked) => asked,
            None => {
                of_session(client, id.unwrap_or_else(|| panic!("no session for {what}")), what, args).await
            }
        },
    }
}

async fn of_session(client: &Client, id: &SessionId, what: &str, args: Value) -> Asked {
    match what {
        "get" => of(client.session(id).await?),
        "fork" => of(client.fork(id, to(args)).await?),
        "update" => of(client.update(id, &to::<SessionPatch>(args)).await?),
        "destroy" => of(client.destroy(id, args["keep_transcript"] == true).await?),
        "send" => send(client, id, args).await,
        "enqueue" => of(client.send(id, to(args)).await?),
        "inputs" => items(client.inputs(id).await?),
        "cancel" => of(client.cancel_input(id, &to(args["input_id"].clone())).await?),
        "edit" => of(client.edit_input(id, &to(args["input_id"].clone()), to(args["input"].clone())).await?),
        "events" => events(client, id, &args).await,
        "rows" => rows(client, id, &args).await,
        "raw" => items(client.raw(id, None, None).await?),
        "blob" => Ok(string(client.blob(id, &text(&args, "hash")).await?)),
        "process" => of(client.process(id).await?),
        "asks" => items(client.session_asks(id, false).await?),
        "messages" => messages(client, id, &args).await,
        "transcript" => Ok(string(client.transcript(id, &text(&args, "format")).await?)),
        _ => of_control(client, id, what, args).await,
    }
}

async fn of_control(client: &Client, id: &SessionId, what: &str, args: Value) -> Asked {
    match what {
        "interrupt" => of(client.interrupt(id, to(args)).await?),
        "suspend" => of(client.suspend(id, to(args)).await?),
        "resume" => of(client.resume(id, to(args)).await?),
        "close" => of(client.close(id, to(args)).await?),
        "kill" => of(client.kill(id, to(args)).await?),
        "clear" => of(client.clear(id, to(args)).await?),
        "compact" => of(client.compact(id, &to(args)).await?),
        "config" if args.as_object().is_some_and(serde_json::Map::is_empty) => of(client.config(id).await?),
        "config" => of(client.configure(id, &to(args)).await?),
        "capabilities" => of(client.capabilities(id).await?),
        "todos" => items(client.todos(id).await?),
        "tasks" => items(client.tasks(id).await?),
        "metrics" => of(client.metrics(id).await?),
        "command" => {
            let (name, how) = without(args, "name");
            of(client.run_command(id, name.as_str().unwrap(), to(how)).await?)
        }
        "mcp" | "set_mcp" | "reconnect_mcp" | "enable_mcp" | "disable_mcp" | "task" | "stop_task" => {
            tools::ask(client, id, what, args).await
        }
        "rewind" => of(client.rewind(id, &to(args)).await?),
        "undo_rewind" => of(client.undo_rewind(id, to(args)).await?),
        _ => of_work(client, id, what, args).await,
    }
}

async fn of_work(client: &Client, id: &SessionId, what: &str, args: Value) -> Asked {
    let path = args["path"].as_str().unwrap_or_default();
    let search = FileSearch { glob: args["glob"].as_str().map(str::to_owned), ..FileSearch::default() };
    let recursive = args["recursive"] == true;
    match what {
        "exec" => of(client.exec(id, &to(args)).await?),
        "exec_stream" => exec_stream(client, id, args).await,
        "write_file" => of(client.write_file(id, path, None, body(&text(&args, "text"))).await?),
        "read_file" => Ok(string(whole(client.read_file(id, path).await?).await?)),
        "remove_file" => of(client.remove_file(id, path, recursive).await?),
        "make_directory" => of(client.make_dir(id, path).await?),
        "stat_file" => of(client.stat_file(id, path).await?),
        "list_files" => items(client.list_files(id, path, None, None).await?),
        "find_files" => items(client.find_files(id, &search).await?),
        "grep_files" => {
            let pattern = GrepPattern { pattern: text(&args, "pattern"), ..GrepPattern::default() };
            items(client.grep_files(id, &pattern, &search).await?)
        }
        "keep_artifact" => {
            let key = text(&args, "key");
            match args["text"].as_str() {
                Some(text) => of(client.write_artifact(id, &key, body(text)).await?),
                None => {
                    of(client.keep_artifact(id, &key, &to::<KeepArtifact>(json!({"path": path}))).await?)
                }
            }
        }
        "read_artifact" => {
            let read = client.read_artifact(id, &text(&args, "key"), args["version"].as_u64()).await?;
            Ok(string(whole(read).await?))
        }
        "artifacts" => items(client.artifacts(id).await?),
        _ => of_checkpoints(client, id, what, args).await,
    }
}

async fn of_checkpoints(client: &Client, id: &SessionId, what: &str, args: Value) -> Asked {
    match what {
        "checkpoints" => checkpoints(client, id, &args).await,
        "diff_checkpoint" => of(client.checkpoint_diff(id, &to(args["id"].clone()), None).await?),
        "create_checkpoint" => of(client.create_checkpoint(id, &to(args)).await?),
        "restore_checkpoint" => {
            let (point, how) = without(args, "id");
            of(client.restore_checkpoint(id, &to(point), to(how)).await?)
        }
        _ => panic!("a step {what}"),
    }
}

async fn send(client: &Client, id: &SessionId, args: Value) -> Asked {
    let (answers, input) = without(args, "answers");
    let mut answers = answers.as_array().cloned().unwrap_or_default().into_iter();
    let (mut said, mut thought, mut tools) = (String::new(), String::new(), Vec::new());
    let mut turn = client.stream(id, to::<SendInput>(input)).await?;
    while let Some(event) = turn.next().await {
        match event? {
            TurnEvent::Text { kind: TextKind::Text, text, .. } => said += &text,
            TurnEvent::Text { kind: TextKind::Thought, text, .. } => thought += &text,
            TurnEvent::ToolStarted(tool) => tools.push(format!("started {}", tool.tool)),
            TurnEvent::ToolCompleted(tool) => tools.push(format!("completed {}", tool.tool)),
            TurnEvent::Ask(ask) => {
                if let Some(answer) = answers.next() {
                    client.answer(&ask.id, &to(answer)).await?;
                }
            }
            TurnEvent::Result(result) => {
                return Ok(json!({"text": said, "thought": thought, "tools": tools, "result": result}));
            }
            TurnEvent::Event(_) | TurnEvent::Connection { .. } => {}
        }
    }
    panic!("a turn without a result")
}

async fn events(client: &Client, id: &SessionId, args: &Value) -> Asked {
    let types: Vec<String> = if args["types"].is_null() { Vec::new() } else { to(args["types"].clone()) };
    let limit = args["limit"].as_u64().map_or(1000, |limit| u32::try_from(limit).unwrap());
    let mut all: Vec<Value> = Vec::new();
    let mut after = Some(args["after"].as_u64().unwrap_or_default());
    while let Some(from) = after {
        let (page, next) = client.events(id, from, limit, &types).await?;
        all.extend(page.iter().map(|event| serde_json::from_str::<Value>(&event.json).unwrap()));
        after = next;
    }
    Ok(json!(all))
}

async fn rows(client: &Client, id: &SessionId, args: &Value) -> Asked {
    let limit = args["limit"].as_u64().map_or(1000, |limit| u32::try_from(limit).unwrap());
    let (mut all, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let (page, next) = client.rows(id, from, limit).await?;
        all.extend(page);
        after = next;
    }
    of(all)
}

async fn checkpoints(client: &Client, id: &SessionId, args: &Value) -> Asked {
    let limit = args["limit"].as_u64().map_or(1000, |limit| u32::try_from(limit).unwrap());
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = client.checkpoints(id, limit, cursor.as_deref()).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return of(all),
        }
    }
}

async fn messages(client: &Client, id: &SessionId, args: &Value) -> Asked {
    let limit = args["limit"].as_u64().map(|limit| u32::try_from(limit).unwrap());
    let mut filter = MessageFilter { limit, ..MessageFilter::default() };
    let mut all = Vec::new();
    loop {
        let page = client.messages(id, &filter).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => filter.cursor = Some(next),
            None => return of(all),
        }
    }
}

async fn exec_stream(client: &Client, id: &SessionId, args: Value) -> Asked {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut run = client.exec_stream(id, &to(args)).await?;
    while let Some(piece) = run.next().await? {
        match piece {
            ExecPiece::Started(_) => {}
            ExecPiece::Stdout(bytes) => stdout.extend(bytes),
            ExecPiece::Stderr(bytes) => stderr.extend(bytes),
            ExecPiece::Ended(result) => {
                return Ok(json!({"stdout": string(stdout), "stderr": string(stderr), "result": result}));
            }
        }
    }
    panic!("a command without an end")
}

fn string(bytes: Vec<u8>) -> Value {
    Value::String(String::from_utf8(bytes).unwrap())
}

fn body(text: &str) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static {
    stream::iter([Ok(bytes::Bytes::from(text.to_owned()))]).boxed()
}

async fn whole(mut body: FileBody) -> Result<Vec<u8>, ClientError> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
