use serde_json::json;

use super::*;

#[test]
fn a_prompt_gives_back_the_script_that_was_written_into_it() {
    let script = Script::new()
        .tool("Bash", json!({"command": "echo \"]@@\""}))
        .with_think("hm")
        .error(529)
        .times(2)
        .gate("half", "now you see it")
        .paced(4, Duration::from_millis(50));
    let found = find_script(&script.prompt("do it")).unwrap();
    assert_eq!(found, Some(script));
}

#[test]
fn a_script_inside_a_tool_input_belongs_to_the_tool() {
    let inner = Script::new().text("from the subagent");
    let outer = Script::new().tool("Agent", json!({"prompt": inner.prompt("look")})).text("done");
    let prompt = outer.prompt("delegate");
    assert_eq!(find_script(&prompt).unwrap().as_ref(), Some(&outer));
    let nested = outer.steps[0].tools[0].input["prompt"].as_str().unwrap();
    assert_eq!(find_script(nested).unwrap(), Some(inner));
}

#[test]
fn the_last_of_two_scripts_counts() {
    let text = format!("{} and {}", Script::new().text("one"), Script::new().text("two"));
    assert_eq!(find_script(&text).unwrap(), Some(Script::new().text("two")));
}

#[test]
fn text_without_a_script_has_none() {
    assert_eq!(find_script("mail me @@ home, or @@{}@@").unwrap(), None);
}

#[test]
fn a_misspelt_field_is_named() {
    let error = find_script(r#"x @@[{"txet":"hi"}]@@"#).unwrap_err().to_string();
    assert!(error.contains("txet"), "{error}");
}

#[test]
fn an_unclosed_script_is_an_error() {
    let error = find_script(r#"x @@[{"text":"hi"}]"#).unwrap_err().to_string();
    assert!(error.contains("closing @@"), "{error}");
}
