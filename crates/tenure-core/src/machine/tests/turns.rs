//! How turns end: whose word counts, late and doubled ends, turns that the agent starts.

use tenure_api::QueueChoice;
use tenure_event::Outcome;

use super::scenes::{end_turn, idle, interrupting, running, running_as, running_queued};
use super::stage::Stage;
use super::words;
use super::words::{answer_to, failure, native, permission, result_of, says, spec, tool, tool_ends};
use crate::Request;
use crate::agent::{Signal, TurnEnd, TurnVerdict};
use crate::machine::Input;

/// Ends the turn with this verdict; tells the line of its end.
fn judged(stage: &mut Stage, verdict: TurnVerdict, said: bool, stderr: Option<&str>) -> String {
    stage.news();
    let end = TurnEnd { said, ..answer_to(stage.prompt_n(), verdict) };
    let (signals, stderr) = (vec![Signal::TurnEnded(end)], stderr.map(str::to_owned));
    stage.step(Input::Agent { generation: stage.generation(), signals, stderr });
    let news = stage.news();
    news.into_iter().find(|l| l.starts_with("turn.completed")).expect("the turn ended")
}

#[test]
fn the_outcome_is_by_record_first_and_then_by_the_agents_word() {
    use TurnVerdict::{Cancelled, Failed, Finished, Limit};
    let rows: [(bool, TurnVerdict, bool, Option<&str>, &str); 12] = [
        (false, Finished, true, None, "completed"),
        (false, Finished, false, None, "completed"),
        (false, Finished, false, Some("  \n"), "completed"),
        (false, Finished, true, Some("noise"), "completed"),
        (false, Finished, false, Some("402 no money"), "failed agent_error"),
        (false, Cancelled, true, None, "completed"),
        (false, Failed(failure("model_error")), true, None, "failed model_error"),
        (false, Limit("turns".into()), true, None, "limit turns"),
        (true, Finished, true, None, "interrupted"),
        (true, Cancelled, false, Some("noise"), "interrupted"),
        (true, Failed(failure("agent_error")), true, None, "interrupted"),
        (true, Limit("turns".into()), true, None, "interrupted"),
    ];
    for (interrupted, verdict, said, stderr, outcome) in rows {
        let mut stage = if interrupted { interrupting() } else { running() };
        let line = judged(&mut stage, verdict.clone(), said, stderr);
        assert_eq!(line, format!("turn.completed {outcome} [a]"), "{verdict:?}");
        assert_eq!(stage.axes(), "live/idle");
    }
}

#[test]
fn a_prompt_that_cannot_be_told_ends_its_turn_and_what_was_to_be_steered_waits_for_one() {
    let unsaid = |stage: &mut Stage, n| {
        let error = failure("unsupported");
        stage.step(Input::Unsaid { generation: stage.generation(), n, error });
    };
    let mut stage = running();
    stage.ask(words::delivered("b", tenure_event::Delivery::Steer)).expect("admitted");
    let (prompt, steer) = (stage.prompt_n(), stage.commands.last().expect("a command").1);
    assert!(steer > prompt);
    stage.news();
    unsaid(&mut stage, steer);
    assert_eq!(stage.axes(), "live/running");
    unsaid(&mut stage, prompt);
    let news = stage.news();
    assert!(news.contains(&"turn.completed failed unsupported [a]".into()), "{news:?}");
    assert!(news.contains(&"input.started b turn".into()), "{news:?}");
    // What no turn waits for is told as refused, once.
    unsaid(&mut stage, prompt);
    assert_eq!(stage.news(), ["warning.raised command_refused"]);
    assert_eq!(stage.axes(), "live/running");
}

#[test]
fn late_and_doubled_ends_end_nothing() {
    let mut stage = running_queued();
    let first = answer_to(stage.prompt_n(), TurnVerdict::Finished);
    stage.agent(vec![Signal::TurnEnded(first.clone())]);
    stage.news();
    stage.agent(vec![Signal::TurnEnded(first.clone()), Signal::TurnEnded(first)]);
    assert_eq!(stage.news(), ["native.received late", "native.received late"]);
    let listed = result_of(&[native("a", 0)], TurnVerdict::Finished);
    stage.agent(vec![Signal::TurnEnded(listed.clone())]);
    assert_eq!(stage.news(), ["native.received late"]);
    end_turn(&mut stage);
    end_turn(&mut stage);
    stage.news();
    // None runs any more.
    stage.agent(vec![Signal::TurnEnded(listed)]);
    assert_eq!(stage.news(), ["native.received late"]);
}

#[test]
fn signals_of_a_process_that_is_gone_are_nothing() {
    let mut stage = running();
    let n = stage.prompt_n();
    stage.news();
    let signals = vec![Signal::TurnEnded(answer_to(n, TurnVerdict::Finished)), Signal::Ask(permission("p"))];
    for generation in [0, 2] {
        stage.step(Input::Agent { generation, signals: signals.clone(), stderr: None });
        stage.step(Input::Exited { generation, exit: words::exit_code(0), cut: Vec::new() });
    }
    assert_eq!((stage.news().len(), stage.axes().as_str()), (0, "live/running"));
}

