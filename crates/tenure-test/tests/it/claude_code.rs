//! `tenure_client::claude_code`, each function, with real Claude Code against a scripted model.

use std::path::Path;

use futures_util::StreamExt;
use serde_json::json;
use tenure_api::{CreateSession, ErrorCode, ExecRequest, ResumeRequest};
use tenure_client::claude_code::{
    Collected, Health, ListOptions, MessageOptions, ProjectPath, Session, TurnStream, Unhealthy,
};
use tenure_client::{Client, ClientError, TurnEvent};
use tenure_event::McpStatus;
use tenure_model::Script;

use crate::conformance::node;
use crate::real::{Ground, Kind};

/// A session that asks nobody before a tool runs.
fn request(ground: &Ground) -> CreateSession {
    let permissions = serde_json::from_value(json!({"default": "allow"})).unwrap();
    let cwd = Some(ground.work.display().to_string());
    CreateSession { agent: "claude".into(), cwd, permissions, ..CreateSession::default() }
}

async fn ground() -> (Ground, Client) {
    let ground = Ground::new(Kind::Claude).await;
    let client = ground.daemon.client().await;
    (ground, client)
}

async fn said(session: &Session, script: &Script) -> Collected {
    session.stream(script.prompt("Please.")).await.unwrap().collected().await.unwrap()
}

#[tokio::test]
async fn knows_nothing_before_the_handshake_and_before_the_first_turn() {
    let (ground, client) = ground().await;
    let idle = CreateSession { start: Some(false), ..request(&ground) };
    let session = Session::start(&client, idle).await.unwrap();
    assert_eq!(session.health().await, Health::Unhealthy(Unhealthy::Provisioning));
    assert!(session.alive().await);
    assert_eq!(session.session_id().await.unwrap(), None);
    assert_eq!(session.server_info().await.unwrap(), None);
    assert_eq!(session.account_info().await.unwrap(), None);
    assert!(session.supported_models().await.unwrap().is_empty());
    assert!(session.get_messages(MessageOptions::default()).await.unwrap().is_empty());
    said(&session, &Script::new().text("Hello.")).await;
    assert_eq!(session.health().await, Health::Healthy);
    assert!(session.session_id().await.unwrap().is_some());
    assert!(session.server_info().await.unwrap().unwrap().handshake.is_some());
    assert!(!session.supported_models().await.unwrap().is_empty());
    assert!(!session.supported_commands().await.unwrap().is_empty());
    assert!(!session.supported_agents().await.unwrap().is_empty());
    assert!(session.account_info().await.unwrap().is_some());
}

#[tokio::test]
async fn streams_what_combinators_take_apart() {
    let (ground, client) = ground().await;
    let session = Session::start(&client, request(&ground)).await.unwrap();
    let script = || Kind::Claude.shell_then("echo hi > made", "It is däne 🦀.");
    let text: Vec<_> = session
        .stream(script().prompt("a"))
        .await
        .unwrap()
        .text_content()
        .map(Result::unwrap)
        .collect()
        .await;
    assert_eq!(text.concat(), "It is däne 🦀.");
    let tools: Vec<_> = session.stream(script().prompt("b")).await.unwrap().tool_uses().collect().await;
    assert_eq!(tools.iter().map(|tool| tool.as_ref().unwrap().tool.as_str()).collect::<Vec<_>>(), ["Bash"]);
    let mut all = session.stream(script().prompt("c")).await.unwrap().until_result();
    let mut last = None;
    while let Some(item) = all.next().await {
        last = Some(item.unwrap());
    }
    assert!(matches!(last, Some(TurnEvent::Result(result)) if result.text == "It is däne 🦀."));
    // A daemon that dies in the middle is not noticed.
    let turn = session.stream(script().prompt("d")).await.unwrap();
    ground.daemon.kill_and_restart().await;
    let told = turn.collected().await.unwrap();
    assert_eq!((told.text.as_str(), told.tool_uses.len(), told.tool_results.len()), ("It is däne 🦀.", 1, 1));
    let thoughtful = said(&session, &Script::new().text("Yes.").with_think("Is it so?")).await;
    assert_eq!((thoughtful.text.as_str(), thoughtful.thinking.as_str()), ("Yes.", "Is it so?"));
}

