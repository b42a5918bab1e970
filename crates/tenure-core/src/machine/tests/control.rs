//! Settings, compaction, clearing, tasks: what the agent is told, what counts when, and what a restart between makes of it.

use serde_json::json;
use tenure_api::{ConfigPatch, ErrorCode, PermissionDefault, PermissionRule, PermissionsPatch, Problem};
use tenure_event::{Decision, Kind, NewEvent, Support, TaskStarted, TaskStatus, ToolKind};

use super::scenes::{end_turn, idle, idle_as, running};
use super::stage::Stage;
use super::words::{exit_code, failure, permission, ready_with, says, spec};
use crate::agent::{AgentError, Command, ResumeHow, Signal, TaskSignal};
use crate::machine::{Act, Spec};
use crate::{Reply, Request, Until};

fn model(name: &str) -> ConfigPatch {
    ConfigPatch { model: Some(name.into()), ..ConfigPatch::default() }
}

fn set(stage: &mut Stage, patch: ConfigPatch) -> Result<Until, Problem> {
    match stage.ask(Request::Configure(Box::new(patch))) {
        Ok(Reply::Done { until, .. }) => Ok(until),
        Ok(other) => panic!("{other:?}"),
        Err(e) => Err(e),
    }
}

#[test]
fn a_setting_counts_once_the_agent_has_taken_it() {
    let mut stage = idle();
    stage.news();
    let Ok(Until::Answers(numbers)) = set(&mut stage, model("m2")) else { panic!("to be waited for") };
    assert_eq!(stage.last_command(), &Command::SetModel("m2".into()));
    assert_eq!((stage.news().len(), stage.state().model.clone()), (0, None));
    stage.agent(vec![Signal::Answered { n: numbers[0], result: Ok(json!({})) }]);
    assert_eq!(stage.news(), ["config.changed m2 by client"]);
    assert_eq!(stage.state().model.as_deref(), Some("m2"));
    assert!(stage.state().calls.is_empty());
}

#[test]
fn a_setting_that_the_agent_refuses_changes_nothing_and_says_so() {
    let mut stage = idle();
    stage.news();
    let Ok(Until::Answers(numbers)) = set(&mut stage, model("none")) else { panic!("to be waited for") };
    stage.agent(vec![Signal::Answered { n: numbers[0], result: Err(failure("invalid")) }]);
    assert_eq!(stage.news(), ["request.refused set_model invalid"]);
    assert_eq!(stage.state().model, None);
}

#[test]
fn what_a_client_asked_for_is_told_once_and_what_the_agent_does_by_itself_too() {
    let mut stage = idle_as(spec());
    stage.agent(vec![ready_with(&["set_mode"])]);
    stage.news();
    let patch = ConfigPatch { mode: Some("plan".into()), ..ConfigPatch::default() };
    let Ok(Until::Answers(numbers)) = set(&mut stage, patch) else { panic!("to be waited for") };
    let told = |mode: &str| Signal::Config { model: None, mode: Some(mode.into()), effort: None };
    stage.agent(vec![told("plan"), Signal::Answered { n: numbers[0], result: Ok(json!({})) }]);
    assert_eq!(stage.news(), ["config.changed plan by client"]);
    stage.agent(vec![told("default")]);
    assert_eq!(stage.news(), ["config.changed default by agent"]);
    assert_eq!(stage.state().mode.as_deref(), Some("default"));
}

#[test]
fn without_a_process_it_is_what_the_next_one_starts_with() {
    let mut stage = Stage::created(spec(), false);
    stage.news();
    assert_eq!(set(&mut stage, model("m2")), Ok(Until::Now));
    assert_eq!(stage.news(), ["config.changed m2 by client"]);
    assert_eq!(set(&mut stage, model("m2")), Ok(Until::Now));
    assert_eq!(stage.news().len(), 0, "the same again");
    stage.send("a").expect("admitted");
    let plan = stage.acts.iter().find_map(|act| if let Act::Spawn(plan) = act { Some(plan) } else { None });
    assert_eq!(plan.and_then(|plan| plan.model.clone()).as_deref(), Some("m2"));
}

