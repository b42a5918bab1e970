//! The end of a turn, and what was steered into it.

use serde_json::{Value, json};
use tenure_core::agent::{Command, Signal, TurnVerdict};

use super::super::{Talk, record, wire};
use super::{agent, end_turn, said};

#[test]
fn a_stop_reason_is_a_verdict() {
    let limit = |what: &str| TurnVerdict::Limit(what.to_owned());
    for (word, verdict) in [
        (json!("end_turn"), TurnVerdict::Finished),
        (json!("refusal"), TurnVerdict::Finished),
        (json!("something_new"), TurnVerdict::Finished),
        (json!(7), TurnVerdict::Finished),
        (json!("cancelled"), TurnVerdict::Cancelled),
        (json!("max_tokens"), limit("tokens")),
        (json!("max_turn_requests"), limit("turns")),
    ] {
        let mut talk = Talk::ready();
        talk.update(agent("x"));
        let out = talk.frame(json!({"id": 3 * 16 + 4, "result": {"stopReason": word}}));
        let Some(Signal::TurnEnded(end)) = out.last() else { panic!("{out:?}") };
        assert_eq!((end.prompt_n, &end.verdict, end.said), (Some(3), &verdict, true), "{word}");
        assert_eq!(end.stop_reason.as_deref(), word.as_str());
        // Told again: reported again, for the machine to ignore.
        let out = talk.frame(json!({"id": 3 * 16 + 4, "result": {"stopReason": word}}));
        assert!(matches!(&out[..], [Signal::TurnEnded(end)] if end.prompt_n == Some(3) && !end.said));
    }
}

#[test]
fn errors_inside_a_turn_that_ended_well_are_found() {
    let verdict = |preset: &str, updates: &[Value]| {
        let mut start = record();
        start.preset = Some(preset.to_owned());
        let mut talk = Talk::new(start);
        talk.frame(json!({"id": 16, "result": {}}));
        talk.frame(json!({"id": 33, "result": {"sessionId": "s"}}));
        for update in updates {
            talk.update(update.clone());
        }
        match talk.frame(end_turn(3)).pop() {
            Some(Signal::TurnEnded(end)) => end.verdict,
            other => panic!("{other:?}"),
        }
    };
    let code = |verdict: TurnVerdict| match verdict {
        TurnVerdict::Failed(error) => error.code,
        other => format!("{other:?}"),
    };
    let goose = agent(
        "Ran into this error: Rate limit exceeded.\n\nPlease retry if you think this is a transient or recoverable error.",
    );
    assert_eq!(code(verdict("goose", std::slice::from_ref(&goose))), "rate_limited");
    assert_eq!(code(verdict("other", &[goose])), "Finished");
    let broken = json!({"sessionUpdate": "session_info_update", "_meta": {"codex": {"threadStatus": {"type": "systemError"}}}});
    assert_eq!(
        code(verdict("codex-acp", &[broken, agent("{\"error\": {\"message\": \"no\"}}")])),
        "model_error"
    );
    let retry = agent("Retrying (attempt 1/3, waiting 2s)...");
    assert_eq!(code(verdict("pi-acp", std::slice::from_ref(&retry))), "model_error");
    assert_eq!(code(verdict("pi-acp", &[retry, agent("here I am")])), "Finished");
}

#[test]
fn cost_is_what_this_turn_added() {
    let mut talk = Talk::ready();
    let cost = |amount: f64, currency: &str| json!({"sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": {"amount": amount, "currency": currency}});
    let of = |talk: &mut Talk| match talk.frame(end_turn(3)).pop() {
        Some(Signal::TurnEnded(end)) => end.cost_usd,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        &talk.update(cost(0.1, "USD"))[..],
        [Signal::Usage { cost_usd: Some(_), context: Some(_), .. }]
    ));
    assert_eq!(talk.update(cost(0.1, "USD")), [], "nothing is told twice");
    assert_eq!(of(&mut talk), Some(0.1));
    talk.update(cost(0.30000000000000004, "USD"));
    talk.update(cost(99.0, "EUR"));
    assert_eq!(of(&mut talk), Some(0.2));
}

#[test]
fn a_steered_prompt_leads_back_to_its_input() {
    let mut talk = Talk::ready_with(json!({"_meta": {"steering": {"supported": true}}}), json!({}));
    let steer = Command::Steer {
        input_id: tenure_event::InputId::parse("inp").unwrap(),
        attempt: 1,
        parts: wire::parts(vec![said("also this")]),
    };
    let written = talk.says(5, &steer);
    assert_eq!(written["method"], "_session/steering");
    let native = tenure_core::agent::input_uuid(
        &record().session_id,
        &tenure_event::InputId::parse("inp").unwrap(),
        1,
    );
    let out = talk.frame(json!({"id": written["id"], "result": {"outcome": "injected"}}));
    assert_eq!(out, [Signal::InputTaken { native_input: native.to_string() }]);
    for refusal in
        [json!({"result": {"outcome": "rejected"}}), json!({"error": {"code": -32603}}), json!({"result": 1})]
    {
        let mut line = refusal;
        line["id"] = written["id"].clone();
        assert!(matches!(&talk.frame(line)[..], [Signal::SteerRefused { n: 5, .. }]));
    }
}