#[tokio::test]
async fn reads_lists_clears_and_resumes() {
    let (ground, client) = ground().await;
    let session = Session::start(&client, request(&ground)).await.unwrap();
    for text in ["One.", "Two."] {
        said(&session, &Script::new().text(text)).await;
    }
    let native = session.session_id().await.unwrap().unwrap();
    let all = session.get_messages(MessageOptions::default()).await.unwrap();
    assert_eq!(all.len(), 4);
    let page = session.get_messages(MessageOptions { limit: Some(2), offset: 1 }).await.unwrap();
    assert_eq!(page, all[1..3]);
    ground.daemon.get("/v1/index?wait_ms=20000").await.ok(200);
    let listed = session.list_sessions(ListOptions::default()).await.unwrap();
    assert_eq!(
        listed.iter().map(|one| one.session_id.as_ref()).collect::<Vec<_>>(),
        [Some(session.tenure_id())]
    );
    let elsewhere =
        ListOptions { project_path: ProjectPath::At("/nowhere".into()), ..ListOptions::default() };
    assert!(session.list_sessions(elsewhere).await.unwrap().is_empty());
    let anywhere = ListOptions { project_path: ProjectPath::All, ..ListOptions::default() };
    assert_eq!(session.list_sessions(anywhere).await.unwrap().len(), 1);

    session.stop().await.unwrap();
    assert!(!session.alive().await);
    assert_eq!(session.health().await, Health::Unhealthy(Unhealthy::NotConnected));
    let resume = ResumeRequest { native_id: Some(native.clone()), ..ResumeRequest::default() };
    let again =
        Session::start(&client, CreateSession { resume: Some(resume), ..request(&ground) }).await.unwrap();
    assert_eq!(again.tenure_id(), session.tenure_id());
    said(&again, &Script::new().text("Three.")).await;
    assert_eq!(again.session_id().await.unwrap(), Some(native.clone()));

    again.clear().await.unwrap();
    assert_eq!(again.session_id().await.unwrap(), None);
    assert!(again.get_messages(MessageOptions::default()).await.unwrap().is_empty());
    said(&again, &Script::new().text("Anew.")).await;
    assert_ne!(again.session_id().await.unwrap(), Some(native));
}

#[tokio::test]
async fn resumes_what_only_the_agent_knows_with_what_was_said_in_it() {
    let (ground, client) = ground().await;
    let session = Session::start(&client, request(&ground)).await.unwrap();
    said(&session, &Script::new().text("One.")).await;
    let native = session.session_id().await.unwrap().unwrap();
    let resume = |native_id: Option<String>| {
        let resume = ResumeRequest { latest: native_id.is_none(), native_id, fork: false };
        CreateSession { resume: Some(resume), ..request(&ground) }
    };
    client.destroy(session.tenure_id(), false).await.unwrap();
    let by_id = Session::start(&client, resume(Some(native.clone()))).await.unwrap();
    assert_ne!(by_id.tenure_id(), session.tenure_id());
    assert_eq!(by_id.get_messages(MessageOptions::default()).await.unwrap().len(), 2);
    said(&by_id, &Script::new().text("Two.")).await;
    assert_eq!(by_id.session_id().await.unwrap(), Some(native.clone()));
    client.destroy(by_id.tenure_id(), false).await.unwrap();
    let newest = Session::start(&client, resume(None)).await.unwrap();
    let texts = newest.get_messages(MessageOptions::default()).await.unwrap();
    assert_eq!(texts.last().map(|message| message.text.as_str()), Some("Two."));
    assert_eq!(texts.len(), 4);
}

