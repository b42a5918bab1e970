//! Anything in any order: clients, agents, exits, deadlines, restarts of the daemon at every
//! moment. The monitor watches each step; at the end everything must come to rest.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use tenure_api::{CheckpointMode, PermissionDefault, QueueChoice, RestartPolicy};
use tenure_event::{Decision, Delivery, Scope, TurnOrigin};

use super::agents::{Move, Style};
use super::words::spec;
use super::world::{Op, World};
use crate::machine::Spec;

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        12 => Just(Move::Greet),
        1 => Just(Move::FailHandshake),
        4 => Just(Move::Say),
        4 => Just(Move::Tool),
        5 => Just(Move::Ask),
        1 => Just(Move::AskInBackground),
        1 => Just(Move::TakeAskBack),
        6 => Just(Move::TakeSteered),
        1 => Just(Move::RefuseSteered),
        5 => Just(Move::Begin),
        3 => Just(Move::BeginByItself),
        1 => Just(Move::StopWithoutResult),
        10 => any::<u8>().prop_map(Move::End),
        1 => Just(Move::EndAgain),
        4 => Just(Move::Rest),
        1 => Just(Move::ReadFile),
        1 => Just(Move::Task),
        1 => Just(Move::Wait),
        1 => Just(Move::Compact),
        1 => Just(Move::Clear),
        4 => any::<u8>().prop_map(Move::Cost),
    ]
}

fn client() -> impl Strategy<Value = Op> {
    let delivery = prop_oneof![Just(Delivery::Queue), Just(Delivery::Steer), Just(Delivery::Interrupt)];
    let choice = || prop_oneof![Just(QueueChoice::Keep), Just(QueueChoice::Discard)];
    let decision = prop_oneof![Just(Decision::Allow), Just(Decision::Deny), Just(Decision::Cancel)];
    let scope = prop_oneof![3 => Just(Scope::Once), 1 => Just(Scope::Session), 1 => Just(Scope::Always)];
    prop_oneof![
        60 => delivery.prop_map(Op::Send),
        6 => (0..20_u8).prop_map(Op::CancelInput),
        4 => (0..20_u8).prop_map(Op::EditInput),
        6 => choice().prop_map(Op::Interrupt),
        2 => Just(Op::Suspend),
        16 => Just(Op::Resume),
        1 => Just(Op::Close),
        1 => Just(Op::Kill),
        16 => (any::<u8>(), decision, scope, any::<bool>()).prop_map(|(n, d, s, w)| Op::Answer(n, d, s, w)),
        1 => Just(Op::Archive),
        6 => (0..12_u8).prop_map(Op::Raise),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        25 => client(),
        30 => Just(Op::Act),
        1 => Just(Op::SpawnFails),
        10 => Just(Op::Announce),
        40 => Just(Op::Hear),
        2 => Just(Op::Unsaid),
        60 => moves().prop_map(Op::Agent),
        40 => (1..4_u8).prop_map(Op::Read),
        3 => Just(Op::Serve),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(busy, stopped)| Op::Vitals(busy, stopped)),
        2 => (0..400_u16).prop_map(Op::Measured),
        1 => any::<bool>().prop_map(Op::Spool),
        6 => Just(Op::Die),
        1 => Just(Op::Crash),
        12 => Just(Op::Reap),
        5 => (0..2000_u16).prop_map(Op::Tick),
        5 => Just(Op::Deadline(5)),
        1 => Just(Op::Deadline(1000)),
        30 => Just(Op::Flow),
        4 => Just(Op::Restart),
    ]
}

fn specs() -> impl Strategy<Value = Spec> {
    let default = prop_oneof![
        4 => Just(PermissionDefault::Ask),
        1 => Just(PermissionDefault::Allow),
        1 => Just(PermissionDefault::Deny)
    ];
    let often = RestartPolicy::OnCrash(tenure_api::CrashPolicy { max: 1, seconds: 30 });
    let restart = prop_oneof![Just(RestartPolicy::Never), Just(RestartPolicy::on_crash()), Just(often)];
    let seconds = |some: u64| prop_oneof![2 => Just(0_u64), 1 => Just(some)];
    let checkpoints = prop_oneof![
        2 => Just(CheckpointMode::Manual),
        1 => Just(CheckpointMode::Auto),
        1 => Just(CheckpointMode::Tool)
    ];
    let times = (seconds(5), seconds(10), seconds(20));
    let rarely = |some: u64| prop_oneof![7 => Just(0_u64), 1 => Just(some)];
    let ceilings = (rarely(5), rarely(3), rarely(200)).prop_map(|(turns, cost, memory_mb)| {
        crate::machine::Ceilings { turns, cost_usd: cost as f64, memory_mb }
    });
    (default, restart, prop_oneof![4 => Just(40_u64), 1 => Just(0)], times, checkpoints, ceilings).prop_map(
        |(
            permission_default,
            restart,
            ask,
            (turn_seconds, idle_seconds, stall_seconds),
            checkpoints,
            ceilings,
        )| Spec {
            checkpoints,
            ceilings,
            permission_default,
            restart,
            ask_timeout_seconds: ask,
            turn_seconds,
            idle_seconds,
            stall_seconds,
            native_id_chosen: (ask > 0).then(|| "n1".to_owned()),
            ..spec()
        },
    )
}

fn run(style: Style, spec: Spec, start: bool, ops: &[Op]) -> World {
    let mut world = World::new(spec, style, start);
    for op in ops {
        world.happen(*op);
    }
    world
}

fn styles() -> impl Strategy<Value = Style> {
    prop_oneof![Just(Style::Answers), Just(Style::Queues)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_everything_ends_once(
        style in styles(),
        spec in specs(),
        start in any::<bool>(),
        ops in prop::collection::vec(ops(), 50..600),
    ) {
        let mut world = run(style, spec, start, &ops);
        world.settle();
        world.totals();
        world.close();
        world.totals();
    }

    #[test]
    fn a_destroy_at_any_moment_is_the_last_thing(
        style in styles(),
        spec in specs(),
        before in prop::collection::vec(ops(), 0..200),
        after in prop::collection::vec(ops(), 0..100),
    ) {
        let mut world = run(style, spec, true, &before);
        world.happen(Op::Destroy);
        for op in after {
            world.happen(op);
        }
        world.settle();
        world.totals();
        world.close();
    }
}

/// A storm in which nothing is ever open when it matters would prove nothing.
#[test]
fn agents_and_daemons_crash_while_much_is_open() {
    let mut runner = TestRunner::deterministic();
    let cases = (styles(), specs(), prop::collection::vec(ops(), 50..600));
    // Asks open, steers on their way, inputs queued, a turn that the agent began: at crashes of the agent, then of the daemon.
    let mut seen = [0; 8];
    for _ in 0..512 {
        let (style, spec, ops) = cases.new_tree(&mut runner).expect("a case").current();
        let mut world = World::new(spec, style, true);
        for op in ops {
            let state = world.stage.state();
            let first = match op {
                Op::Crash if state.process.is_some() => 0,
                Op::Restart => 4,
                _ => seen.len(),
            };
            let turn = state.turn.as_ref();
            let open = [
                !state.asks.is_empty(),
                turn.is_some_and(|t| !t.steered.is_empty()),
                !state.queue.is_empty(),
                turn.is_some_and(|t| t.origin == TurnOrigin::Agent),
            ];
            for (count, open) in seen.iter_mut().skip(first).zip(open) {
                *count += usize::from(open);
            }
            world.happen(op);
        }
    }
    assert!(seen.iter().all(|count| *count >= 5), "too few of some: {seen:?}");
}
