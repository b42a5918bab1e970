//! Tool servers: what clients want of them, what counts when, and what the next process starts with.

use serde_json::json;
use tenure_api::{ErrorCode, Problem};
use tenure_event::{Kind, McpChanged, McpServer, McpStatus};

use super::scenes::idle_as;
use super::stage::Stage;
use super::words::{exit_code, failure, ready_with, spec};
use crate::agent::{Command, Signal};
use crate::machine::{McpName, McpRequest, McpServers};
use crate::{Reply, Request, Until};

const ALL: &[&str] = &["mcp_change", "mcp_reconnect", "mcp_status", "mcp_stdio", "resume"];

fn names(list: &[&str]) -> Vec<McpName> {
    list.iter().map(|name| McpName { name: (*name).to_owned(), kind: "stdio".to_owned() }).collect()
}

fn set(number: u32, list: &[&str]) -> McpRequest {
    McpRequest::Set { set: number, servers: names(list), changed: Vec::new() }
}

fn ask(stage: &mut Stage, request: McpRequest) -> Result<(Vec<String>, Until), Problem> {
    match stage.ask(Request::Mcp(request)) {
        Ok(Reply::Done { hit, until, .. }) => Ok((hit, until)),
        Ok(other) => panic!("{other:?}"),
        Err(e) => Err(e),
    }
}

fn asked(stage: &mut Stage, request: McpRequest) -> u64 {
    match ask(stage, request) {
        Ok((_, Until::Answers(numbers))) => numbers[0],
        other => panic!("to be waited for: {other:?}"),
    }
}

fn server(name: &str, status: McpStatus) -> McpServer {
    let (error, server_info, scope) = (None, None, None);
    McpServer { name: name.to_owned(), kind: None, status, error, server_info, scope, tools: Vec::new() }
}

/// An agent with these verbs that is at rest, and was given the server `a`.
fn equipped(verbs: &[&str]) -> Stage {
    let mut stage = idle_as(spec());
    stage.machine.equip(McpServers { given: names(&["a"]), ..McpServers::default() });
    stage.agent(vec![ready_with(verbs)]);
    stage
}

/// How each stands, as clients see it.
fn stand(stage: &Stage) -> Vec<String> {
    let all = stage.state().inside().mcp;
    all.into_iter().map(|s| format!("{} {}", s.name, json!(s.status).as_str().unwrap_or("?"))).collect()
}

fn last_change(stage: &Stage) -> McpChanged {
    let changes = stage.log.iter().rev();
    changes
        .filter_map(|event| if let Kind::McpChanged(data) = &event.kind { Some(data.clone()) } else { None })
        .find(|data| data.change.is_some())
        .expect("a change")
}

#[test]
fn a_set_counts_once_the_agent_has_it() {
    let mut stage = equipped(ALL);
    let n = asked(&mut stage, set(1, &["b", "c"]));
    assert_eq!(stage.last_command(), &Command::SetMcpServers { set: 1, off: Vec::new() });
    assert_eq!(stand(&stage), ["a pending"]);
    let busy = ask(&mut stage, set(2, &["d"])).expect_err("one at a time");
    assert_eq!(busy.code, ErrorCode::Busy);
    let told = vec![server("a", McpStatus::Connected), server("b", McpStatus::Failed)];
    let answer = json!({"added": ["b", "c"], "errors": {"b": "it is nowhere", "x": "of somebody else"}});
    stage.agent(vec![Signal::Mcp(told), Signal::Answered { n, result: Ok(answer) }]);
    assert_eq!(stand(&stage), ["a connected", "b failed", "c pending"]);
    let change = last_change(&stage);
    assert_eq!(change.command, Some(n));
    let change = change.change.expect("one");
    assert_eq!((change.added, change.removed.len()), (vec!["b".to_owned(), "c".to_owned()], 0));
    assert_eq!(change.errors.into_iter().collect::<Vec<_>>(), [("b".to_owned(), "it is nowhere".to_owned())]);
    // The same again is nothing; another one in its place tells what went.
    assert_eq!(ask(&mut stage, set(1, &["b", "c"])), Ok((Vec::new(), Until::Now)));
    let n = asked(&mut stage, McpRequest::Set { set: 2, servers: names(&["c"]), changed: vec!["c".into()] });
    stage.agent(vec![Signal::Answered { n, result: Ok(json!({})) }]);
    let change = last_change(&stage).change.expect("one");
    assert_eq!((change.added, change.removed), (vec!["c".to_owned()], vec!["b".to_owned(), "c".to_owned()]));
}

#[test]
fn a_set_that_the_agent_refuses_changes_nothing() {
    let mut stage = equipped(ALL);
    let n = asked(&mut stage, set(1, &["b"]));
    stage.agent(vec![Signal::Answered { n, result: Err(failure("invalid")) }]);
    assert_eq!((stand(&stage), stage.state().servers.set), (vec!["a pending".to_owned()], 0));
    // Nor does one that the agent did not live to answer.
    asked(&mut stage, set(1, &["b"]));
    stage.exited(exit_code(1));
    assert_eq!((stand(&stage), stage.state().servers.set), (vec!["a pending".to_owned()], 0));
}

