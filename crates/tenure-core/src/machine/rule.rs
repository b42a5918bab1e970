//! Whether a permission rule matches an ask. What is doubtful matches no rule that allows.

use serde_json::Value;
use tenure_event::{Ask, PermissionDefault, PermissionRule, ToolKind};

/// Characters by which a shell does more than the words of a command say.
const SHELL: &[char] = &[';', '&', '|', '`', '$', '<', '>', '\n', '\r'];

/// The decision of the first rule that matches.
pub(super) fn decide<'a>(
    mut rules: impl Iterator<Item = &'a PermissionRule>,
    ask: &Ask,
    kind: Option<ToolKind>,
) -> Option<PermissionDefault> {
    rules.find(|rule| matches(rule, ask, kind)).map(|rule| rule.decision)
}

fn matches(rule: &PermissionRule, ask: &Ask, kind: Option<ToolKind>) -> bool {
    let tool = ask.tool.as_deref().unwrap_or(&ask.title);
    rule.tool.as_ref().is_none_or(|pattern| fits(pattern, tool))
        && rule.kind.is_none_or(|wanted| kind == Some(wanted))
        && rule.input.as_ref().is_none_or(|pattern| input_fits(rule.decision, pattern, ask.input.as_ref()))
}

fn input_fits(decision: PermissionDefault, pattern: &str, input: Option<&Value>) -> bool {
    let Some((name, text)) = input.and_then(subject) else { return false };
    let allows = decision == PermissionDefault::Allow;
    let more = SHELL.iter().any(|c| text.contains(*c) && !pattern.contains(*c));
    // `/srv/*` shows nothing of `/srv/../etc`.
    let climbs = name != "command" && ups(&text) > ups(pattern);
    fits(pattern, &text) && !(allows && (more || climbs))
}

/// How often a path goes up.
fn ups(path: &str) -> usize {
    path.split('/').filter(|part| *part == "..").count()
}

/// What a tool is about, its command, path or address, and the name under which it stands.
fn subject(input: &Value) -> Option<(&'static str, String)> {
    let names = ["command", "file_path", "path", "notebook_path", "url", "pattern"];
    let (name, value) = names.iter().find_map(|name| Some((*name, input.get(name)?)))?;
    let text = match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            Some(words.iter().map(|w| w.as_str().unwrap_or_default()).collect::<Vec<_>>().join(" "))
        }
        _ => None,
    };
    Some((name, text?))
}

/// Whether a text fits a pattern with `*` and `?`. Takes time in proportion to both lengths at most.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
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
        for (pattern, path, does) in [
            ("/srv/*", "/srv/a..b/c", true),
            ("/srv/*", "/srv/../etc/shadow", false),
            ("/srv/*", "/srv/a/..", false),
            ("../lib/*", "../lib/a", true),
            ("../*", "../../a", false),
        ] {
            assert_eq!(input_fits(allow, pattern, Some(&json!({ "file_path": path }))), does, "{path:?}");
            assert!(input_fits(PermissionDefault::Deny, "*", Some(&json!({ "file_path": path }))));
        }
        // One that denies takes all that looks like it.
        assert!(input_fits(PermissionDefault::Deny, "*rm -rf*", Some(&json!({"command": "a; rm -rf /"}))));
        assert!(!input_fits(allow, "*", Some(&json!({"unknown": 1}))));
        assert!(!input_fits(allow, "*", None));
    }
}
