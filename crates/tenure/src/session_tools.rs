//! The hidden program `session-tools`: Tenure's own MCP server, which an agent starts for its session when the session
//! was created with `artifact_tool`. It speaks JSON-RPC by lines on standard input and output, as MCP's stdio transport
//! says, and asks the daemon over HTTP with a token that reaches the artifacts of this one session.
//!
//! It has two tools and knows no session but its own. It is not a way for clients to reach Tenure.

use std::ffi::OsString;
use std::io::{BufRead, Read, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use tenure_api::KeepArtifact;
use tenure_client::{Client, Home};
use tenure_event::SessionId;

/// Longest line that is read, in bytes.
const LINE: u64 = 1 << 20;
/// Spoken where a client asks for something that is no version.
const VERSION: &str = "2025-06-18";

/// Reads requests until there are no more.
pub(crate) fn main(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let token = std::env::var("TENURE_TOOLS_TOKEN");
    let (Some(home), Some(session), Ok(token)) = (args.next(), args.next(), token) else {
        return ExitCode::from(2);
    };
    let session = session.to_string_lossy();
    let (Ok(session), Ok(runtime)) =
        (SessionId::parse(&session), tokio::runtime::Builder::new_current_thread().enable_all().build())
    else {
        return ExitCode::from(2);
    };
    let tools = Tools { home: Home::at(home), session, token };
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut input).take(LINE).read_until(b'\n', &mut line) {
            Ok(1..) => {}
            _ => return ExitCode::SUCCESS,
        }
        if let Some(answer) = runtime.block_on(tools.answer(&line))
            && (writeln!(output, "{answer}").is_err() || output.flush().is_err())
        {
            return ExitCode::SUCCESS;
        }
    }
}

struct Tools {
    home: Home,
    session: SessionId,
    token: String,
}