#[test]
fn what_the_agent_cannot_is_refused_by_name() {
    let mut stage = idle();
    let patch = ConfigPatch { mode: Some("plan".into()), ..ConfigPatch::default() };
    let refused = set(&mut stage, patch).expect_err("no modes");
    assert_eq!((refused.code, refused.detail.contains("set_mode")), (ErrorCode::Unsupported, true));
    let refused = stage.ask(Request::Compact { instructions: None }).expect_err("it has no way for it");
    assert_eq!(refused.code, ErrorCode::Unsupported);
    let rule = PermissionRule { decision: PermissionDefault::Allow, tool: None, kind: None, input: None };
    let permissions = PermissionsPatch { rules: Some(vec![rule]), ..PermissionsPatch::default() };
    let patch = ConfigPatch { permissions: Some(permissions), ..ConfigPatch::default() };
    assert_eq!(set(&mut stage, patch).expect_err("a rule for everything").code, ErrorCode::Invalid);
}

#[test]
fn an_answer_that_never_comes_is_not_waited_for_past_the_process() {
    let mut stage = idle();
    assert!(matches!(set(&mut stage, model("m2")), Ok(Until::Answers(_))));
    stage.exited(exit_code(1));
    assert!(stage.state().calls.is_empty());
    assert_eq!(stage.state().model, None);
}

/// Rules, what is asked, and who answers it how.
#[test]
fn rules_answer_before_a_person_is_asked() {
    let rule = |decision, tool: Option<&str>, kind, input: Option<&str>| PermissionRule {
        decision,
        tool: tool.map(str::to_owned),
        kind,
        input: input.map(str::to_owned),
    };
    let (allow, deny, ask) = (PermissionDefault::Allow, PermissionDefault::Deny, PermissionDefault::Ask);
    let table: &[(Vec<PermissionRule>, Option<Decision>)] = &[
        (vec![rule(allow, Some("Bash"), None, Some("ls*"))], Some(Decision::Allow)),
        (vec![rule(deny, Some("Bash"), None, None)], Some(Decision::Deny)),
        (vec![rule(deny, Some("Read"), None, None)], None),
        (vec![rule(ask, Some("Bash"), None, None), rule(allow, Some("*"), None, None)], None),
        (vec![rule(allow, None, Some(ToolKind::Read), None)], None),
    ];
    for (rules, decision) in table {
        let mut stage = idle_as(Spec { permission_rules: rules.clone(), ..spec() });
        stage.send("a").expect("admitted");
        stage.news();
        stage.agent(vec![Signal::Ask(permission("p1"))]);
        let news = stage.news();
        match decision {
            Some(Decision::Allow) => assert!(news.contains(&"ask.resolved allow once by policy".to_owned())),
            Some(_) => assert!(news.contains(&"ask.resolved deny once by policy".to_owned())),
            None => assert_eq!(stage.state().asks.len(), 1, "{rules:?}: {news:?}"),
        }
    }
}

#[test]
fn clearing_takes_a_new_process_and_an_epoch() {
    let mut stage = running();
    let refused = stage.ask(Request::Clear).expect_err("a turn runs");
    assert_eq!(refused.code, ErrorCode::Busy);
    stage.agent(vec![says("hello")]);
    end_turn(&mut stage);
    stage.acts();
    stage.news();
    let reply = stage.ask(Request::Clear).expect("nothing runs");
    assert!(matches!(reply, Reply::Done { until: Until::Cleared, .. }));
    assert_eq!(stage.state().epoch, 0, "the old process lives");
    // Whoever writes meanwhile is served by the new conversation.
    stage.send("b").expect("admitted");
    stage.restart();
    stage.exited(exit_code(0));
    assert_eq!((stage.state().epoch, stage.state().native_id.clone()), (1, None));
    assert!(stage.news().iter().any(|line| line.starts_with("session.cleared")));
    let plan = stage.acts.iter().find_map(|act| if let Act::Spawn(plan) = act { Some(plan) } else { None });
    assert_eq!(plan.map(|plan| plan.resume.clone()), Some(ResumeHow::New));
    stage.started();
    stage.agent(vec![Signal::NativeId("n2".into()), ready_with(&[])]);
    assert!(matches!(stage.last_command(), Command::Prompt { .. }));
    assert_eq!(stage.state().native_id.as_deref(), Some("n2"));
}

