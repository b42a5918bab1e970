//! When checkpoints are asked for, what waits for them, and what they are told as.

use tenure_api::{CheckpointMode, ErrorCode};
use tenure_event::{CheckpointCause, CheckpointCreated, Kind, Seq};

use super::scenes::{end_turn, idle_as};
use super::stage::Stage;
use super::words::{spec, tool, tool_ends};
use crate::Request;
use crate::agent::Signal;
use crate::machine::{
    Act, CheckpointPlan, CheckpointTrouble, Input, RewindGoal, RewindOutcome, Spec, TakenCheckpoint, Way,
};

fn session(checkpoints: CheckpointMode) -> Stage {
    let mut stage = idle_as(Spec { checkpoints, ..spec() });
    stage.acts.clear();
    stage.news();
    stage
}

/// The checkpoint that is asked for.
fn asked(stage: &mut Stage) -> CheckpointPlan {
    let at = stage.acts.iter().position(|a| matches!(a, Act::Checkpoint(_))).expect("one is asked for");
    match stage.acts.remove(at) {
        Act::Checkpoint(plan) => plan,
        other => panic!("{other:?}"),
    }
}

fn taken(tree: &str) -> TakenCheckpoint {
    TakenCheckpoint { tree: tree.to_owned(), files: 1, ..TakenCheckpoint::default() }
}

/// Carries out the one that is asked for.
fn take(stage: &mut Stage, tree: &str) -> CheckpointPlan {
    let plan = asked(stage);
    stage.step(Input::Checkpointed { n: plan.n, result: Ok(taken(tree)) });
    plan
}

fn created(stage: &Stage) -> Vec<CheckpointCreated> {
    let events = stage.log.iter().filter_map(|event| match &event.kind {
        Kind::CheckpointCreated(data) => Some(data.clone()),
        _ => None,
    });
    events.collect()
}

fn turns(stage: &Stage) -> usize {
    stage.log.iter().filter(|event| matches!(event.kind, Kind::TurnStarted(_))).count()
}

#[test]
fn a_turn_waits_for_the_one_before_it_and_the_next_for_the_one_after() {
    let mut stage = session(CheckpointMode::Auto);
    stage.send("a").expect("admitted");
    assert_eq!((turns(&stage), stage.axes().as_str()), (0, "live/queued"));
    assert_eq!(take(&mut stage, "t0").against, None);
    assert_eq!(turns(&stage), 1);
    stage.send("b").expect("admitted");
    end_turn(&mut stage);
    assert_eq!(turns(&stage), 1, "what the turn changed is not known yet");
    assert_eq!(take(&mut stage, "t1").against.as_deref(), Some("t0"));
    assert_eq!(turns(&stage), 2, "one checkpoint is the end of a turn and the beginning of the next");
    end_turn(&mut stage);
    take(&mut stage, "t1");
    let told: Vec<_> =
        created(&stage).into_iter().map(|c| (c.cause, c.base, c.tree, c.parent.is_some())).collect();
    let (t0, t1) = (|| "t0".to_owned(), || "t1".to_owned());
    assert_eq!(
        told,
        [
            (CheckpointCause::Before, None, t0(), false),
            (CheckpointCause::After, Some(t0()), t1(), true),
            (CheckpointCause::After, Some(t1()), t1(), true),
        ]
    );
}

#[test]
fn nothing_new_before_an_input_is_no_checkpoint() {
    let mut stage = session(CheckpointMode::Auto);
    stage.send("a").expect("admitted");
    take(&mut stage, "t0");
    end_turn(&mut stage);
    take(&mut stage, "t1");
    stage.send("b").expect("admitted");
    take(&mut stage, "t1");
    assert_eq!((created(&stage).len(), turns(&stage)), (2, 2));
    end_turn(&mut stage);
    take(&mut stage, "t2");
    stage.send("c").expect("admitted");
    take(&mut stage, "a person was here");
    assert_eq!(created(&stage).last().map(|c| c.cause), Some(CheckpointCause::Before));
}

#[test]
fn none_is_taken_by_itself_where_that_is_not_wanted() {
    for mode in [CheckpointMode::Manual, CheckpointMode::Off] {
        let mut stage = session(mode);
        stage.send("a").expect("admitted");
        stage.agent(vec![Signal::ToolStarted(tool("x")), tool_ends("x")]);
        end_turn(&mut stage);
        assert_eq!((turns(&stage), stage.acts()), (1, vec![]), "{mode:?}");
        let request = Request::Checkpoint { label: None, taken: Box::new(taken("t")) };
        assert_eq!(stage.ask(request).is_ok(), mode == CheckpointMode::Manual);
    }
}