impl Tools {
    /// The answer to a line; none to a notification.
    async fn answer(&self, line: &[u8]) -> Option<Value> {
        let Ok(request) = serde_json::from_slice::<Value>(line) else {
            return Some(failed(&Value::Null, -32700, "this is no JSON, or too long"));
        };
        let (method, id) = (request["method"].as_str(), request.get("id"));
        let Some(method) = method else {
            return id.is_none().then(|| failed(&Value::Null, -32600, "this is no request"));
        };
        let id = id?;
        let result = match method {
            "initialize" => initialized(&request["params"]),
            "ping" => json!({}),
            "tools/list" => json!({"tools": tools()}),
            "tools/call" => match self.call(&request["params"]).await {
                Ok(text) => json!({"content": [{"type": "text", "text": text}], "isError": false}),
                Err(Refusal::NoSuchTool(name)) => {
                    return Some(failed(id, -32602, &format!("there is no tool `{name}`")));
                }
                Err(Refusal::Told(text)) => {
                    json!({"content": [{"type": "text", "text": text}], "isError": true})
                }
            },
            other => return Some(failed(id, -32601, &format!("`{other}` is not known here"))),
        };
        Some(json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    async fn call(&self, params: &Value) -> Result<String, Refusal> {
        let given = &params["arguments"];
        let word = |name: &str| {
            let text = given[name].as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| Refusal::Told(format!("give `{name}`, a text")))
        };
        match params["name"].as_str().unwrap_or_default() {
            "declare_artifact" => {
                let (key, path) = (word("key")?, word("path")?);
                let kept =
                    self.client().await?.keep_artifact(&self.session, &key, &KeepArtifact { path }).await;
                let kept = kept.map_err(|error| Refusal::Told(error.to_string()))?;
                Ok(format!("kept as version {} of `{key}` ({} bytes)", kept.version, kept.bytes))
            }
            "list_artifacts" => {
                let all = self.client().await?.artifacts(&self.session).await;
                let all = all.map_err(|error| Refusal::Told(error.to_string()))?.items;
                let line = |artifact: &tenure_api::Artifact| {
                    let latest = &artifact.latest;
                    format!("{} (version {}, {} bytes)", artifact.key, latest.version, latest.bytes)
                };
                let lines: Vec<String> = all.iter().map(line).collect();
                Ok(if lines.is_empty() { "none yet".to_owned() } else { lines.join("\n") })
            }
            other => Err(Refusal::NoSuchTool(other.to_owned())),
        }
    }

    /// The daemon may have been started again elsewhere since the last call.
    async fn client(&self) -> Result<Client, Refusal> {
        let down = || Refusal::Told("Tenure's daemon does not run just now; try again later".to_owned());
        // The address of a daemon that is gone may be anybody's. If the socket answers, the file is of the daemon that lives.
        Client::discover(&self.home).await.map_err(|_| down())?;
        let file = self.home.daemon_file().ok_or_else(down)?;
        Client::connect(&file.url, Some(&self.token)).await.map_err(|_| down())
    }
}

enum Refusal {
    NoSuchTool(String),
    /// In words for the model.
    Told(String),
}

fn failed(id: &Value, code: i32, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

fn initialized(params: &Value) -> Value {
    // Its tools are the same in every version.
    let asked = params["protocolVersion"].as_str().unwrap_or(VERSION);
    json!({
        "protocolVersion": asked,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "tenure", "version": env!("CARGO_PKG_VERSION")},
    })
}

fn tools() -> Value {
    let key = json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$",
        "description": "What it is called, for example `report`. The same name again makes a new version."});
    let path = json!({"type": "string", "description": "The file, in the working directory."});
    json!([
        {
            "name": "declare_artifact",
            "description": "Keeps a file as a named result of this session, as it is now, so that people find it. Call it when a file that was asked for is finished.",
            "inputSchema": {"type": "object", "properties": {"key": key, "path": path}, "required": ["key", "path"], "additionalProperties": false},
            // It adds a version in Tenure's own keeping: an agent that goes by this need not ask.
            "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": false, "openWorldHint": false},
        },
        {
            "name": "list_artifacts",
            "description": "Lists the named results of this session with their versions.",
            "inputSchema": {"type": "object", "properties": {}, "additionalProperties": false},
            "annotations": {"readOnlyHint": true},
        },
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(line: &str) -> Value {
        let tools = Tools {
            home: Home::at("/nonexistent"),
            session: SessionId::parse("s").expect("an id"),
            token: "t".to_owned(),
        };
        tools.answer(line.as_bytes()).await.unwrap_or(json!("nothing"))
    }

    #[tokio::test]
    async fn requests_get_one_answer_each_and_notifications_none() {
        let hello = ask(
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}"#,
        )
        .await;
        assert_eq!((&hello["id"], &hello["result"]["protocolVersion"]), (&json!(1), &json!("2024-11-05")));
        assert_eq!(ask(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await, "nothing");
        assert_eq!(ask(r#"{"jsonrpc":"2.0","id":9,"result":{}}"#).await, "nothing");
        assert_eq!(
            ask(r#"{"id":"a","method":"tools/list"}"#).await["result"]["tools"][0]["name"],
            "declare_artifact"
        );
        for (line, code) in [
            ("{", -32700),
            ("[]", -32600),
            (r#"{"id":1,"method":"resources/list"}"#, -32601),
            (r#"{"id":1,"method":"tools/call","params":{"name":"rm"}}"#, -32602),
        ] {
            assert_eq!(ask(line).await["error"]["code"], code, "{line}");
        }
        for (arguments, says) in
            [(json!({"key": "a"}), "`path`"), (json!({"key": "a", "path": "b"}), "does not run")]
        {
            let call = json!({"id": 1, "method": "tools/call", "params": {"name": "declare_artifact", "arguments": arguments}});
            let result = ask(&call.to_string()).await["result"].clone();
            assert_eq!(result["isError"], true);
            assert!(
                result["content"][0]["text"].as_str().is_some_and(|text| text.contains(says)),
                "{result}"
            );
        }
    }
}
