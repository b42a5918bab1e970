//! Whether a permission rule matches an ask. What is doubtful matches no rule that allows.

mod subject;

use tenure_event::{Ask, PermissionDefault, PermissionRule, ToolKind};

use subject::{Subject, subjects};

/// Characters by which a shell does more than the words of a command say.
const SHELL: &[char] = &[';', '&', '|', '`', '$', '<', '>', '\n', '\r'];

/// The decision of the first rule that matches an ask of a session that works in `cwd`.
pub(super) fn decide<'a>(
    mut rules: impl Iterator<Item = &'a PermissionRule>,
    ask: &Ask,
    kind: Option<ToolKind>,
    cwd: &str,
) -> Option<PermissionDefault> {
    rules.find(|rule| matches(rule, ask, kind, cwd)).map(|rule| rule.decision)
}

fn matches(rule: &PermissionRule, ask: &Ask, kind: Option<ToolKind>, cwd: &str) -> bool {
    let tool = ask.tool.as_deref().unwrap_or(&ask.title);
    let input_fits = |pattern: &String| {
        let subjects = ask.input.as_ref().map(subjects).unwrap_or_default();
        match rule.decision {
            PermissionDefault::Allow => allows(pattern, &subjects, cwd),
            PermissionDefault::Ask | PermissionDefault::Deny => stops(pattern, &subjects, cwd),
        }
    };
    rule.tool.as_ref().is_none_or(|pattern| fits(pattern, tool))
        && rule.kind.is_none_or(|wanted| kind == Some(wanted))
        && rule.input.as_ref().is_none_or(input_fits)
}

/// All that the tool is about is within the pattern, and it is known to be all.
fn allows(pattern: &str, subjects: &[Subject], cwd: &str) -> bool {
    let each = |subject: &Subject| match subject {
        Subject::Command(_) => {
            let line = subject.line();
            let more = SHELL.iter().any(|c| line.contains(*c) && !pattern.contains(*c));
            // A pattern that names a directory shows nothing of what is reached from there by going up.
            let climbs = pattern.contains('/') && ups(&line) > ups(pattern);
            fits(pattern, &line) && !more && !climbs
        }
        Subject::Path(path) => {
            // `/srv/*` shows nothing of `/srv/../etc`.
            let as_it_is = fits(pattern, path) && ups(path) <= ups(pattern);
            as_it_is || fits(pattern, &resolved(path, cwd))
        }
        Subject::Address(text) => fits(pattern, text),
        Subject::Unknown(_) => false,
    };
    !subjects.is_empty() && subjects.iter().all(each)
}

/// Something that the tool is about looks like the pattern, in one of the ways to say it.
fn stops(pattern: &str, subjects: &[Subject], cwd: &str) -> bool {
    let each = |subject: &Subject| match subject {
        Subject::Command(words) => {
            let parts = words.iter().flat_map(|word| commands(word));
            fits(pattern, &subject.line()) || parts.into_iter().any(|part| fits(pattern, &part))
        }
        Subject::Path(path) | Subject::Unknown(path) => {
            fits(pattern, path) || fits(pattern, &resolved(path, cwd))
        }
        Subject::Address(text) => fits(pattern, text),
    };
    subjects.iter().any(each)
}

/// The commands of a shell's line, without what is set before them and with single blanks.
fn commands(line: &str) -> Vec<String> {
    let between = |c: char| SHELL.contains(&c) || matches!(c, '(' | ')' | '{' | '}');
    let is_set = |word: &&str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
        })
    };
    let plain = |part: &str| part.split_whitespace().skip_while(is_set).collect::<Vec<_>>().join(" ");
    line.split(between).map(plain).filter(|part| !part.is_empty()).collect()
}