#[test]
fn a_session_at_rest_is_cleared_at_once() {
    let mut stage = idle();
    stage.ask(Request::Suspend).expect("it can be suspended");
    stage.exited(exit_code(0));
    stage.news();
    let reply = stage.ask(Request::Clear).expect("nothing runs");
    assert!(matches!(reply, Reply::Done { until: Until::Now, .. }));
    assert_eq!((stage.state().epoch, stage.state().native_id.clone()), (1, None));
    assert_eq!(stage.axes(), "suspended by request");
}

/// A task `k1` runs, which its agent can stop.
fn with_a_task() -> Stage {
    let mut stage = idle();
    stage.agent(vec![ready_with(&["stop_task"])]);
    let started = TaskStarted {
        task_id: "k1".into(),
        kind: "shell".into(),
        title: "sleep".into(),
        tool_id: None,
        background: true,
    };
    stage.agent(vec![Signal::Task(TaskSignal::Started(started))]);
    stage
}

#[test]
fn a_task_is_stopped_by_name() {
    let mut stage = with_a_task();
    let unknown = stage.ask(Request::StopTask { task_id: "k2".into() }).expect_err("no such task");
    assert_eq!(unknown.code, ErrorCode::NotFound);
    stage.ask(Request::StopTask { task_id: "k1".into() }).expect("it runs");
    assert_eq!(stage.last_command(), &Command::StopTask { task_id: "k1".into() });
    stage.news();
    let (task_id, status) = ("k1".to_owned(), TaskStatus::Stopped);
    stage.agent(vec![Signal::Task(TaskSignal::Ended { task_id, status, summary: None, output: None })]);
    assert!(stage.news().iter().any(|line| line.starts_with("task.completed")));
}

/// How a task ends for clients that its agent tells to have failed, after a stop that the agent took or refused.
fn failed_after_a_stop(taken: bool) -> TaskStatus {
    let mut stage = with_a_task();
    stage.ask(Request::StopTask { task_id: "k1".into() }).expect("it runs");
    let n = *stage.state().calls.keys().next().expect("the agent was asked");
    let result = if taken {
        Ok(json!({}))
    } else {
        Err(AgentError { code: "not_found".into(), message: "no task k1".into(), data: None })
    };
    stage.agent(vec![Signal::Answered { n, result }]);
    let (task_id, summary) = ("k1".to_owned(), Some("exit code 137".to_owned()));
    stage.agent(vec![Signal::Task(TaskSignal::Ended {
        task_id,
        status: TaskStatus::Failed,
        summary,
        output: None,
    })]);
    assert!(stage.state().stopping.is_empty());
    let ends = |event: &NewEvent| match &event.kind {
        Kind::TaskCompleted(end) => Some(end.status),
        _ => None,
    };
    stage.log.iter().find_map(ends).expect("it has ended")
}

#[test]
fn a_task_that_was_told_to_end_has_not_failed() {
    assert_eq!(failed_after_a_stop(true), TaskStatus::Stopped);
    assert_eq!(failed_after_a_stop(false), TaskStatus::Failed);
}

#[test]
fn what_is_done_is_counted_once() {
    let mut stage = running();
    stage.agent(vec![says("hello"), super::words::tool_ends("t1")]);
    end_turn(&mut stage);
    let counts = &stage.state().counts;
    // The input is a message too.
    assert_eq!((counts.messages, counts.steps, counts.turns, counts.tool_calls), (2, 1, 1, 1));
    assert_eq!(counts.tool_usage.get("Bash"), Some(&1));
    assert!(stage.state().supports.values().all(Support::is_supported));
}