#[test]
fn tools_that_may_write_are_followed_by_one_if_wanted() {
    for (mode, wanted) in [(CheckpointMode::Tool, 1), (CheckpointMode::Auto, 0)] {
        let mut stage = session(mode);
        stage.send("a").expect("admitted");
        take(&mut stage, "t0");
        stage.acts.clear();
        stage.agent(vec![Signal::ToolStarted(tool("x")), tool_ends("x")]);
        assert_eq!(stage.acts.len(), wanted, "{mode:?}");
        if wanted == 1 {
            take(&mut stage, "t1");
            let last = created(&stage).pop().expect("one");
            assert_eq!((last.cause, last.tool_id.as_deref()), (CheckpointCause::Tool, Some("x")));
        }
        end_turn(&mut stage);
        take(&mut stage, "t2");
        let last = created(&stage).pop().expect("one");
        assert_eq!(last.base.as_deref(), Some("t0"), "what the whole turn changed");
    }
}

#[test]
fn one_that_is_being_taken_is_not_dropped_for_the_next() {
    let mut stage = session(CheckpointMode::Tool);
    stage.send("a").expect("admitted");
    take(&mut stage, "t0");
    let tools = ["x", "y", "z"];
    stage.agent(tools.map(|id| Signal::ToolStarted(tool(id))).to_vec());
    stage.agent(tools.map(tool_ends).to_vec());
    take(&mut stage, "t1");
    stage.send("b").expect("admitted");
    end_turn(&mut stage);
    take(&mut stage, "t2");
    assert_eq!(turns(&stage), 1, "what the turn changed is not known yet");
    take(&mut stage, "t3");
    assert_eq!(turns(&stage), 2);
    let told: Vec<_> = created(&stage).into_iter().map(|c| (c.cause, c.tool_id, c.base, c.tree)).collect();
    let after = |id: &str, tree: &str| (CheckpointCause::Tool, Some(id.to_owned()), None, tree.to_owned());
    let ended = (CheckpointCause::After, None, Some("t0".to_owned()), "t3".to_owned());
    assert_eq!(told[1..], [after("x", "t1"), after("z", "t2"), ended], "z is what y and z left");
}

#[test]
fn too_much_or_too_slow_stops_them_with_one_warning_and_no_turn_is_lost() {
    for late in [false, true] {
        let mut stage = session(CheckpointMode::Auto);
        stage.send("a").expect("admitted");
        let plan = asked(&mut stage);
        if late {
            assert_eq!(stage.due_in(), Some(30));
            stage.deadline();
        } else {
            let trouble = CheckpointTrouble { too_large: true, message: "it holds a lot".into() };
            stage.step(Input::Checkpointed { n: plan.n, result: Err(trouble) });
        }
        assert_eq!(turns(&stage), 1, "late: {late}");
        stage.step(Input::Checkpointed { n: plan.n, result: Ok(taken("t")) });
        end_turn(&mut stage);
        stage.send("b").expect("admitted");
        end_turn(&mut stage);
        let warnings = stage.news().into_iter().filter(|l| l == "warning.raised checkpoints_stopped").count();
        assert_eq!((turns(&stage), warnings, created(&stage).len()), (2, 1, 0), "late: {late}");
    }
}

#[test]
fn a_failure_is_told_once_and_tried_again() {
    let mut stage = session(CheckpointMode::Auto);
    for (input, fails) in [("a", true), ("b", true), ("c", false), ("d", true)] {
        stage.send(input).expect("admitted");
        for _ in 0..2 {
            let plan = asked(&mut stage);
            let trouble = CheckpointTrouble { too_large: false, message: "no disk".into() };
            let result = if fails { Err(trouble) } else { Ok(taken("t")) };
            stage.step(Input::Checkpointed { n: plan.n, result });
            if turns(&stage) > 0 && stage.state().turn.is_some() {
                end_turn(&mut stage);
            }
        }
    }
    let warnings = stage.news().into_iter().filter(|l| l == "warning.raised checkpoint_failed").count();
    assert_eq!((turns(&stage), warnings), (4, 2));
}

#[test]
fn a_turn_that_the_agent_begins_by_itself_is_looked_at_when_it_begins() {
    let mut stage = session(CheckpointMode::Auto);
    stage.agent(vec![Signal::TurnBegan]);
    assert_eq!(turns(&stage), 1, "it cannot be held");
    take(&mut stage, "t0");
    stage.agent(vec![Signal::Idle]);
    take(&mut stage, "t1");
    let last = created(&stage).pop().expect("one");
    assert_eq!((last.cause, last.base.as_deref()), (CheckpointCause::After, Some("t0")));
}