/// A path as it is without `.`, `..` and doubled slashes, from the root on. Links are not followed: what a file system
/// says is not known here.
fn resolved(path: &str, cwd: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// How often a path goes up.
fn ups(path: &str) -> usize {
    path.split(['/', ' ']).filter(|part| *part == "..").count()
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

    fn does(decision: PermissionDefault, pattern: &str, input: &serde_json::Value) -> bool {
        let subjects = subjects(input);
        match decision {
            PermissionDefault::Allow => allows(pattern, &subjects, "/project"),
            _ => stops(pattern, &subjects, "/project"),
        }
    }

    #[test]
    fn a_rule_that_allows_never_lets_more_through_than_it_says() {
        let allow = PermissionDefault::Allow;
        for (pattern, command, wanted) in [
            ("git *", "git status", true),
            ("git *", "git diff ../other", true),
            ("git *", "git status; rm -rf /", false),
            ("git *", "git status && curl evil", false),
            ("git *", "git $(evil)", false),
            ("git *", "git log\nrm -rf /", false),
            ("git * | head", "git log | head", true),
            ("/srv/*", "/srv/x/../../bin/rm -rf /", false),
            ("cat /srv/*", "cat /srv/../etc/shadow", false),
        ] {
            assert_eq!(does(allow, pattern, &json!({ "command": command })), wanted, "{command:?}");
        }
        for (pattern, path, wanted) in [
            ("/srv/*", "/srv/a..b/c", true),
            ("/srv/*", "//srv/a", true),
            ("/srv/*", "/srv/../etc/shadow", false),
            ("/srv/*", "/srv/a/..", false),
            ("/project/*", "src/lib.rs", true),
            ("/project/*", "../etc", false),
            ("src/*", "src/lib.rs", true),
            ("../lib/*", "../lib/a", true),
            ("../*", "../../a", false),
        ] {
            assert_eq!(does(allow, pattern, &json!({ "file_path": path })), wanted, "{path:?}");
        }
        for (pattern, input) in [
            ("*", json!({"unknown": 1})),
            ("*", json!({"unknown": "word"})),
            ("*", json!({})),
            ("ls", json!({"command": "ls", "path": "/etc/passwd"})),
            ("/srv/*", json!({"changes": [{"path": "/srv/a"}, {"path": "/etc/passwd"}]})),
            ("git *", json!({"command": "git status", "additional_permissions": {"network": true}})),
        ] {
            assert!(!does(allow, pattern, &input), "{pattern} {input}");
        }
        assert!(does(allow, "/srv/*", &json!({"changes": [{"path": "/srv/a"}, {"path": "/srv/b"}]})));
        let many = |n: usize| json!({"changes": vec![json!({"path": "/srv/a"}); n]});
        assert!(does(allow, "/srv/*", &many(2000)));
        assert!(!does(allow, "/srv/*", &many(3000)), "nobody has looked at the last ones");
        let beside = json!({"command": "git status", "cwd": "/project", "description": "look"});
        assert!(does(allow, "git *", &beside), "where it runs is no subject");
        assert!(
            does(allow, "/srv/*", &json!({"pattern": "fn main", "path": "/srv/a"})),
            "what is looked for is no place"
        );
    }

    #[test]
    fn a_rule_that_denies_takes_what_it_means_in_every_way_to_say_it() {
        let deny = PermissionDefault::Deny;
        for input in [
            json!({"file_path": "/etc/passwd"}),
            json!({"filePath": "/etc/passwd"}),
            json!({"filepath": "/etc/passwd", "diff": "x"}),
            json!({"notebook_path": "/etc/passwd"}),
            json!({"changes": [{"path": "/srv/a"}, {"path": "/etc/passwd"}]}),
            json!({"changes": {"/srv/a": {"add": {}}, "/etc/passwd": {"update": {}}}}),
            json!({"edits": {"list": [{"file": "/etc/passwd"}]}}),
            json!({"command": "view", "path": "/etc/passwd"}),
            json!({"path": "//etc/passwd"}),
            json!({"path": "/srv/../etc/passwd"}),
            json!({"path": "../../../etc/./passwd"}),
            json!({"where": "/etc/passwd"}),
            json!({"paths": ["/srv/a", "/etc/passwd"]}),
        ] {
            assert!(does(deny, "/etc/*", &input), "{input}");
        }
        for command in [
            json!("git push"),
            json!(" git  push origin"),
            json!("cd . && git push"),
            json!("(git push)"),
            json!("echo `git push`"),
            json!("GIT_DIR=x git push"),
            json!(["bash", "-lc", "cd x; git push"]),
        ] {
            assert!(does(deny, "git push*", &json!({ "command": command })), "{command}");
        }
        assert!(does(deny, "*rm -rf*", &json!({"command": "a; rm -rf /"})));
        assert!(!does(deny, "/etc/*", &json!({"file_path": "/srv/a", "content": "/etc/passwd"})));
        assert!(!does(deny, "git push*", &json!({"command": "git status"})));
    }
}
