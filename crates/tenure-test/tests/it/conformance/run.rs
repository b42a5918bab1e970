//! One case with one agent: its steps in their order, those for later beside them.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tenure_api::TokenScope;
use tenure_client::{Client, ClientError, Home};
use tenure_event::SessionId;
use tenure_model::Model;
use tenure_test::agents::claude;
use tenure_test::daemon::TestDaemon;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ask::ask;
use super::follower::Follower;
use super::words::{Case, Step, filled, fits};
use super::{node, suite};

/// How long a step may take.
const LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone)]
pub(super) struct Run(Arc<Inner>);

struct Inner {
    daemon: TestDaemon,
    /// What Claude Code asks; it lives as long as the run.
    _model: Option<Model>,
    kept: Mutex<HashMap<String, Value>>,
    clients: Mutex<HashMap<String, Client>>,
    followers: Mutex<HashMap<String, Arc<Follower>>>,
    later: tokio::sync::Mutex<HashMap<String, JoinHandle<Value>>>,
}

impl Run {
    pub(super) async fn start(case: &Case, agent: &str) -> Self {
        // Clients by TCP find a daemon again that comes back where it was.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap();
        let mut setup = TestDaemon::setup().args(&["--listen", &free.to_string()]);
        let mut model = None;
        if agent == "claude" {
            let started = Model::start().unwrap();
            let real = claude(&started.url(), setup.scratch()).unwrap();
            let roots = json!([real.var("CLAUDE_CONFIG_DIR").unwrap()]);
            let past = format!("[history.claude]\nroots = {roots}");
            (setup, model) = (setup.agent("claude", &real).config(&past), Some(started));
        }
        let daemon = setup.start().await;
        let mut kept = HashMap::from([
            ("agent".to_owned(), json!(agent)),
            ("cwd".to_owned(), json!(daemon.workdir().display().to_string())),
            ("node".to_owned(), json!(node())),
            ("tools".to_owned(), json!(suite().join("tools.mjs"))),
        ]);
        for (name, value) in &case.agents[agent] {
            let value = filled(value, &kept);
            kept.insert(name.clone(), value);
        }
        let client = Client::discover(&Home::at(daemon.home())).await.unwrap();
        Self(Arc::new(Inner {
            daemon,
            _model: model,
            kept: Mutex::new(kept),
            clients: Mutex::new(HashMap::from([(String::new(), client)])),
            followers: Mutex::default(),
            later: tokio::sync::Mutex::default(),
        }))
    }

    pub(super) async fn run(self, case: &Case) {
        for (i, step) in case.steps.iter().enumerate() {
            let place = format!("{}: step {}, {} {:?}", case.name, i + 1, step.what, step.with);
            let (run, step) = (self.clone(), step.clone());
            let (name, later) = (step.name.clone().unwrap_or_default(), step.later);
            let done = tokio::spawn(async move {
                let outcome = timeout(LIMIT, run.judged(&step)).await;
                outcome
                    .unwrap_or_else(|_| panic!("{place}: it takes over 60 s"))
                    .unwrap_or_else(|why| panic!("{place}: {why}"))
            });
            if later {
                self.0.later.lock().await.insert(name, done);
            } else {
                done.await.unwrap();
            }
        }
    }

    /// Does a step, and holds what comes of it against what is expected.
    async fn judged(&self, step: &Step) -> Result<Value, String> {
        let outcome = match (self.act(step).await, &step.fails) {
            (Ok(outcome), None) => outcome,
            (Ok(outcome), Some(_)) if step.what == "race" => outcome,
            (Ok(outcome), Some(_)) => return Err(format!("it did not fail: {outcome}")),
            (Err(error), None) => return Err(error.to_string()),
            (Err(error), Some(pattern)) => return self.failed(pattern, &error).map(|()| Value::Null),
        };
        let session = matches!(step.what.as_str(), "create" | "fork" | "adopt").then(|| "s".to_owned());
        if let Some(name) = step.name.clone().or(session) {
            self.0.kept.lock().unwrap().insert(name, outcome.clone());
        }
        if let Some(pattern) = &step.expect {
            let pattern = self.filled(pattern);
            if !fits(&pattern, &outcome) {
                return Err(format!("{outcome} does not fit {pattern}"));
            }
        }
        Ok(outcome)
    }

