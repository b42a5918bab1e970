//! A server that a file describes: what is started, where it is found, and three requests as templates.
//!
//! In every string `{program}` is the binary that is measured (its agent is `{program} scripted-agent`, over ACP),
//! `{home}` a scratch directory, `{work}` a directory in it, `{token}` the token, `{session}` and `{text}` what the
//! request is about. Answers are read by JSON pointers. docs/benchmarks.md tells the fields.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Map, Value};

use super::Server;
use crate::bench::daemon::{end_processes_of, program};
use crate::process;
use crate::wire::{Client, Endpoint};

/// How long a server may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every field that a description may have.
const FIELDS: [&str; 11] =
    ["name", "start", "env", "files", "ready", "url", "token_file", "headers", "create", "send", "follow"];

/// A described server.
pub(crate) struct Generic {
    name: String,
    described: Value,
    home: PathBuf,
    child: Option<Child>,
    endpoint: Endpoint,
}

impl Generic {
    /// Starts it, if its description says how, and finds it.
    pub(crate) fn start(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read(file).with_context(|| file.display().to_string())?;
        let described: Value = serde_json::from_slice(&text).with_context(|| file.display().to_string())?;
        let fields = described.as_object().context("the description is a JSON object")?;
        if let Some(unknown) = fields.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            bail!("`{unknown}` is no field of a description; there are {}", FIELDS.join(", "));
        }
        let name = described["name"].as_str().context("`name` is missing")?.to_owned();
        let home = std::env::temp_dir().join(format!("tenure-bench-{}-other", std::process::id()));
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(home.join("work"))?;
        let endpoint = Endpoint { address: String::new(), headers: String::new() };
        let mut server = Self { name, described, home, child: None, endpoint };
        server.write_files()?;
        server.spawn()?;
        server.find()?;
        Ok(server)
    }

    fn filled(&self, text: &str) -> String {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        text.replace("{program}", &path(&program()))
            .replace("{home}", &path(&self.home))
            .replace("{work}", &path(&self.home.join("work")))
    }

    fn write_files(&self) -> anyhow::Result<()> {
        for (name, text) in entries(&self.described["files"]) {
            std::fs::write(self.home.join(name), self.filled(text.as_str().unwrap_or_default()))?;
        }
        Ok(())
    }

    fn spawn(&mut self) -> anyhow::Result<()> {
        let words = self.described["start"].as_array().cloned().unwrap_or_default();
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(|w| self.filled(w)).collect();
        let Some((first, args)) = words.split_first() else { return Ok(()) };
        let mut command = process::program(first);
        command.args(args).env_clear().env("HOME", &self.home).current_dir(&self.home);
        for (name, value) in entries(&self.described["env"]) {
            command.env(name, self.filled(value.as_str().unwrap_or_default()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(std::fs::File::create(self.home.join("stderr"))?);
        self.child = Some(command.spawn().with_context(|| format!("{first} cannot be started"))?);
        Ok(())
    }

    /// Waits until it answers, and learns its address and token.
    fn find(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(address) = self.address()
                && TcpStream::connect(&address).is_ok()
            {
                let token = self.described["token_file"].as_str().map(|name| self.home.join(name));
                let token = token.map(std::fs::read_to_string).transpose().context("token_file")?;
                let token = token.unwrap_or_default();
                let field = |(name, value): (&String, &Value)| {
                    let value = value.as_str().unwrap_or_default().replace("{token}", token.trim());
                    format!("{name}: {value}\r\n")
                };
                let headers = entries(&self.described["headers"]).map(field).collect();
                self.endpoint = Endpoint { address, headers };
                return Ok(());
            }
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                let said = std::fs::read_to_string(self.home.join("stderr")).unwrap_or_default();
                bail!("{} ended with {status}: {said}", self.name);
            }
            ensure!(begun.elapsed() < PATIENCE, "{} did not answer within {PATIENCE:?}", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn address(&self) -> Option<String> {
        let url = match self.described["ready"]["file"].as_str() {
            Some(file) => {
                let told: Value = serde_json::from_slice(&std::fs::read(self.home.join(file)).ok()?).ok()?;
                told.pointer(self.described["ready"]["url"].as_str()?)?.as_str()?.to_owned()
            }
            None => self.described["url"].as_str()?.to_owned(),
        };
        Some(url.trim_start_matches("http://").trim_end_matches('/').to_owned())
    }

    /// Makes one of the described requests.
    fn ask(&self, what: &str, session: &str, text: &str) -> anyhow::Result<Value> {
        let request = &self.described[what];
        let path = self.path(what, session)?;
        let body = request.get("body").map(|body| self.body(body, session, text));
        let method = request["method"].as_str().unwrap_or("POST");
        Client::connect(&self.endpoint)?.call(method, &path, body.as_ref())
    }

    fn path(&self, what: &str, session: &str) -> anyhow::Result<String> {
        let path = self.described[what]["path"].as_str();
        let path = path.with_context(|| format!("`{what}.path` is missing"))?;
        Ok(path.replace("{session}", session))
    }

    fn body(&self, template: &Value, session: &str, text: &str) -> Value {
        let within = |value: &Value| self.body(value, session, text);
        match template {
            Value::String(word) => {
                // What is sent comes last: what looks like a place in it is none.
                Value::String(self.filled(word).replace("{session}", session).replace("{text}", text))
            }
            Value::Array(items) => Value::Array(items.iter().map(within).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, value)| (name.clone(), within(value))).collect())
            }
            other => other.clone(),
        }
    }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

impl Server for Generic {
    fn name(&self) -> &str {
        &self.name
    }

    fn create(&mut self) -> anyhow::Result<String> {
        let created = self.ask("create", "", "")?;
        let pointer = self.described["create"]["id"].as_str().context("`create.id` is missing")?;
        let id =
            created.pointer(pointer).with_context(|| format!("no session id at {pointer}: {created}"))?;
        Ok(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
    }

    fn send(&mut self, session: &str, text: &str) -> anyhow::Result<()> {
        self.ask("send", session, text).map(drop)
    }

    fn follow(&self, session: &str) -> anyhow::Result<(Endpoint, String)> {
        Ok((self.endpoint.clone(), self.path("follow", session)?))
    }
}

impl Drop for Generic {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        end_processes_of(&self.home);
        let _ = std::fs::remove_dir_all(&self.home);
    }
}
