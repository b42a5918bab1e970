//! Commands without the shell that Codex wraps around them: `/bin/bash -lc 'echo hi'` is
//! `echo hi` to a person.

/// The command itself, or all of it where it is wrapped in no way that is known.
pub(super) fn unwrapped(command: &str) -> String {
    inner(command).unwrap_or_else(|| command.to_owned())
}

fn inner(command: &str) -> Option<String> {
    let (program, rest) = command.split_once(' ')?;
    let shell = program.rsplit('/').next()?;
    if !matches!(shell, "bash" | "sh" | "zsh" | "dash") {
        return None;
    }
    let word = rest.strip_prefix("-lc ").or_else(|| rest.strip_prefix("-c "))?;
    unquoted(word.trim())
}

/// One word of a shell without its quotes; nothing if there is more than one.
fn unquoted(word: &str) -> Option<String> {
    let mut out = String::with_capacity(word.len());
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => loop {
                match chars.next()? {
                    '\'' => break,
                    c => out.push(c),
                }
            },
            '"' => loop {
                match chars.next()? {
                    '"' => break,
                    '\\' => match chars.next()? {
                        c @ ('"' | '\\' | '$' | '`') => out.push(c),
                        '\n' => {}
                        c => out.extend(['\\', c]),
                    },
                    c => out.push(c),
                }
            },
            '\\' => out.push(chars.next()?),
            c if c.is_whitespace() => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::unwrapped;

    #[test]
    fn the_shell_is_taken_off_and_nothing_else() {
        let table = [
            ("/bin/bash -lc 'echo hi > a.txt'", "echo hi > a.txt"),
            ("bash -lc ls", "ls"),
            ("/bin/zsh -c \"echo \\\"x\\\" \\$HOME \\n\"", "echo \"x\" $HOME \\n"),
            ("/bin/bash -lc 'it'\\''s'", "it's"),
            ("/bin/bash -lc 'a' 'b'", "/bin/bash -lc 'a' 'b'"),
            ("/bin/bash -lc 'open", "/bin/bash -lc 'open"),
            ("/bin/bash script.sh", "/bin/bash script.sh"),
            ("git status", "git status"),
            ("", ""),
        ];
        for (told, command) in table {
            assert_eq!(unwrapped(told), command);
        }
    }
}
