//! Rules: how a turn ends, what it took in and what it used.

use serde_json::{Value, json};
use tenure_core::agent::{ResumeHow, Signal, StartRecord, TurnVerdict};
use tenure_event::WaitReason;

use super::{call, end_of, init, lifecycle, result};
use crate::claude::tests::Fed;
use crate::laws::start_record;

#[test]
fn verdicts() {
    let failed = |code: &str| format!("failed {code}");
    let cases = [
        (json!({}), "finished".to_owned()),
        (json!({"stop_reason": "refusal"}), "finished".to_owned()),
        (json!({"terminal_reason": "aborted_streaming"}), "cancelled".to_owned()),
        (json!({"is_error": true, "api_error_status": 401}), failed("auth_required")),
        (json!({"is_error": true, "api_error_status": 403}), failed("auth_required")),
        (
            json!({"is_error": true, "result": "Not logged in · Please run /login", "terminal_reason": "api_error"}),
            failed("auth_required"),
        ),
        (json!({"is_error": true, "api_error_status": 429}), failed("rate_limited")),
        (json!({"is_error": true, "api_error_status": 529}), failed("overloaded")),
        (json!({"is_error": true, "api_error_status": 500}), failed("model_error")),
        (
            json!({"is_error": true, "api_error_status": 400, "terminal_reason": "prompt_too_long"}),
            failed("context_full"),
        ),
        (json!({"is_error": true, "terminal_reason": "api_error"}), failed("model_error")),
        (json!({"is_error": true}), failed("agent_error")),
        (
            json!({"subtype": "error_during_execution", "terminal_reason": "aborted_tools", "is_error": true}),
            "cancelled".to_owned(),
        ),
        (
            json!({"subtype": "error_during_execution", "is_error": true, "errors": ["boom"]}),
            failed("agent_error"),
        ),
        (json!({"subtype": "error_during_execution"}), failed("agent_error")),
        (json!({"subtype": "error_max_turns", "is_error": true}), "limit turns".to_owned()),
        (json!({"subtype": "error_max_budget_usd", "is_error": true}), "limit budget".to_owned()),
        (json!({"subtype": "error_of_tomorrow"}), failed("agent_error")),
        (json!({"subtype": 5, "is_error": "yes"}), "finished".to_owned()),
    ];
    for (fields, expected) in cases {
        let mut fed = Fed::ready();
        let end = end_of(&fed.frame(result(fields.clone())));
        let told = match end.verdict {
            TurnVerdict::Finished => "finished".to_owned(),
            TurnVerdict::Cancelled => "cancelled".to_owned(),
            TurnVerdict::Limit(limit) => format!("limit {limit}"),
            TurnVerdict::Failed(error) => {
                assert!(!error.message.is_empty());
                failed(&error.code)
            }
        };
        assert_eq!(told, expected, "{fields}");
    }
}

/// The notice in place of a message tells the kind of error that the result leaves out.
#[test]
fn an_error_notice_is_no_message_and_gives_the_result_its_code() {
    let notice = |parent: Value| {
        json!({"type": "assistant", "is_api_error_message": true, "error": "rate_limit", "parent_tool_use_id": parent,
            "message": {"id": "x", "model": "<synthetic>", "content": [{"type": "text", "text": "API Error: slow down"}]}})
    };
    let mut fed = Fed::ready();
    assert!(fed.frame(notice(Value::Null)).is_empty());
    let end = end_of(&fed.frame(result(json!({"is_error": true, "result": "API Error: slow down"}))));
    assert!(matches!(end.verdict, TurnVerdict::Failed(error) if error.code == "rate_limited"));
    let end = end_of(&fed.frame(result(json!({"is_error": true}))));
    assert!(
        matches!(end.verdict, TurnVerdict::Failed(error) if error.code == "agent_error"),
        "it is not kept"
    );
    let told = fed.frame(notice(json!("toolu_agent")));
    assert!(matches!(&told[..], [Signal::Warning { code, .. }] if code == "rate_limited"), "{told:?}");
}

