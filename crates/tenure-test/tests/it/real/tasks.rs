//! What works in the background, and the list of things to do.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::{Halt, PATIENCE, TestSession};

use super::ground::{Ground, Kind, refused, support};
use super::turns::one_end_each;

/// A session with a command that says something and runs on after its turn, where the agent has that.
async fn started(ground: &Ground) -> (TestSession, Halt, Value) {
    let session = ground.trusting().await;
    let mut halt = Halt::new(&ground.work);
    let command = format!("echo at work; {}", Halt::COMMAND);
    let script = match ground.kind {
        Kind::Claude | Kind::ClaudeAcp => {
            let input = json!({"command": command, "description": "wait", "run_in_background": true});
            Script::new().tool("Bash", input)
        }
        _ => Script::new().tool("exec_command", json!({"cmd": command, "yield_time_ms": 250})),
    };
    let result = session.run(&script.text("Started.").prompt("Start it.")).await;
    assert_eq!(result["text"], "Started.", "{result}");
    halt.began().await;
    let task = session.wait_type("task.started").await["data"].clone();
    (session, halt, task)
}

pub(crate) async fn shown(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    if support(&session, "tasks").await.is_err() {
        session.run(&kind.shell_then("echo none", "Done.").prompt("Run it.")).await;
        assert_eq!(session.get("/tasks").await["items"], json!([]));
        return;
    }
    let (session, mut halt, task) = started(&ground).await;
    let listed = session.get("/tasks").await;
    assert_eq!(listed["items"][0]["task_id"], task["task_id"]);
    assert_eq!(
        (&listed["items"][0]["state"], &listed["items"][0]["kind"]),
        (&json!("running"), &json!("shell"))
    );
    assert_eq!(session.view().await["tasks_running"], 1);
    halt.go("well").await;
    let ended = session.wait_type("task.completed").await;
    assert_eq!(
        (&ended["data"]["task_id"], &ended["data"]["status"]),
        (&task["task_id"], &json!("completed"))
    );
    let listed = session.get("/tasks").await;
    assert_eq!(listed["items"][0]["state"], "completed");
}

pub(crate) async fn written(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    if let Err(why) = support(&session, "task_output").await {
        refused(kind, ground.daemon.get(&session.path("/tasks/any")).await, "task_output", &why);
        return;
    }
    ground.daemon.get(&session.path("/tasks/any")).await.problem(404, "not_found");
    let (session, mut halt, task) = started(&ground).await;
    let path = format!("/tasks/{}", task["task_id"].as_str().unwrap());
    let says = async |wanted: &str| {
        let mut told = Value::Null;
        let looking = async {
            while told["output"]["text"] != wanted {
                told = session.get(&path).await;
                tokio::task::yield_now().await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, looking).await;
        assert!(found.is_ok(), "{wanted}: {told}");
        told
    };
    if kind == Kind::Codex {
        // What was written before the command went to the background is told when it has ended.
        assert_eq!(session.get(&path).await["state"], "running");
    } else {
        let told = says("at work\n").await;
        assert_eq!(
            (&told["state"], &told["output"]["truncated"]),
            (&json!("running"), &json!(false)),
            "{told}"
        );
    }
    halt.go("well").await;
    session.wait_type("task.completed").await;
    // Claude Code adds a line of its own.
    let all = match kind {
        Kind::Claude => "at work\nmade well\n\n[exited with code 0]\n",
        _ => "at work\nmade well\n",
    };
    let told = says(all).await;
    assert_eq!((&told["state"], &told["task_id"]), (&json!("completed"), &task["task_id"]), "{told}");
    let end = session.get(&format!("{path}?bytes=5")).await;
    assert_eq!(end["output"]["text"], all[all.len() - 5..], "{end}");
    assert_eq!(end["output"]["truncated"], true, "{end}");
    // Also when its process is gone.
    session.verb("suspend").await;
    assert_eq!(session.get(&path).await["output"]["text"], all);
}

pub(crate) async fn stopped(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    if let Err(why) = support(&session, "stop_task").await {
        refused(kind, session.post("/tasks/any/stop", &json!({})).await, "stop_task", &why);
        return;
    }
    session.post("/tasks/any/stop", &json!({})).await.problem(404, "not_found");
    let (session, halt, task) = started(&ground).await;
    let id = task["task_id"].as_str().unwrap();
    let reply = session.post(&format!("/tasks/{id}/stop"), &json!({})).await.ok(200);
    assert_eq!(reply["hit"], json!([format!("task:{id}")]));
    let ended = session.events_of("task.completed").await;
    assert_eq!((ended.len(), &ended[0]["data"]["status"]), (1, &json!("stopped")), "{ended:?}");
    assert_eq!(session.view().await["tasks_running"], 0);
    assert_eq!(halt.made(), None, "what was stopped went on");
    session.post(&format!("/tasks/{id}/stop"), &json!({})).await.problem(404, "not_found");
    let result = session.run(&Script::new().text("Still here.").prompt("And now?")).await;
    assert_eq!(result["text"], "Still here.");
    one_end_each(&session.events().await);
}

/// The agent's own tool for its list.
fn note(kind: Kind) -> (&'static str, Value) {
    match kind {
        Kind::Claude | Kind::ClaudeAcp => {
            ("TaskCreate", json!({"subject": "Look around", "description": "everywhere"}))
        }
        Kind::Codex | Kind::CodexAcp => {
            ("update_plan", json!({"plan": [{"step": "Look around", "status": "pending"}]}))
        }
        Kind::Goose => ("todo__todo_write", json!({"content": "- [ ] Look around"})),
        Kind::OpenCode | Kind::Pi => {
            let todo = json!({"id": "1", "content": "Look around", "status": "pending", "priority": "low"});
            ("todowrite", json!({"todos": [todo]}))
        }
    }
}

pub(crate) async fn listed(kind: Kind) {
    let ground = Ground::new(kind).await;
    let session = ground.trusting().await;
    let (tool, input) = note(kind);
    let says = support(&session, "todos").await;
    session.run(&Script::new().tool(tool, input).text("Noted.").prompt("Note it.")).await;
    let todos = session.get("/todos").await;
    if says.is_err() {
        assert_eq!(todos["items"], json!([]));
        return;
    }
    let todo = &todos["items"][0];
    assert_eq!((&todo["content"], &todo["status"]), (&json!("Look around"), &json!("pending")), "{todos}");
    assert_eq!(session.wait_type("todos.updated").await["data"]["todos"], todos["items"]);
}
