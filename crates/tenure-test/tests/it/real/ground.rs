//! What every test with a real agent starts with.

use std::path::PathBuf;

use serde_json::{Value, json};
use tenure_model::{Model, RecordedRequest, Script};
use tenure_test::agents::{AgentSetup, claude, claude_acp, codex, codex_acp, goose, opencode, pi};
use tenure_test::daemon::{Answer, Setup, TestDaemon, TestSession};

/// A real agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Claude,
    /// Claude Code behind its adapter, which speaks version 2 of ACP.
    ClaudeAcp,
    Codex,
    /// Codex behind its adapter, which does so too.
    CodexAcp,
    Goose,
    OpenCode,
    Pi,
}

impl Kind {
    pub(crate) const ALL: [Self; 7] =
        [Self::Claude, Self::ClaudeAcp, Self::Codex, Self::CodexAcp, Self::Goose, Self::OpenCode, Self::Pi];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::ClaudeAcp => "claude-agent-acp",
            Self::Codex => "codex",
            Self::CodexAcp => "codex-acp",
            Self::Goose => "goose",
            Self::OpenCode => "opencode",
            Self::Pi => "pi",
        }
    }

    /// The tool that runs a shell command, as the model calls it.
    pub(crate) fn shell(self, command: &str) -> (&'static str, Value) {
        match self {
            Self::Claude | Self::ClaudeAcp => ("Bash", json!({"command": command, "description": "run it"})),
            // It would go on without the command after ten seconds.
            Self::Codex => ("exec_command", json!({"cmd": command, "yield_time_ms": 30_000})),
            // None of its modes asks for what its sandbox allows, which not every machine has.
            Self::CodexAcp => {
                let input = json!({"cmd": command, "yield_time_ms": 30_000,
                    "sandbox_permissions": "require_escalated", "justification": "Run it?"});
                ("exec_command", input)
            }
            Self::Goose => ("shell", json!({"command": command})),
            Self::Pi => ("bash", json!({"command": command})),
            Self::OpenCode => ("bash", json!({"command": command, "description": "run it"})),
        }
    }

    /// A script that runs a shell command and then says something.
    pub(crate) fn shell_then(self, command: &str, text: &str) -> Script {
        let (tool, input) = self.shell(command);
        Script::new().tool(tool, input).text(text)
    }
}

/// What the agent says of a verb: it can, or why not.
pub(crate) async fn support(session: &TestSession, verb: &str) -> Result<(), String> {
    match &session.view().await["capabilities"]["supports"][verb] {
        Value::Bool(true) => Ok(()),
        Value::String(why) => Err(why.clone()),
        other => panic!("{verb} is not in the table: {other}"),
    }
}

/// A refusal by name, with the reason that the table gives.
pub(crate) fn refused(kind: Kind, answer: Answer, verb: &str, why: &str) {
    let problem = answer.says(422, "unsupported", &[why]);
    assert_eq!((&problem["agent"], &problem["capability"]), (&json!(kind.name()), &json!(verb)));
}

/// A daemon with one real agent, and its model.
pub(crate) struct Ground {
    pub(crate) daemon: TestDaemon,
    pub(crate) model: Model,
    pub(crate) work: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) agent: AgentSetup,
}

impl Ground {
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::with(kind, |agent| agent).await
    }

    /// With the agent's setup changed.
    pub(crate) async fn with(kind: Kind, change: impl FnOnce(AgentSetup) -> AgentSetup) -> Self {
        Self::on(TestDaemon::setup(), kind, change).await
    }

    /// With a variable in the daemon's environment.
    pub(crate) async fn with_env(kind: Kind, name: &str, value: &str) -> Self {
        Self::on(TestDaemon::setup().env(name, value), kind, |agent| agent).await
    }

    async fn on(setup: Setup, kind: Kind, change: impl FnOnce(AgentSetup) -> AgentSetup) -> Self {
        let model = Model::start().unwrap();
        let agent = match kind {
            Kind::Claude => claude(&model.url(), setup.scratch()),
            Kind::ClaudeAcp => claude_acp(&model.url(), setup.scratch()),
            Kind::CodexAcp => codex_acp(&model.url(), setup.scratch()),
            Kind::Codex => codex(&model.url(), setup.scratch()),
            Kind::Goose => goose(&model.url(), setup.scratch()),
            Kind::OpenCode => opencode(&model.url(), setup.scratch()),
            Kind::Pi => pi(&model.url(), setup.scratch()),
        };
        let agent = change(agent.unwrap());
        // On a busy machine OpenCode alone takes longer to start than a person would wait.
        let setup = setup.config("[sessions]\nstart_seconds = 140");
        let daemon = setup.agent(kind.name(), &agent).start().await;
        let work = daemon.workdir();
        Self { daemon, model, work, kind, agent }
    }

    /// A session that asks a person.
    pub(crate) async fn session(&self) -> TestSession {
        self.session_with(json!({})).await
    }

    /// A session in which Tenure allows everything.
    pub(crate) async fn trusting(&self) -> TestSession {
        self.session_with(json!({"permissions": {"default": "allow"}})).await
    }

    /// A session with more fields in its request.
    pub(crate) async fn session_with(&self, more: Value) -> TestSession {
        let mut request = json!({"agent": self.kind.name(), "cwd": self.work, "wait": "live"});
        if self.kind == Kind::Codex {
            // Its default asks for nothing inside its sandbox, which not every machine has.
            request["mode"] = json!("untrusted/danger-full-access");
        }
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        self.daemon.create(&request).await
    }

    /// What the model was asked within the conversation: some agents have a title made beside it.
    pub(crate) fn calls(&self) -> Vec<RecordedRequest> {
        let mut calls = self.model.scripted_calls();
        let titles = ["Write the title in the predominant language", "generate a very short title"];
        calls.retain(|call| !titles.iter().any(|words| call.body.to_string().contains(words)));
        calls
    }

    /// A file of the workspace, as text.
    pub(crate) fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.work.join(name)).ok()
    }
}