#[test]
fn a_given_server_is_not_replaced_but_disabled_and_enabled() {
    let mut stage = equipped(ALL);
    let refused = ask(&mut stage, set(1, &["a"])).expect_err("it was given");
    assert_eq!((refused.code, refused.field.as_deref()), (ErrorCode::Invalid, Some("mcp_servers")));
    let a = || "a".to_owned();
    assert_eq!(ask(&mut stage, McpRequest::Enable { name: a() }), Ok((Vec::new(), Until::Now)));
    let n = asked(&mut stage, McpRequest::Disable { name: a() });
    assert_eq!(stage.last_command(), &Command::SetMcpServers { set: 0, off: vec![a()] });
    stage.agent(vec![Signal::Mcp(Vec::new()), Signal::Answered { n, result: Ok(json!({})) }]);
    assert_eq!(stand(&stage), ["a disabled"]);
    let refused = ask(&mut stage, McpRequest::Reconnect { name: a() }).expect_err("it is disabled");
    assert_eq!(refused.code, ErrorCode::Conflict);
    stage.restart();
    assert_eq!(stand(&stage), ["a disabled"]);
    let n = asked(&mut stage, McpRequest::Enable { name: a() });
    assert_eq!(stage.last_command(), &Command::SetMcpServers { set: 0, off: Vec::new() });
    stage.agent(vec![Signal::Answered { n, result: Ok(json!({})) }]);
    assert_eq!(stand(&stage), ["a pending"]);
}

#[test]
fn without_a_process_it_is_what_the_next_one_starts_with() {
    let mut stage = equipped(ALL);
    stage.exited(exit_code(1));
    assert_eq!(ask(&mut stage, set(1, &["b"])).expect("done").1, Until::Now);
    assert_eq!(ask(&mut stage, McpRequest::Disable { name: "a".into() }).expect("done").1, Until::Now);
    assert_eq!(stand(&stage), ["a disabled", "b pending"]);
    let refused = ask(&mut stage, McpRequest::Reconnect { name: "b".into() }).expect_err("who would");
    assert_eq!(refused.code, ErrorCode::NotReady);
    stage.restart();
    let servers = stage.state().servers.clone();
    assert_eq!((servers.set, servers.off.len()), (1, 1));
}

#[test]
fn an_agent_that_takes_them_at_its_start_alone_says_so_and_what_helps() {
    let mut stage = equipped(&["resume", "mcp_stdio"]);
    let refused = ask(&mut stage, set(1, &["b"])).expect_err("not while it runs");
    assert_eq!(refused.code, ErrorCode::Unsupported);
    assert!(
        refused.detail.contains("mcp_change") && refused.detail.contains("`suspend`"),
        "{}",
        refused.detail
    );
    let refused = ask(&mut stage, McpRequest::Reconnect { name: "a".into() }).expect_err("it cannot");
    assert!(refused.detail.contains("mcp_reconnect"), "{}", refused.detail);
    let refused = ask(&mut stage, McpRequest::Disable { name: "z".into() }).expect_err("there is none");
    assert_eq!(refused.code, ErrorCode::NotFound);
}

#[test]
fn servers_of_the_agents_own_are_toggled_and_listed_as_it_says() {
    let mut stage = equipped(ALL);
    stage.agent(vec![Signal::Mcp(vec![server("own", McpStatus::Connected)])]);
    assert_eq!(stand(&stage), ["a pending", "own connected"]);
    let n = asked(&mut stage, McpRequest::Disable { name: "own".into() });
    assert_eq!(stage.last_command(), &Command::ToggleMcp { name: "own".into(), enabled: false });
    let told = Signal::Mcp(vec![server("own", McpStatus::Disabled)]);
    stage.agent(vec![told, Signal::Answered { n, result: Ok(json!(null)) }]);
    assert_eq!(stand(&stage), ["a pending", "own disabled"]);
    assert!(stage.state().servers.off.is_empty());
    // They went with the process.
    stage.exited(exit_code(1));
    assert_eq!(stand(&stage), ["a pending"]);
}

#[test]
fn the_agent_is_asked_how_they_stand_once_at_a_time_and_nothing_is_told_of_it() {
    let mut stage = equipped(ALL);
    stage.news();
    assert_eq!(ask(&mut stage, McpRequest::Refresh).expect("asked").1, Until::Now);
    assert!(stage.state().asks_for_servers());
    assert_eq!(stage.last_command(), &Command::McpStatus);
    let n = stage.state().next_n;
    ask(&mut stage, McpRequest::Refresh).expect("asked");
    assert_eq!(stage.state().next_n, n, "it is asked already");
    stage.agent(vec![Signal::Answered { n: n - 1, result: Ok(json!(null)) }]);
    assert!(!stage.state().asks_for_servers() && stage.news().is_empty());
}