    fn failed(&self, pattern: &Value, error: &ClientError) -> Result<(), String> {
        let seen = match error {
            ClientError::Problem(problem) => json!({
                "code": problem.code, "status": problem.status, "field": problem.field, "agent": problem.agent,
                "capability": problem.capability, "scope": problem.data.as_ref().map(|data| &data["scope"]),
            }),
            ClientError::Cancelled { .. } => json!({"code": "cancelled"}),
            other => return Err(other.to_string()),
        };
        let pattern = self.filled(pattern);
        if fits(&pattern, &seen) { Ok(()) } else { Err(format!("{seen} does not fit {pattern}: {error}")) }
    }

    fn filled(&self, value: &Value) -> Value {
        filled(value, &self.0.kept.lock().unwrap())
    }

    async fn act(&self, step: &Step) -> Result<Value, ClientError> {
        let args = self.filled(&Value::Object(step.with.clone()));
        let name = step.name.clone().unwrap_or_default();
        let client = self.client(step.via.as_deref().unwrap_or_default());
        match step.what.as_str() {
            "connect" => self.connect(&name, &args).await?,
            "kill_daemon" => self.0.daemon.kill_9(),
            "start_daemon" => self.0.daemon.restart().await,
            "leave" => self.leave(&args),
            "join" => return Ok(self.join(args["of"].as_str().unwrap()).await),
            "race" => self.race(step).await,
            "follow" => {
                let follower = Follower::start(&client, &self.session(step).unwrap(), &args);
                self.0.followers.lock().unwrap().insert(name, Arc::new(follower));
            }
            "until" => return Ok(self.follower(&args).until(&args["event"]).await),
            "exact" => self.follower(&args).exact().await,
            other => return ask(&client, self.session(step).as_ref(), other, args).await,
        }
        Ok(Value::Null)
    }

    /// A file of another tool, below the user's home.
    fn leave(&self, args: &Value) {
        let file = self.0.daemon.user().join(args["path"].as_str().unwrap());
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        let lines = args["lines"].as_array().unwrap().iter().map(|line| format!("{line}\n"));
        std::fs::write(file, lines.collect::<String>()).unwrap();
    }

    /// Those that run at once, of which one succeeds.
    async fn race(&self, step: &Step) {
        let all = futures_util::future::join_all(step.steps.iter().map(|one| self.act(one))).await;
        let lost: Vec<_> = all.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!(lost.len(), all.len() - 1, "one must win, and one alone: {all:?}");
        for error in lost {
            self.failed(step.fails.as_ref().unwrap(), error).unwrap();
        }
    }

    async fn join(&self, of: &str) -> Value {
        let begun = self.0.later.lock().await.remove(of);
        begun.unwrap_or_else(|| panic!("nothing was begun as {of}")).await.unwrap()
    }

    async fn connect(&self, name: &str, args: &Value) -> Result<(), ClientError> {
        let token = match args["token"].as_str() {
            Some("home") => self.0.daemon.token(),
            Some("wrong") => "wrong".to_owned(),
            _ => {
                let scope: TokenScope = serde_json::from_value(args["token"].clone()).unwrap();
                self.client("").token_add(&format!("t-{name}"), scope).await?.token
            }
        };
        let client = match args["by"].as_str() {
            Some("tcp") => Client::connect(&self.0.daemon.url(), Some(&token)).await?,
            _ => Client::discover(&Home::at(self.0.daemon.home())).await?,
        };
        self.0.clients.lock().unwrap().insert(name.to_owned(), client);
        Ok(())
    }

    fn client(&self, name: &str) -> Client {
        self.0.clients.lock().unwrap().get(name).unwrap_or_else(|| panic!("no client {name}")).clone()
    }

    fn follower(&self, args: &Value) -> Arc<Follower> {
        self.0.followers.lock().unwrap()[args["of"].as_str().unwrap()].clone()
    }

    fn session(&self, step: &Step) -> Option<SessionId> {
        let kept = self.0.kept.lock().unwrap();
        kept.get(step.on.as_deref().unwrap_or("s"))?["id"].as_str()?.parse().ok()
    }
}
