//! Forms that a person fills in: those of a real MCP server, and of Pi's extensions. Where an agent shows none, a server that
//! wants one is not waited for without end.

use serde_json::{Value, json};

use super::ground::{Ground, Kind, support};
use super::mcp::{call, everything, result, stands};
use super::turns::one_end_each;

pub(crate) async fn form(kind: Kind) {
    match kind {
        Kind::Pi => of_an_extension().await,
        Kind::Goose | Kind::OpenCode => kept(kind).await,
        Kind::Claude | Kind::ClaudeAcp | Kind::Codex | Kind::CodexAcp => filled(kind).await,
    }
}

/// It comes as an ask with its schema; what does not fit is refused with the field, and the ask stays open.
async fn filled(kind: Kind) {
    let ground = Ground::new(kind).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    let told_by_name = support(&session, "mcp_status").await.is_ok();
    if told_by_name {
        stands(&session, "every", "connected").await;
    }
    support(&session, "elicitation").await.unwrap();
    let prompt = call(kind, "every", "trigger-elicitation-request", json!({})).prompt("Have it ask me.");
    session.send(&prompt).await;
    let ask = session.ask().await;
    assert_eq!(ask["kind"], "elicitation", "{ask}");
    if told_by_name {
        // ACP does not tell which server asks.
        assert_eq!(ask["input"]["server"], "every", "{ask}");
    }
    assert_eq!(ask["input"]["schema"]["required"], json!(["name"]), "{ask}");
    assert_eq!(session.view().await["activity"]["reason"], "elicitation");
    let allow = |answers: Value| json!({"decision": "allow", "answers": answers});
    for (answers, field) in [
        (json!({}), "answers.name"),
        (json!({"name": "Bo", "integer": 700}), "answers.integer"),
        (json!({"name": "Bo", "email": "nobody"}), "answers.email"),
        (json!({"name": "Bo", "made_up": 1}), "answers.made_up"),
    ] {
        let refused = session.answer(&ask, &allow(answers)).await.problem(400, "invalid");
        assert_eq!(refused["field"], field, "{refused}");
    }
    let answers = json!({"name": "Bo", "check": "yes", "integer": "7", "titledSingleSelectEnum": "Superman"});
    session.answer(&ask, &allow(answers)).await.ok(200);
    session.turn_end(1).await;
    let told = result(&ground);
    for part in ["Name: Bo", "Agreed to terms: true", "Favorite Integer: 7", "hero-1"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    for (n, decision, action) in [(2, "deny", "decline"), (3, "cancel", "cancel")] {
        session.send(&prompt).await;
        let ask = session.ask().await;
        session.answer(&ask, &json!({"decision": decision})).await.ok(200);
        session.turn_end(n).await;
        assert!(result(&ground).contains(action), "{decision}: {}", result(&ground));
    }
    one_end_each(&session.events().await);
}

/// OpenCode tells its servers that it takes no forms, so they do not offer what needs one. Goose takes the form and shows
/// it to nobody: the turn can be interrupted.
async fn kept(kind: Kind) {
    let ground = Ground::new(kind).await;
    let more = json!({"mcp_servers": [everything("every")], "permissions": {"default": "allow"}});
    let session = ground.session_with(more).await;
    support(&session, "elicitation").await.unwrap_err();
    let prompt = call(kind, "every", "trigger-elicitation-request", json!({})).prompt("Have it ask me.");
    session.send(&prompt).await;
    if kind == Kind::Goose {
        session.wait_type("tool.started").await;
        session.verb("interrupt").await;
    }
    let end = session.turn_end(1).await;
    let outcome = if kind == Kind::Goose { "interrupted" } else { "completed" };
    assert_eq!(end["data"]["outcome"], outcome, "{end}");
    let asked = session.events_of("ask.opened").await;
    assert!(asked.iter().all(|ask| ask["data"]["kind"] != "elicitation"), "{asked:?}");
    one_end_each(&session.events().await);
}

/// Pi has a text edited.
async fn of_an_extension() {
    let ground = Ground::new(Kind::Pi).await;
    let session = ground.session().await;
    support(&session, "elicitation").await.unwrap();
    session.send("/quiz now").await;
    let mut ask = session.ask().await;
    while ask["kind"] == "question" {
        session.answer(&ask, &json!({"decision": "deny"})).await.ok(200);
        ask = session.ask().await;
    }
    assert_eq!((&ask["kind"], &ask["title"]), (&json!("elicitation"), &json!("Which text?")));
    let answers = |answers: Value| json!({"decision": "allow", "answers": answers});
    let refused = session.answer(&ask, &answers(json!({"made_up": 1}))).await.problem(400, "invalid");
    assert_eq!(refused["field"], "answers.made_up", "{refused}");
    session.answer(&ask, &answers(json!({"text": "Dear all"}))).await.ok(200);
    assert_eq!(session.turn_end(1).await["data"]["outcome"], "completed");
    let warned = session.events_of("warning.raised").await;
    assert_eq!(warned.last().unwrap()["data"]["message"], "now: undefined, undefined, Dear all");
    one_end_each(&session.events().await);
}
