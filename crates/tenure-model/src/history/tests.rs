use super::*;

fn user(text: &str) -> Item {
    Item::User(text.to_owned())
}

fn result() -> Item {
    Item::ToolResult("ok".to_owned())
}

fn played(items: &[Item]) -> Option<usize> {
    match due(items).unwrap() {
        Due::Script { played, .. } => Some(played),
        Due::Plain(_) => None,
    }
}

const SCRIPT: &str = r#"go @@[{"text":"a"}]@@"#;

#[test]
fn answers_since_the_newest_script_are_counted() {
    const SAID: Item = Item::Model(None);
    let call = |step| Item::Model(Some(step));
    let table: &[(&[Item], Option<usize>)] = &[
        (&[user(SCRIPT)], Some(0)),
        (&[user(SCRIPT), SAID, result()], Some(1)),
        (&[user(SCRIPT), SAID, call(0), call(0), result(), result(), call(1), result()], Some(2)),
        (&[user(SCRIPT), call(0), result(), user("<info-msg>x"), call(0), result()], Some(1)),
        (&[user("old"), SAID, user(SCRIPT), SAID, result()], Some(1)),
        (&[user(SCRIPT), SAID, user(SCRIPT)], Some(0)),
        (&[user(SCRIPT), SAID, user("<system-reminder>x"), result()], Some(1)),
        (&[user(SCRIPT), SAID, user("and now?")], None),
        (&[], None),
    ];
    for (items, expected) in table {
        assert_eq!(played(items), *expected, "{items:?}");
    }
}

#[test]
fn without_a_script_the_newest_words_are_given() {
    let items =
        [user("first"), Item::Model(None), user(" second "), user("<system-reminder>x</system-reminder>")];
    assert!(matches!(due(&items).unwrap(), Due::Plain(text) if text == "second"));
}

#[test]
fn a_call_id_tells_its_step() {
    assert_eq!(step_of(&call_id("toolu_", 12).into()), Some(12));
    assert_eq!(step_of(&"call_4ffc33e963c04797".into()), None);
    assert_eq!(step_of(&Value::Null), None);
}