#[test]
fn usage_and_cost_of_a_turn() {
    let used = |n: u64, cost: f64| {
        json!({"m": {"inputTokens": n, "outputTokens": 1, "thinkingTokens": 1,
        "cacheReadInputTokens": 2, "cacheCreationInputTokens": 3, "costUSD": cost}})
    };
    let mut fed = Fed::ready();
    let end = end_of(
        &fed.frame(result(json!({"total_cost_usd": 9.0, "model_usage_since_last_result": used(5, 0.25)}))),
    );
    let usage = end.usage.unwrap();
    let counts = (
        usage.input_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    );
    assert_eq!(counts, (5, 1, 1, 2, 3));
    assert_eq!(end.cost_usd, Some(0.25), "not the total");
    // Older versions tell the total alone.
    let cost = |fed: &mut Fed, total: f64| {
        end_of(&fed.frame(result(json!({"total_cost_usd": total, "usage": {"input_tokens": 4}})))).cost_usd
    };
    assert_eq!(cost(&mut fed, 9.5), Some(0.5));
    assert_eq!(cost(&mut fed, 9.5), Some(0.0));
    assert_eq!(cost(&mut fed, 0.125), Some(0.125), "the total began anew");
    let mut resumed =
        Fed::after_hello(StartRecord { resume: ResumeHow::Resume("x".to_owned()), ..start_record() });
    assert_eq!(cost(&mut resumed, 3.0), None, "what was spent before is in it");
    assert_eq!(cost(&mut resumed, 3.25), Some(0.25));
    // An unknown price is unknown, not zero.
    let unknown = json!({"a": {"inputTokens": 1, "costUSD": 0, "costBasis": "unknown"}});
    let end = end_of(&fed.frame(result(json!({"model_usage_since_last_result": unknown}))));
    assert_eq!(end.cost_usd, None);
}

#[test]
fn which_inputs_a_turn_took_in() {
    let taken = |signals: &[Signal]| -> Vec<String> {
        let inputs = signals.iter().filter_map(|signal| match signal {
            Signal::InputTaken { native_input } => Some(native_input.clone()),
            Signal::TurnBegan => Some("BEGAN".to_owned()),
            _ => None,
        });
        inputs.collect()
    };
    let mut fed = Fed::ready();
    let first = fed.frames([lifecycle("a", "queued"), lifecycle("a", "started"), init(Some(&["a"]))]);
    assert_eq!(taken(&first), ["BEGAN", "a"], "between turns it waits for the next turn");
    let folded = fed.frames([lifecycle("b", "queued"), lifecycle("b", "started")]);
    assert_eq!(taken(&folded), ["b"], "within a turn it was folded in");
    let again = json!({"type": "system", "subtype": "status", "status": "requesting", "user_message_uuids": ["a", "b", "c"]});
    assert_eq!(taken(&fed.frame(again)), ["c"], "each once, wherever it is named");
    // Steered and not taken: it starts the next turn.
    let next = fed.frames([
        lifecycle("d", "queued"),
        result(json!({"user_message_uuids": ["a", "b", "c"]})),
        lifecycle("d", "started"),
        init(None),
    ]);
    assert_eq!(taken(&next), ["BEGAN", "d"]);
    // A version that tells no lifecycle names them at the message.
    let old = fed.frames([
        result(json!({})),
        init(None),
        json!({"type": "stream_event", "user_message_uuids": ["e"], "event": {"type": "message_start", "message": {"id": "m"}}}),
    ]);
    assert_eq!(taken(&old), ["BEGAN", "e"]);
}

