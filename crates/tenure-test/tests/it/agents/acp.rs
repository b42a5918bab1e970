//! The few calls of ACP v1 that a turn needs, for any agent that speaks it.

use serde_json::{Value, json};

use super::driver::Driver;

/// A session of an ACP agent.
pub(crate) struct Session {
    pub(crate) driver: Driver,
    id: Value,
    calls: u64,
}

impl Session {
    /// Shakes hands and opens a session in `work`.
    pub(crate) fn open(driver: Driver, work: &std::path::Path) -> Self {
        let mut session = Self { driver, id: Value::Null, calls: 0 };
        let capabilities = json!({"fs": {"readTextFile": false, "writeTextFile": false}, "terminal": false});
        let hello = session.call(
            "initialize",
            &json!({"protocolVersion": 1, "clientCapabilities": capabilities}),
            |_| {},
        );
        assert_eq!(hello.1["protocolVersion"], 1);
        let new = session.call("session/new", &json!({"cwd": work, "mcpServers": []}), |_| {});
        session.id = new.1["sessionId"].clone();
        session
    }

    /// Sends a prompt; gives the messages until its answer, and the answer.
    pub(crate) fn prompt(&mut self, text: &str) -> (Vec<Value>, Value) {
        self.prompt_watched(text, |_| {})
    }

    /// As [`Session::prompt`]; `watch` sees all messages so far whenever one comes.
    pub(crate) fn prompt_watched(&mut self, text: &str, watch: impl FnMut(&[Value])) -> (Vec<Value>, Value) {
        let prompt = json!({"sessionId": self.id, "prompt": [{"type": "text", "text": text}]});
        self.call("session/prompt", &prompt, watch)
    }

    fn call(&mut self, method: &str, params: &Value, mut watch: impl FnMut(&[Value])) -> (Vec<Value>, Value) {
        self.calls += 1;
        let id = self.calls;
        self.driver.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        let mut seen = Vec::new();
        loop {
            let message = self.driver.next();
            if message["method"].is_null() && message["id"] == id {
                if message["result"].is_null() {
                    self.driver.fail(&format!("{method} failed"));
                }
                return (seen, message["result"].clone());
            }
            self.answer(&message);
            seen.push(message);
            watch(&seen);
        }
    }

    /// Allows what is asked, once; refuses any other request.
    fn answer(&mut self, message: &Value) {
        if message["id"].is_null() {
            return;
        }
        let mut answer = json!({"jsonrpc": "2.0", "id": message["id"]});
        if message["method"] == "session/request_permission" {
            let options = message["params"]["options"].as_array().unwrap();
            let once = options.iter().find(|option| option["kind"] == "allow_once").unwrap();
            answer["result"] = json!({"outcome": {"outcome": "selected", "optionId": once["optionId"]}});
        } else {
            answer["error"] = json!({"code": -32601, "message": "not offered"});
        }
        self.driver.send(&answer);
    }
}

/// The text that the agent said in these messages.
pub(crate) fn said(seen: &[Value]) -> String {
    let updates = seen.iter().map(|message| &message["params"]["update"]);
    let chunks = updates.filter(|update| update["sessionUpdate"] == "agent_message_chunk");
    chunks.filter_map(|update| update["content"]["text"].as_str()).collect()
}

/// How often a permission was asked for.
pub(crate) fn asks(seen: &[Value]) -> usize {
    seen.iter().filter(|message| message["method"] == "session/request_permission").count()
}
