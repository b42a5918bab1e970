//! Requests that the agent makes to its client, other than permission: files, and whatever the script names.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Ending, Flow, Player};
use crate::script::steps::{FsRead, FsWrite, Terminal};
use crate::turn::{Answer, Waited};

const LONGEST_REQUEST: Duration = Duration::from_secs(60);

impl Player<'_> {
    pub(super) fn fs_read(&mut self, read: &FsRead) -> Flow {
        let mut params = json!({"sessionId": self.session.id, "path": self.session.path(&read.path)});
        for (name, value) in [("line", read.line), ("limit", read.limit)] {
            if let Some(value) = value {
                params[name] = json!(value);
            }
        }
        let words = match self.call("fs/read_text_file", params)? {
            Ok(result) => result["content"].as_str().unwrap_or("(no content)").to_owned(),
            Err(why) => format!("failed: {why}"),
        };
        self.say(&format!("fs_read {}: {words}", read.path))
    }

    pub(super) fn fs_write(&mut self, write: &FsWrite) -> Flow {
        let path = self.session.path(&write.path);
        let params = json!({"sessionId": self.session.id, "path": path, "content": write.text});
        let words = match self.call("fs/write_text_file", params)? {
            Ok(_) => "done".to_owned(),
            Err(why) => format!("failed: {why}"),
        };
        self.say(&format!("fs_write {}: {words}", write.path))
    }

    /// Has a command run by the client, and says how that went.
    pub(super) fn terminal(&mut self, wish: &Terminal) -> Flow {
        let session = self.session.id.clone();
        let variable = |(name, value): (&String, &String)| json!({"name": name, "value": value});
        let env: Vec<Value> = wish.env.iter().map(variable).collect();
        let mut params =
            json!({"sessionId": session, "command": wish.command, "args": wish.args, "env": env});
        if let Some(cwd) = &wish.cwd {
            params["cwd"] = json!(self.session.path(cwd));
        }
        if let Some(limit) = wish.limit {
            params["outputByteLimit"] = json!(limit);
        }
        let id = match self.call("terminal/create", params)? {
            Ok(result) => result["terminalId"].clone(),
            Err(why) => return self.say(&format!("terminal/create failed: {why}")),
        };
        let about = json!({"sessionId": session, "terminalId": id});
        let mut verbs = vec!["terminal/wait_for_exit", "terminal/output", "terminal/release"];
        if wish.kill {
            verbs.insert(0, "terminal/kill");
        }
        let mut told = Vec::new();
        for verb in verbs {
            match self.call(verb, about.clone())? {
                Ok(result) => told.push(result),
                Err(why) => return self.say(&format!("{verb} failed: {why}")),
            }
        }
        let [.., exit, output, _] = told.as_slice() else {
            return self.say("the client answered too little");
        };
        let (code, signal) = (&exit["exitCode"], &exit["signal"]);
        let (text, truncated) = (output["output"].as_str().unwrap_or("(no output)"), &output["truncated"]);
        self.say(&format!("terminal: code {code}, signal {signal}, truncated {truncated}: {text}"))
    }

    pub(super) fn request(&mut self, method: &str, params: Option<Value>) -> Flow {
        let params = params.unwrap_or_else(|| json!({"sessionId": self.session.id}));
        let words = match self.call(method, params)? {
            Ok(result) => format!("answered: {result}"),
            Err(why) => format!("failed: {why}"),
        };
        self.say(&format!("{method} {words}"))
    }

    /// Asks and waits. An error is told in words, with its code.
    fn call(&self, method: &str, params: Value) -> Result<Result<Value, String>, Ending> {
        let id = self.agent.ask_client(self.turn, method, params);
        let waited = self.turn.wait_answer(&id.to_string(), LONGEST_REQUEST);
        match waited {
            Waited::Got(Answer::Result(result)) => Ok(Ok(result)),
            Waited::Got(Answer::Error(error)) => {
                let message = error["message"].as_str().unwrap_or("no message");
                Ok(Err(format!("{} {message}", error["code"])))
            }
            Waited::TimedOut => {
                self.agent.forget_request(&id);
                Ok(Err("no answer".to_owned()))
            }
            Waited::Cancelled => {
                self.agent.forget_request(&id);
                Err(Ending::Cancelled)
            }
        }
    }
}