#[tokio::test]
async fn is_configured_interrupted_and_taken_back() {
    let (ground, client) = ground().await;
    let session = Session::start(&client, request(&ground)).await.unwrap();
    said(&session, &Script::new().text("Hello.")).await;
    session.set_permission_mode("acceptEdits").await.unwrap();
    let model = session.supported_models().await.unwrap().pop().unwrap().id;
    session.set_model(&model).await.unwrap();
    let config = client.config(session.tenure_id()).await.unwrap();
    assert_eq!(
        (config.mode.as_deref(), config.model.as_deref()),
        (Some("acceptEdits"), Some(model.as_str()))
    );
    let bypass = session.set_permission_mode("bypassPermissions").await.unwrap_err();
    assert!(matches!(bypass, ClientError::Problem(_)), "{bypass}");
    assert!(session.stop_task("none").await.is_err());

    let ran: ExecRequest = serde_json::from_value(json!({"shell": "printf before > made && pwd"})).unwrap();
    let out = session.execute(&ran).await.unwrap();
    assert_eq!(out.stdout.trim(), ground.work.display().to_string());
    assert_eq!(session.read("made").await.unwrap(), b"before");
    assert!(session.ls(".").await.unwrap().iter().any(|entry| entry.name == "made"));

    said(&session, &Kind::Claude.shell_then("printf after > made", "Changed.")).await;
    let messages = session.get_messages(MessageOptions::default()).await.unwrap();
    let asked = messages.iter().rfind(|message| message.role == tenure_event::Role::User).unwrap();
    let plan = session.rewind_files(asked.id.as_str(), true).await.unwrap();
    assert!(plan.dry_run && plan.files.iter().any(|file| file.path == "made"), "{plan:?}");
    assert_eq!(session.read("made").await.unwrap(), b"after");
    session.rewind_files(asked.id.as_str(), false).await.unwrap();
    assert_eq!(session.read("made").await.unwrap(), b"before");

    let wait = Kind::Claude.shell_then("until [ -e never ]; do sleep 0.1; done", "Never.");
    let mut turn = session.stream(wait.prompt("Wait.")).await.unwrap();
    while !matches!(turn.next().await.unwrap().unwrap(), TurnEvent::ToolStarted(_)) {}
    session.interrupt().await.unwrap();
    assert_eq!(turn.result().await.unwrap().outcome, tenure_event::Outcome::Interrupted);
}

#[tokio::test]
async fn changes_its_tool_servers() {
    let (ground, client) = ground().await;
    let session = Session::start(&client, request(&ground)).await.unwrap();
    said(&session, &Script::new().text("Hello.")).await;
    let suite = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/conformance");
    let tools = json!([{"name": "mine", "type": "stdio", "command": node().unwrap(), "args": [suite.join("tools.mjs")]}]);
    let set = session.set_mcp_servers(serde_json::from_value(tools).unwrap()).await.unwrap();
    assert_eq!((set.added, set.removed, set.errors.len()), (vec!["mine".to_owned()], vec![], 0));
    let stands = async || {
        let all = session.mcp_status().await.unwrap();
        all.into_iter().find(|server| server.name == "mine").map(|mine| (mine.status, mine.tools))
    };
    let connected = || Some((McpStatus::Connected, vec!["echo".to_owned()]));
    assert_eq!(stands().await, connected());
    session.mcp_toggle("mine", false).await.unwrap();
    assert_eq!(stands().await.map(|(status, _)| status), Some(McpStatus::Disabled));
    session.mcp_toggle("mine", true).await.unwrap();
    session.mcp_reconnect("mine").await.unwrap();
    assert_eq!(stands().await, connected());
    ground.daemon.kill_and_restart().await;
    assert_eq!(stands().await, connected());
    let unknown = session.mcp_reconnect("no such/server").await.unwrap_err();
    assert!(
        matches!(&unknown, ClientError::Problem(problem) if problem.code == ErrorCode::NotFound),
        "{unknown}"
    );
    let set = session.set_mcp_servers(Vec::new()).await.unwrap();
    assert_eq!((set.removed, stands().await), (vec!["mine".to_owned()], None));
}
