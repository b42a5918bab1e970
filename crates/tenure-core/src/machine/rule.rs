//! Whether a permission rule matches an ask. What is doubtful matches no rule that allows.

use serde_json::Value;
use tenure_event::{Ask, PermissionDefault, PermissionRule, ToolKind};

/// Characters by which a shell does more than the words of a command say.
const SHELL: &[char] = &[';', '&', '|', '`', '$', '<', '>', '\n', '\r'];

/// The decision of the first rule that matches.
pub(super) fn decide(
    rules: &[PermissionRule],
    ask: &Ask,
    kind: Option<ToolKind>,
) -> Option<PermissionDefault> {
    rules.iter().find(|rule| matches(rule, ask, kind)).map(|rule| rule.decision)
}

fn matches(rule: &PermissionRule, ask: &Ask, kind: Option<ToolKind>) -> bool {
    let tool = ask.tool.as_deref().unwrap_or(&ask.title);
    rule.tool.as_ref().is_none_or(|pattern| fits(pattern, tool))
        && rule.kind.is_none_or(|wanted| kind == Some(wanted))
        && rule.input.as_ref().is_none_or(|pattern| input_fits(rule.decision, pattern, ask.input.as_ref()))
}

fn input_fits(decision: PermissionDefault, pattern: &str, input: Option<&Value>) -> bool {
    let Some(text) = input.and_then(subject) else { return false };
    let allows = decision == PermissionDefault::Allow;
    let more = |text: &str| SHELL.iter().any(|c| text.contains(*c) && !pattern.contains(*c));
    fits(pattern, &text) && !(allows && more(&text))
}

/// What a tool is about: its command, path or address.
fn subject(input: &Value) -> Option<String> {
    let names = ["command", "file_path", "path", "notebook_path", "url", "pattern"];
    let value = names.iter().find_map(|name| input.get(name))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            Some(words.iter().map(|w| w.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    }
}

/// Whether a text fits a pattern with `*` and `?`. Takes time in proportion to both lengths at most.
fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and how much of the text it takes so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn patterns() {
        for (pattern, text, does) in [
            ("Bash", "Bash", true),
            ("Bash", "BashOutput", false),
            ("mcp__*", "mcp__files__read", true),
            ("*", "", true),
            ("git *", "git status", true),
            ("git *", "git", false),
            ("*.rs", "src/lib.rs", true),
            ("*a*b*c", "xxaxxbxxbxxc", true),
            ("*a*b*c", "xxaxxcxxb", false),
            ("a?c", "aüc", true),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, text), does, "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn a_rule_that_allows_never_lets_more_through_than_it_says() {
        let allow = PermissionDefault::Allow;
        for (pattern, command, does) in [
            ("git *", "git status", true),
            ("git *", "git status; rm -rf /", false),
            ("git *", "git status && curl evil", false),
            ("git *", "git $(evil)", false),
            ("git *", "git log\nrm -rf /", false),
            ("git * | head", "git log | head", true),
        ] {
            assert_eq!(input_fits(allow, pattern, Some(&json!({ "command": command }))), does, "{command:?}");
        }
        // One that denies takes all that looks like it.
        assert!(input_fits(PermissionDefault::Deny, "*rm -rf*", Some(&json!({"command": "a; rm -rf /"}))));
        assert!(!input_fits(allow, "*", Some(&json!({"unknown": 1}))));
        assert!(!input_fits(allow, "*", None));
    }
}