#[test]
fn an_agent_can_start_a_turn_by_itself() {
    let mut stage = idle();
    stage.news();
    stage.agent(vec![Signal::TurnBegan, says("done")]);
    assert_eq!(
        stage.news(),
        ["turn.started agent", "message.completed assistant", "session.activity_changed live/running"]
    );
    stage.send("a").expect("admitted");
    stage.agent(vec![Signal::TurnEnded(result_of(&[], TurnVerdict::Finished)), Signal::Idle]);
    let news = stage.news();
    assert!(news.contains(&"turn.completed completed []".into()), "{news:?}");
    assert!(news.contains(&"input.started a turn".into()), "{news:?}");
}

#[test]
fn a_turn_of_its_own_that_ends_without_a_result_ends_when_it_is_idle() {
    let mut stage = idle();
    stage.agent(vec![Signal::TurnBegan]);
    stage.ask(words::delivered("a", tenure_event::Delivery::Steer)).expect("admitted");
    stage.news();
    let sent = stage.commands.len();
    stage.agent(vec![Signal::Idle]);
    // The agent was idle before it read what was steered: that starts a turn by itself.
    let news = stage.news();
    assert_eq!(news[..3], ["turn.completed completed []", "turn.started input", "input.started a turn"]);
    assert_eq!(stage.commands.len(), sent, "it is not sent again");
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished))]);
    assert!(stage.news().contains(&"turn.completed completed [a]".into()));
}

#[test]
fn a_self_started_turn_that_overtakes_a_prompt_does_not_end_it() {
    let mut stage = running();
    stage.news();
    // Its end lists no input of ours: the prompt is still to come.
    stage.agent(vec![Signal::TurnBegan, Signal::TurnEnded(result_of(&[], TurnVerdict::Finished))]);
    assert_eq!(stage.news(), ["native.received late"]);
    // Or the prompt was folded into it, and ends with it.
    stage.agent(vec![Signal::TurnEnded(result_of(&[native("a", 0)], TurnVerdict::Finished))]);
    assert_eq!(stage.news()[0], "turn.completed completed [a]");
}

#[test]
fn an_interrupt_that_made_the_agent_drop_the_prompt_ends_the_turn_when_it_is_idle() {
    let mut stage = interrupting();
    stage.news();
    stage.agent(vec![Signal::Idle]);
    assert_eq!(stage.news(), ["turn.completed interrupted [a]", "session.activity_changed live/idle"]);
    // One that does not tell when it is idle ends it by an end that lists nothing of ours.
    let mut stage = interrupting();
    let end = TurnEnd { idle_follows: false, ..result_of(&[], TurnVerdict::Cancelled) };
    stage.agent(vec![Signal::TurnEnded(end)]);
    assert!(stage.news().contains(&"turn.completed interrupted [a]".into()));
    // A turn of its own that ended meanwhile is not taken for ours.
    let mut stage = interrupting();
    stage.agent(vec![Signal::TurnEnded(result_of(&[], TurnVerdict::Finished))]);
    assert_eq!(stage.axes(), "live/interrupting");
    // Without an interrupt a word of idleness is an old one, and ends nothing.
    let mut stage = running();
    stage.agent(vec![Signal::Idle]);
    assert_eq!(stage.axes(), "live/running");
}

#[test]
fn interrupting_twice_hits_the_same_turn_and_the_next_one_is_untouched() {
    let mut stage = interrupting();
    stage.send("b").expect("admitted");
    stage.ask(Request::Interrupt { queue: QueueChoice::Keep }).expect("interrupts");
    end_turn(&mut stage);
    assert_eq!(stage.axes(), "live/running");
    end_turn(&mut stage);
    assert_eq!(stage.monitor.outcomes, [Outcome::Interrupted, Outcome::Completed]);
}

#[test]
fn usage_and_cost_add_up() {
    let mut stage = running_queued();
    let usage = tenure_event::Usage { input_tokens: 10, output_tokens: 2, ..Default::default() };
    let ends = [(Some(usage), Some(0.5)), (Some(usage), Some(0.25)), (None, Some(0.25))];
    for (usage, cost_usd) in ends {
        let end = TurnEnd { usage, cost_usd, ..answer_to(stage.prompt_n(), TurnVerdict::Finished) };
        stage.agent(vec![Signal::TurnEnded(end)]);
    }
    let total = stage.state().usage;
    assert_eq!((total.input_tokens, total.output_tokens, total.cost_usd), (20, 4, Some(1.0)));
}

#[test]
fn the_last_word_of_a_turn_is_its_message() {
    let mut stage = running();
    stage.agent(vec![says("one"), Signal::ToolStarted(tool("t")), tool_ends("t"), says("two")]);
    let (said, n) = (stage.state().turn.as_ref().and_then(|t| t.last_message.clone()), stage.prompt_n());
    assert_eq!(said.as_ref().map(tenure_event::MessageId::as_str), Some("msg_two"));
    stage.agent(vec![Signal::TurnEnded(answer_to(n, TurnVerdict::Finished))]);
    let mut next = running_as(spec());
    end_turn(&mut next);
    assert_eq!(next.state().tool_kinds.len(), 0);
}

#[test]
fn a_compaction_that_is_never_told_as_ended_does_not_outlast_its_turn() {
    let mut stage = running();
    stage.agent(vec![Signal::Compaction { began: true, info: tenure_event::Compaction::default() }]);
    assert_eq!(stage.axes(), "live/compacting");
    end_turn(&mut stage);
    assert_eq!(stage.axes(), "live/idle");
}
