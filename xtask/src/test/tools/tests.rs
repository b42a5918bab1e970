use super::*;

#[test]
fn a_version_is_read_from_what_a_tool_says_of_itself() {
    let cases = [
        ("cargo-deny 0.20.2\n", Some((0, 20, 2))),
        ("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)\nrelease: 0.9.143", Some((0, 9, 143))),
        ("cargo-nextest 0.9.9-rc.1", None),
        ("error: no such command", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), expected, "{text:?}");
    }
}

#[test]
fn the_pinned_version_is_new_enough() {
    for tool in [NEXTEST, DENY] {
        assert!(tool.pinned >= tool.oldest, "{}", tool.name);
        assert_eq!(parse(&format!("{} {}", tool.name, shown(tool.pinned))), Some(tool.pinned));
    }
}
