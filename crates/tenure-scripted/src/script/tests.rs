//! Every way to write a step, and what is refused.

use serde_json::json;

use super::steps::{Gate, Nothing, Text};
use super::*;

fn one(step: Value) -> Step {
    let mut steps = parse(&script(&json!([step]))).unwrap().unwrap();
    assert_eq!(steps.len(), 1);
    steps.remove(0)
}

#[test]
fn a_step_has_a_short_and_a_long_form() {
    let chunked = Step::Text(Text { text: "hi".into(), chunks: Some(2), ..Text::default() });
    assert_eq!(one(json!({"text": "hi", "chunks": 2})), chunked);
    assert_eq!(one(json!({"text": {"text": "hi", "chunks": 2}})), chunked);
    for pwd in [json!("pwd"), json!({"pwd": {}}), json!({"pwd": true}), json!({"pwd": null})] {
        assert_eq!(one(pwd), Step::Pwd(Nothing {}));
    }
    assert_eq!(one(json!({"gate": "/f"})), Step::Gate(Gate { file: "/f".into() }));
}

#[test]
fn steps_hold_steps_in_any_form() {
    let Step::Repeat(repeat) = one(json!({"repeat": {"n": 2, "steps": ["pwd", {"text": "a"}]}})) else {
        panic!("not a repeat");
    };
    assert_eq!((repeat.n, repeat.steps.len()), (2, 2));
    assert_eq!(
        one(json!({"repeat": true, "n": 1, "steps": ["pwd"]})),
        one(json!({"repeat": {"n": 1, "steps": ["pwd"]}}))
    );
}

#[test]
fn the_script_stands_anywhere_in_the_prompt() {
    assert_eq!(parse("hello @ you").unwrap(), None);
    let steps = parse("first this\n@@[\"pwd\",\n {\"text\": \"]@@ and @@[\"}]@@ thanks").unwrap().unwrap();
    assert_eq!(steps.len(), 2);
    assert_eq!(parse("@@[]@@").unwrap(), Some(Vec::new()));
    assert_eq!(script(&json!({"text": "hi"})), r#"@@[{"text":"hi"}]@@"#);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (prompt, says) in [
        ("@@[1", "does not end with ]@@"),
        ("@@[nonsense]@@", "the script is not JSON"),
        (r#"@@["pwd", {"txt": "a"}]@@"#, "step 2: txt: unknown variant `txt`"),
        (r#"@@[{"text": "a", "speed": 1}]@@"#, "step 1: text: unknown field `speed`"),
        (r#"@@[{"text": {"chunks": 1}, "chunks": 2}]@@"#, "the option chunks is given twice"),
        (r#"@@[{"write": "a"}]@@"#, "missing field `text`"),
        (r#"@@[{"pwd": 3}]@@"#, "pwd: unknown field `value`"),
        (r#"@@[{}]@@"#, "the step is empty"),
        (r#"@@[3]@@"#, "3 is neither an object nor the name of a step"),
        (r#"@@[{"repeat": {"n": 1, "steps": [{"txt": "a"}]}}]@@"#, "unknown variant `txt`"),
    ] {
        let error = parse(prompt).unwrap_err();
        assert!(error.contains(says), "{prompt}: {error}");
    }
}

#[test]
fn every_verb_is_documented() {
    let error = parse(r#"@@["?"]@@"#).unwrap_err();
    let verbs: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert!(verbs.len() > 40, "{error}");
    let doc = include_str!("../lib.rs");
    for verb in verbs {
        assert!(doc.contains(&format!("//! | `{verb}` |")), "{verb} is not in the table");
    }
}
