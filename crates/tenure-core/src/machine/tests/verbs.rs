//! Every verb at every moment, as one table: what it hits, what is to be waited for, what is
//! told, sent and done.

use std::fmt::Write as _;

use tenure_api::{ConfigPatch, Problem, QueueChoice};
use tenure_event::{Delivery, Lifecycle, TurnId};

use super::scenes::MOMENTS;
use super::words;
use crate::{Reply, Request, Until, UpdateRequest};

type Verb = fn() -> Request;

const VERBS: &[(&str, Verb)] = &[
    ("interrupt, keep", || Request::Interrupt { queue: QueueChoice::Keep }),
    ("interrupt, discard", || Request::Interrupt { queue: QueueChoice::Discard }),
    ("suspend", || Request::Suspend),
    ("resume", || Request::Resume),
    ("close", || Request::Close),
    ("kill", || Request::Kill),
    ("destroy", || Request::Destroy { keep_transcript: false }),
    ("admit, queue", || words::delivered("z", Delivery::Queue)),
    ("admit, steer", || words::delivered("z", Delivery::Steer)),
    ("admit, interrupt", || words::delivered("z", Delivery::Interrupt)),
    ("cancel b", || Request::CancelInput(words::id("b"))),
    ("edit b", || Request::EditInput { input_id: words::id("b"), parts: words::text("other words") }),
    ("configure", || {
        let patch = ConfigPatch { model: Some("m2".into()), ..ConfigPatch::default() };
        Request::Configure(Box::new(patch))
    }),
    ("compact", || Request::Compact { instructions: None }),
    ("clear", || Request::Clear),
    ("stop task", || Request::StopTask { task_id: "k1".into() }),
    ("archive", || {
        Request::Update(Box::new(UpdateRequest { archived: Some(true), ..UpdateRequest::default() }))
    }),
];

#[test]
fn every_verb_at_every_moment() {
    for (verb, request) in VERBS {
        let mut table = String::new();
        for (moment, scene) in MOMENTS {
            let mut stage = scene();
            let (_, _, sent) = (stage.news(), stage.acts(), stage.commands.len());
            let turn = stage.state().turn.as_ref().map(|t| t.id.clone());
            let reply = stage.ask(request());
            let _ = writeln!(table, "{moment}");
            let _ = writeln!(table, "    {}", said(&reply, turn.as_ref()));
            for line in stage.news() {
                let _ = writeln!(table, "    - {line}");
            }
            let commands: Vec<String> = stage.commands[sent..].iter().map(|c| words::command(&c.2)).collect();
            let done = [commands, stage.acts().into_iter().map(str::to_owned).collect()].concat();
            if !done.is_empty() {
                let _ = writeln!(table, "    > {}", done.join(", "));
            }
            let _ = writeln!(table, "    = {} [{}]", stage.axes(), stage.queue().join(" "));
        }
        insta::with_settings!({ omit_expression => true, snapshot_path => "tables", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(verb.replace(", ", "_").replace(' ', "_"), table);
        });
    }
}

fn said(reply: &Result<Reply, Problem>, turn: Option<&TurnId>) -> String {
    match reply {
        Ok(Reply::Done { hit, until, .. }) => {
            let hit: Vec<String> = hit.iter().map(|h| short(h, turn)).collect();
            let until = match until {
                Until::Now => "now",
                Until::TurnEnd(_) => "turn end",
                Until::ProcessGone => "process gone",
                Until::Ready => "ready",
                Until::Cleared => "cleared",
                Until::Answers(_) => "answers",
                Until::Compacted(_) => "compacted",
                Until::TaskEnd(..) => "task end",
            };
            format!("hit [{}] until {until}", hit.join(" "))
        }
        Ok(Reply::Artifact { version, new }) => format!("artifact {version}, new {new}"),
        Ok(Reply::Admitted(r)) => {
            let taken = if r.turn_id.is_some() { ", in a turn" } else { "" };
            format!("admitted {:?}@{}{taken}", r.delivery, r.position)
        }
        Ok(Reply::Answered(ask)) => format!("answered {:?}", ask.state),
        Err(p) => format!("refused {}: {}", p.code.as_str(), p.detail),
    }
}

fn short(hit: &str, turn: Option<&TurnId>) -> String {
    match turn {
        Some(turn) if hit == format!("turn:{turn}") => "turn".to_owned(),
        _ => hit.to_owned(),
    }
}

/// After any verb a destroy still ends everything, and after a destroy nothing more happens.
#[test]
fn a_destroy_always_ends_it() {
    for (moment, scene) in MOMENTS {
        for (verb, request) in VERBS {
            let mut stage = scene();
            let _ = stage.ask(request());
            let _ = stage.ask(Request::Destroy { keep_transcript: true });
            if stage.state().process.is_some() {
                stage.exited(words::exit_code(0));
            }
            assert_eq!(stage.state().lifecycle, Lifecycle::Destroyed, "{moment}, {verb}");
            assert_eq!(stage.machine.next_deadline(), None, "{moment}, {verb}");
            assert!(!stage.state().is_live(), "{moment}, {verb}");
            let before = stage.log.len();
            for (_, request) in VERBS {
                let refused = stage.ask(request()).expect_err("destroyed");
                assert_eq!(refused.code, tenure_api::ErrorCode::Destroyed);
            }
            assert_eq!(stage.log.len(), before);
        }
    }
}
