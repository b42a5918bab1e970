use serde_json::json;

use super::*;

fn ask(value: &Value) -> Ask {
    let mut ask = json!({
        "id": "ask_1", "session_id": "s", "kind": "permission", "title": "Write a.txt", "input": {"path": "a.txt"},
        "options": [{"id": "x", "name": "Allow", "kind": "allow_once"}], "opened_at": "2026-11-20T00:00:00.000Z",
        "state": "open",
    });
    let fields = value.as_object().cloned().unwrap_or_default();
    ask.as_object_mut().unwrap().extend(fields);
    serde_json::from_value(ask).unwrap()
}

fn desk(value: &Value) -> Desk {
    let mut desk = Desk::default();
    desk.opened(ask(value));
    desk
}

fn press(desk: &mut Desk, text: &str) -> Option<AnswerAsk> {
    let mut last = None;
    for c in text.chars() {
        let key = match c {
            '\n' => Key::Enter,
            '\u{1b}' => Key::Escape,
            '\u{15}' => Key::Ctrl('u'),
            c => Key::Char(c),
        };
        if let Some(answer) = desk.key(key) {
            last = Some(answer.answer);
        }
    }
    last
}

#[test]
fn one_key_decides_a_permission() {
    let always = json!({"options": [{"id": "x", "name": "Always", "kind": "allow_always"}]});
    assert_eq!(press(&mut desk(&json!({})), "y"), Some(allow()));
    assert_eq!(press(&mut desk(&json!({})), "n"), Some(deny()));
    assert_eq!(press(&mut desk(&json!({})), "s").and_then(|a| a.scope), Some(Scope::Session));
    assert_eq!(press(&mut desk(&always), "a").and_then(|a| a.scope), Some(Scope::Always));
    assert_eq!(press(&mut desk(&json!({})), "axq\n"), None, "always is not offered, other keys do nothing");
}

#[test]
fn a_denial_can_say_why_and_an_approval_can_change_the_input() {
    let why = press(&mut desk(&json!({})), "mnot there\n").unwrap();
    assert_eq!((why.decision.as_str(), why.message.as_deref()), ("deny", Some("not there")));
    let edited = press(&mut desk(&json!({})), "e\u{15}nonsense\n\u{15}{\"path\":\"b.txt\"}\n").unwrap();
    assert_eq!(edited.updated_input, Some(json!({"path": "b.txt"})));
    let mut changed_mind = desk(&json!({}));
    assert_eq!(press(&mut changed_mind, "mno\u{1b}y"), Some(allow()));
}

#[test]
fn questions_are_answered_by_number_by_label_or_in_words() {
    let questions = json!({"kind": "question", "questions": [
        {"question": "Colour?", "choices": [{"label": "red"}, {"label": "blue"}]},
        {"question": "Which?", "choices": [{"label": "a"}, {"label": "b"}, {"label": "c"}], "multiple": true},
    ]});
    let mut asked = desk(&questions);
    assert_eq!(press(&mut asked, "3\n"), None, "there is no third choice");
    assert!(asked.prompt(Style::PLAIN, 80)[0].contains("2 choices"));
    let answer = press(&mut asked, "\u{15}21,c\n").unwrap();
    assert_eq!(answer.answers, Some(json!({"Colour?": "blue", "Which?": ["a", "c"]})));
    let words = press(&mut desk(&questions), "green\nall of them\n").unwrap();
    assert_eq!(words.answers, Some(json!({"Colour?": "green", "Which?": "all of them"})));
    assert_eq!(press(&mut desk(&questions), "\u{1b}"), Some(deny()));
}

#[test]
fn asks_are_answered_one_after_the_other_and_again_after_a_refusal() {
    let mut desk = desk(&json!({}));
    desk.opened(ask(&json!({"id": "ask_2"})));
    let first = desk.key(Key::Char('y')).unwrap();
    assert!(!desk.is_asking(), "nothing is asked while an answer is on its way");
    desk.refused(&first.ask, "the disk is full");
    assert_eq!(desk.prompt(Style::PLAIN, 80)[0], "the disk is full");
    assert_eq!(desk.key(Key::Char('n')).unwrap().ask, first.ask);
    desk.ended(&first.ask);
    assert_eq!(desk.key(Key::Char('y')).unwrap().ask.as_str(), "ask_2");
}
