//! Tool servers: how they are told, and that the first prompt waits for those of the session.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenure_core::agent::{Command, McpServerSpec, McpTransport, Signal, StartRecord};
use tenure_event::McpStatus;

use super::{Fed, record};

fn with(names: &[&str]) -> Fed {
    let nothing = McpTransport::Stdio { command: "srv".into(), args: Vec::new(), env: BTreeMap::new() };
    let server = |name: &&str| McpServerSpec { name: (*name).to_owned(), transport: nothing.clone() };
    let mut fed = Fed::new(StartRecord { mcp_servers: names.iter().map(server).collect(), ..record() });
    fed.greeted();
    fed.frame(json!({"id": "0.models", "result": {"data": []}}));
    fed.frame(json!({"id": "0.account", "result": {"account": null, "requiresOpenaiAuth": false}}));
    fed
}

fn is_ready(told: &[Signal]) -> bool {
    told.iter().any(|signal| matches!(signal, Signal::Ready { .. }))
}

fn asks_for_the_list(told: &[Signal]) -> bool {
    told.iter().any(
        |signal| matches!(signal, Signal::Send(Command::Raw(line)) if line.contains("mcpServerStatus/list")),
    )
}

fn is(fed: &mut Fed, name: &str, status: &str) -> Vec<Signal> {
    fed.tell("mcpServer/startupStatus/updated", json!({"name": name, "status": status}))
}

fn list(fed: &mut Fed, servers: Value) -> Vec<Signal> {
    fed.frame(json!({"id": "0.servers", "result": {"data": servers}}))
}

#[test]
fn the_first_prompt_waits_until_each_server_came_up_or_failed() {
    let mut fed = with(&["one", "two", "three"]);
    // One may be up before its thread is known.
    assert!(!is_ready(&is(&mut fed, "one", "ready")));
    let told = fed.opened();
    assert!(!is_ready(&told) && asks_for_the_list(&told), "{told:?}");
    assert!(!is_ready(&is(&mut fed, "two", "starting")) && !is_ready(&is(&mut fed, "two", "ready")));
    let told = is(&mut fed, "three", "failed");
    assert!(is_ready(&told), "{told:?}");
    let Some(Signal::Mcp(servers)) = told.iter().find(|told| matches!(told, Signal::Mcp(_))) else {
        panic!("{told:?}")
    };
    assert_eq!(
        servers.iter().find(|server| server.name == "three").map(|s| s.status),
        Some(McpStatus::Failed)
    );
    assert!(!is_ready(&is(&mut fed, "three", "ready")), "it is ready once");
}

#[test]
fn what_will_not_be_told_of_is_not_waited_for() {
    let mut fed = with(&["one", "two"]);
    fed.opened();
    let told = list(
        &mut fed,
        json!([{"name": "one", "runtimeStatus": "starting"}, {"name": "two", "runtimeStatus": "connected"}]),
    );
    assert!(!is_ready(&told), "{told:?}");
    assert!(is_ready(&is(&mut fed, "one", "cancelled")));
    // One that starts when it is called, and programs that do not tell how a server stands.
    for state in [json!("notStarted"), Value::Null] {
        let mut fed = with(&["one"]);
        fed.opened();
        assert!(is_ready(&list(&mut fed, json!([{"name": "one", "runtimeStatus": state}]))), "{state}");
    }
    let mut fed = with(&["one"]);
    fed.opened();
    let refused = json!({"id": "0.servers", "error": {"code": -32601, "message": "no such method"}});
    assert!(is_ready(&fed.frame(refused)));
}

#[test]
fn tool_servers_are_told_as_they_come_up() {
    let mut fed = Fed::ready();
    let told = fed.tell("mcpServer/startupStatus/updated", json!({"name": "ev", "status": "ready"}));
    assert!(
        matches!(&told[..], [Signal::Mcp(_), Signal::Send(Command::Raw(line))] if line.contains("mcpServerStatus/list"))
    );
    let server = json!({"name": "ev", "runtimeStatus": "connected", "tools": {"echo": {}}, "serverInfo": {"name": "e"}});
    let told = fed.frame(json!({"id": "0.servers", "result": {"data": [server]}}));
    let [Signal::Mcp(servers)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(servers[0].tools, ["echo"]);
}
