//! Requests to a person, and every decision in the program's words.

use serde_json::{Value, json};
use tenure_core::agent::{Answer, AskAnswer, AskSignal, Command, Signal};
use tenure_event::{AskKind, Decision, OptionKind, Scope};

use super::{Fed, THREAD};

fn asked(fed: &mut Fed, method: &str, mut params: Value) -> AskSignal {
    if params.get("threadId").is_none() {
        params["threadId"] = json!(THREAD);
    }
    let told = fed.frame(json!({"id": 7, "method": method, "params": params}));
    let [Signal::Ask(ask)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(ask.token, "7");
    ask.clone()
}

fn answer(ask: &AskSignal, decision: Decision, scope: Scope) -> AskAnswer {
    AskAnswer {
        token: ask.token.clone(),
        keep: ask.keep.clone(),
        decision,
        scope,
        message: None,
        updated_input: None,
        answers: None,
        option_id: None,
        input: ask.input.clone(),
    }
}

fn said(fed: &Fed, answer: AskAnswer) -> Value {
    let line = fed.says(9, &Command::Answer(Answer::Ask(answer)));
    assert_eq!(line["id"], 7);
    line["result"].clone()
}

fn command() -> Value {
    let amendment = json!({"acceptWithExecpolicyAmendment": {"execpolicy_amendment": ["touch", "x"]}});
    json!({"itemId": "c1", "command": "/bin/bash -lc 'touch x'", "cwd": "/w", "reason": "why",
        "availableDecisions": ["accept", amendment, "cancel"]})
}

#[test]
fn a_command_can_be_decided_on_in_every_way() {
    let mut fed = Fed::ready();
    let ask = asked(&mut fed, "item/commandExecution/requestApproval", command());
    assert_eq!((ask.kind, ask.title.as_str(), ask.can_always), (AskKind::Permission, "touch x", true));
    assert_eq!(ask.input.as_ref().unwrap()["command"], "touch x");
    let options: Vec<_> = ask.options.iter().map(|o| (o.id.as_str(), o.kind)).collect();
    assert_eq!(
        options,
        [
            ("accept", OptionKind::AllowOnce),
            ("acceptWithExecpolicyAmendment", OptionKind::AllowAlways),
            ("decline", OptionKind::RejectOnce),
            ("cancel", OptionKind::RejectOnce),
        ]
    );
    let amendment = command()["availableDecisions"][1].clone();
    for (decision, scope, option, wanted) in [
        (Decision::Allow, Scope::Once, None, json!("accept")),
        (Decision::Allow, Scope::Session, None, json!("acceptForSession")),
        (Decision::Allow, Scope::Always, None, amendment.clone()),
        (Decision::Allow, Scope::Always, Some("acceptWithExecpolicyAmendment"), amendment),
        (Decision::Deny, Scope::Once, None, json!("decline")),
        (Decision::Deny, Scope::Once, Some("cancel"), json!("cancel")),
        (Decision::Deny, Scope::Once, Some("nobody knows"), json!("decline")),
        (Decision::Cancel, Scope::Once, None, json!("cancel")),
    ] {
        let answer = AskAnswer { option_id: option.map(str::to_owned), ..answer(&ask, decision, scope) };
        assert_eq!(said(&fed, answer), json!({ "decision": wanted }));
    }
}

#[test]
fn what_is_for_a_host_is_allowed_or_denied_for_good() {
    let mut fed = Fed::ready();
    let rule = |action: &str| json!({"applyNetworkPolicyAmendment": {"network_policy_amendment": {"host": "h", "action": action}}});
    let ask = asked(
        &mut fed,
        "item/commandExecution/requestApproval",
        json!({
            "itemId": "c1", "networkApprovalContext": {"host": "h", "protocol": "https"},
            "availableDecisions": ["accept", "acceptForSession", rule("allow"), rule("deny"), "cancel"],
        }),
    );
    assert_eq!((ask.title.as_str(), ask.can_always), ("Reach h", true));
    assert_eq!(said(&fed, answer(&ask, Decision::Allow, Scope::Always))["decision"], rule("allow"));
    assert_eq!(said(&fed, answer(&ask, Decision::Deny, Scope::Always))["decision"], rule("deny"));
}

#[test]
fn who_approves_a_change_sees_it() {
    let mut fed = Fed::ready();
    fed.begin(3, "t1");
    let change = json!({"path": "/w/n.txt", "kind": {"type": "add"}, "diff": "one\n"});
    fed.item(
        "started",
        "t1",
        json!({"type": "fileChange", "id": "p1", "changes": [change], "status": "inProgress"}),
    );
    let ask = asked(
        &mut fed,
        "item/fileChange/requestApproval",
        json!({"itemId": "p1", "reason": null, "grantRoot": "/w"}),
    );
    assert_eq!(
        (ask.title.as_str(), ask.tool.as_deref(), ask.can_always),
        ("Edit /w/n.txt", Some("apply_patch"), false)
    );
    let input = ask.input.as_ref().unwrap();
    assert_eq!((&input["changes"][0], &input["grant_root"]), (&change, &json!("/w")));
    assert_eq!(said(&fed, answer(&ask, Decision::Allow, Scope::Once)), json!({"decision": "accept"}));
    assert_eq!(
        said(&fed, answer(&ask, Decision::Allow, Scope::Session)),
        json!({"decision": "acceptForSession"})
    );
    assert_eq!(said(&fed, answer(&ask, Decision::Deny, Scope::Once)), json!({"decision": "decline"}));
}

#[test]
fn permissions_are_given_as_asked_for_or_not_at_all() {
    let mut fed = Fed::ready();
    let wanted = json!({"network": {"enabled": true}, "fileSystem": null});
    let ask = asked(
        &mut fed,
        "item/permissions/requestApproval",
        json!({"itemId": "i", "cwd": "/w", "reason": "net", "permissions": wanted}),
    );
    let given = json!({"network": {"enabled": true}});
    assert_eq!(
        said(&fed, answer(&ask, Decision::Allow, Scope::Once)),
        json!({"permissions": given, "scope": "turn"})
    );
    assert_eq!(
        said(&fed, answer(&ask, Decision::Allow, Scope::Session)),
        json!({"permissions": given, "scope": "session"})
    );
    assert_eq!(
        said(&fed, answer(&ask, Decision::Deny, Scope::Once)),
        json!({"permissions": {}, "scope": "turn"})
    );
}

#[test]
fn questions_are_answered_by_their_own_ids() {
    let mut fed = Fed::ready();
    let question = json!({"id": "q1", "header": "Colour", "question": "Which?", "options": [{"label": "red", "description": "r"}]});
    let ask = asked(&mut fed, "item/tool/requestUserInput", json!({"itemId": "i", "questions": [question]}));
    assert_eq!((ask.kind, ask.questions[0].choices[0].label.as_str()), (AskKind::Question, "red"));
    let given =
        AskAnswer { answers: Some(json!({"Which?": "blue"})), ..answer(&ask, Decision::Allow, Scope::Once) };
    assert_eq!(said(&fed, given), json!({"answers": {"q1": {"answers": ["blue"]}}}));
    assert_eq!(said(&fed, answer(&ask, Decision::Deny, Scope::Once)), json!({"answers": {}}));
}

#[test]
fn servers_ask_by_forms_and_for_their_tools() {
    let mut fed = Fed::ready();
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "title": "How many"}}});
    let form = json!({"serverName": "ev", "mode": "form", "message": "Tell", "requestedSchema": schema});
    let ask = asked(&mut fed, "mcpServer/elicitation/request", form);
    assert_eq!((ask.kind, ask.title.as_str()), (AskKind::Elicitation, "ev: Tell"));
    let given =
        AskAnswer { answers: Some(json!({"How many": "3"})), ..answer(&ask, Decision::Allow, Scope::Once) };
    assert_eq!(said(&fed, given), json!({"action": "accept", "content": {"n": 3}}));
    let tool = json!({"serverName": "ev", "mode": "form", "message": "Run?", "requestedSchema": {"type": "object", "properties": {}},
        "_meta": {"codex_approval_kind": "mcp_tool_call", "tool_title": "echo", "persist": ["session", "always"]}});
    let ask = asked(&mut fed, "mcpServer/elicitation/request", tool);
    assert_eq!(
        (ask.kind, ask.tool.as_deref(), ask.can_always),
        (AskKind::Permission, Some("mcp__ev__echo"), true)
    );
    assert_eq!(
        said(&fed, answer(&ask, Decision::Allow, Scope::Always))["_meta"],
        json!({"persist": "always"})
    );
    assert_eq!(said(&fed, answer(&ask, Decision::Allow, Scope::Once))["_meta"], json!(null));
    assert_eq!(said(&fed, answer(&ask, Decision::Deny, Scope::Once))["action"], "decline");
}

#[test]
fn a_subagents_request_comes_up_with_its_path() {
    let mut fed = Fed::ready();
    let mut params = command();
    params["threadId"] = json!("other");
    let ask = asked(&mut fed, "item/commandExecution/requestApproval", params);
    assert_eq!(ask.path, ["other"]);
}

#[test]
fn what_is_not_served_is_refused_and_what_is_over_is_withdrawn() {
    let mut fed = Fed::ready();
    for method in ["item/tool/call", "currentTime/read", "account/chatgptAuthTokens/refresh", "new/thing"] {
        let told = fed.frame(json!({"id": "a1", "method": method, "params": {"threadId": THREAD}}));
        let [Signal::Send(refusal)] = &told[..] else { panic!("{told:?}") };
        let line = fed.says(9, refusal);
        assert_eq!((&line["id"], &line["error"]["code"]), (&json!("a1"), &json!(-32601)));
    }
    let told = fed.tell("serverRequest/resolved", json!({"requestId": 7}));
    assert_eq!(told, [Signal::AskWithdrawn { token: "7".to_owned() }]);
}