#[test]
fn a_restart_in_between_asks_again() {
    let mut stage = session(CheckpointMode::Auto);
    stage.send("a").expect("admitted");
    let lost = asked(&mut stage);
    stage.restart();
    stage.later(3_600_000);
    stage.step(Input::Recovered);
    let again = asked(&mut stage);
    assert!(again.n > lost.n);
    assert_eq!(stage.due_in(), Some(30));
    stage.step(Input::Checkpointed { n: again.n, result: Ok(taken("t0")) });
    assert_eq!(created(&stage).len(), 1);
}

fn goal() -> RewindGoal {
    RewindGoal {
        to: "a".into(),
        checkpoint_id: "c0".parse().expect("valid"),
        tree: "t0".into(),
        seq: Seq(3),
        force: false,
        undoes: None,
    }
}

fn files(goal: RewindGoal) -> Way {
    Way { files: Some(goal), conversation: None }
}

fn outcome(guard: &str, result: &str) -> Box<RewindOutcome> {
    Box::new(RewindOutcome {
        guard: taken(guard),
        result: taken(result),
        files: Vec::new(),
        files_total: 2,
        insertions: 0,
        deletions: 0,
        conflicts: Vec::new(),
        conflicts_total: 0,
    })
}

fn way(stage: &mut Stage) -> tenure_event::RewindId {
    let at = stage.acts.iter().position(|a| matches!(a, Act::Rewind(_))).expect("one is asked for");
    match stage.acts.remove(at) {
        Act::Rewind(rewind) => rewind.id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn inputs_wait_for_a_way_back_and_it_survives_a_restart() {
    let mut stage = session(CheckpointMode::Manual);
    stage.ask(Request::Rewind(Box::new(files(goal())))).expect("begun");
    let id = way(&mut stage);
    stage.send("a").expect("admitted");
    assert_eq!(turns(&stage), 0);
    // Nobody would end it after a restart.
    let refused =
        stage.ask(Request::Destroy { keep_transcript: false }).expect_err("files are half taken back");
    assert_eq!(refused.code, ErrorCode::Busy);
    stage.restart();
    stage.started();
    stage.step(Input::Recovered);
    assert_eq!(way(&mut stage), id, "the same one");
    stage.step(Input::Rewound { id: id.clone(), result: Ok(outcome("t1", "t0")) });
    stage.step(Input::Rewound { id, result: Ok(outcome("t1", "t0")) });
    assert_eq!(turns(&stage), 1);
    let news = stage.news();
    assert_eq!(news.iter().filter(|l| l.starts_with("rewind.completed")).count(), 1, "{news:?}");
    let told = created(&stage);
    assert_eq!(
        told.iter().map(|c| c.cause).collect::<Vec<_>>(),
        [CheckpointCause::Guard, CheckpointCause::Rewind]
    );
    assert_eq!((told[1].base.as_deref(), told[1].parent.as_ref()), (Some("t1"), Some(&goal().checkpoint_id)));
}

#[test]
fn a_way_back_is_undone_once_and_none_begins_while_a_turn_runs() {
    let mut stage = session(CheckpointMode::Manual);
    stage.send("a").expect("admitted");
    let refused = stage.ask(Request::Rewind(Box::new(files(goal())))).expect_err("a turn runs");
    assert_eq!(refused.code, ErrorCode::Busy);
    end_turn(&mut stage);
    stage.ask(Request::Rewind(Box::new(files(goal())))).expect("begun");
    assert_eq!(
        stage.ask(Request::Rewind(Box::new(files(goal())))).expect_err("one at a time").code,
        ErrorCode::Busy
    );
    let id = way(&mut stage);
    stage.step(Input::Rewound { id: id.clone(), result: Ok(outcome("t1", "t0")) });
    let undo = RewindGoal { undoes: Some(id.clone()), ..goal() };
    stage.ask(Request::Rewind(Box::new(files(undo.clone())))).expect("begun");
    let undoing = way(&mut stage);
    stage.step(Input::Rewound { id: undoing, result: Ok(outcome("t0", "t1")) });
    assert!(stage.news().iter().any(|l| l.starts_with("rewind.undone")));
    assert_eq!(
        stage.ask(Request::Rewind(Box::new(files(undo)))).expect_err("done").code,
        ErrorCode::Conflict
    );
}

#[test]
fn one_that_fails_is_told_and_holds_nothing_up() {
    let mut stage = session(CheckpointMode::Manual);
    stage.ask(Request::Rewind(Box::new(files(goal())))).expect("begun");
    let id = way(&mut stage);
    stage.send("a").expect("admitted");
    stage.step(Input::Rewound { id, result: Err("no disk".into()) });
    assert!(stage.news().contains(&"warning.raised rewind_failed".to_owned()));
    assert_eq!(turns(&stage), 1);
}