#[test]
fn whose_result_it_is() {
    let cases = [
        (json!({"user_message_uuids": ["a", "b"]}), Some(vec!["a".to_owned(), "b".to_owned()])),
        (json!({"user_message_uuid": "a"}), Some(vec!["a".to_owned()])),
        (json!({"origin": {"kind": "task-notification"}}), Some(Vec::new())),
        (json!({"origin": null}), None),
        (json!({}), None),
    ];
    for (fields, expected) in cases {
        let end = end_of(&Fed::ready().frame(result(fields.clone())));
        assert_eq!(end.native_inputs, expected, "{fields}");
        assert_eq!(end.prompt_n, None);
    }
}

#[test]
fn an_input_that_was_cancelled_before_its_turn_began_ends() {
    let mut fed = Fed::ready();
    let end = end_of(&fed.frames([lifecycle("a", "queued"), lifecycle("a", "cancelled")]));
    assert_eq!(end.native_inputs, Some(vec!["a".to_owned()]));
    assert!(matches!(end.verdict, TurnVerdict::Cancelled));
    // The turn that was cut had its result; its lifecycle is told afterwards.
    fed.frames([lifecycle("b", "started"), init(Some(&["b"])), result(json!({"user_message_uuids": ["b"]}))]);
    assert!(fed.frame(lifecycle("b", "cancelled")).is_empty());
    // One that was queued behind the running turn is no turn of its own.
    fed.frame(init(Some(&["c"])));
    assert!(fed.frames([lifecycle("d", "queued"), lifecycle("d", "cancelled")]).is_empty());
}

#[test]
fn idle_follows_only_where_the_program_tells_its_state() {
    let state = |state: &str| json!({"type": "system", "subtype": "session_state_changed", "state": state});
    let mut fed = Fed::ready();
    assert!(!end_of(&fed.frame(result(json!({})))).idle_follows);
    assert!(fed.frame(state("running")).is_empty());
    assert!(end_of(&fed.frame(result(json!({})))).idle_follows);
    assert!(fed.frame(state("requires_action")).is_empty());
    assert_eq!(fed.frame(state("idle")), [Signal::Idle]);
}

#[test]
fn what_the_agent_waits_for() {
    let retry = |status: Value, error: &str| json!({"type": "system", "subtype": "api_retry", "error_status": status, "error": error, "retry_delay_ms": 500});
    let cases = [
        (retry(json!(401), "x"), WaitReason::Auth),
        (retry(Value::Null, "authentication_failed"), WaitReason::Auth),
        (retry(json!(429), "x"), WaitReason::RateLimit),
        (retry(json!(529), "overloaded"), WaitReason::Retry),
        (retry(Value::Null, "unknown"), WaitReason::Retry),
    ];
    let progress = [
        json!({"type": "stream_event", "event": {"type": "message_start", "message": {"id": "m"}}}),
        call("m", "t", "Bash", &json!({})),
        result(json!({})),
        json!({"type": "system", "subtype": "session_state_changed", "state": "idle"}),
    ];
    for (frame, reason) in cases {
        for progress in &progress {
            let mut fed = Fed::ready();
            let told = fed.frame(frame.clone());
            assert!(
                matches!(&told[..], [Signal::Waiting(Some(wait))] if wait.reason == reason && wait.for_ms == Some(500)),
                "{told:?}"
            );
            assert_eq!(fed.frame(progress.clone())[0], Signal::Waiting(None));
        }
    }
    let limit = |status: &str| json!({"type": "rate_limit_event", "rate_limit_info": {"status": status, "resetsAt": 1_795_139_670}});
    let mut fed = Fed::ready();
    let told = fed.frame(limit("rejected"));
    assert!(matches!(&told[..], [Signal::Waiting(Some(wait))]
        if wait.reason == WaitReason::RateLimit && wait.until.unwrap().as_millis() == 1_795_139_670_000));
    assert_eq!(fed.frame(limit("allowed")), [Signal::Waiting(None)]);
    assert!(fed.frame(limit("allowed")).is_empty());
    assert!(matches!(&fed.frame(limit("allowed_warning"))[..], [Signal::Warning { .. }]));
}
