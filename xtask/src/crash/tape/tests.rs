use super::*;

fn tape(build: impl FnOnce(&mut Tape)) -> Vec<Token> {
    let mut tape = Tape::default();
    build(&mut tape);
    tape.finish()
}

fn words(tokens: &[Token]) -> Vec<&str> {
    tokens.iter().map(|token| token.what.as_str()).collect()
}

fn lines(text: &str) -> Vec<Token> {
    tape(|t| t.text("text", text, 0))
}

#[test]
fn pieces_of_text_do_not_matter_but_tools_between_them_do() {
    let whole = tape(|t| t.text("text", "a\nb\n", 1));
    let pieces = tape(|t| ["a", "\nb", "\n"].iter().for_each(|piece| t.text("text", piece, 1)));
    assert_eq!(whole, pieces);
    let cut = tape(|t| {
        t.text("text", "a\nb", 1);
        t.tool("x", 2);
        t.tool("x", 3);
        t.text("text", "\n", 4);
    });
    assert_eq!(words(&cut), ["text a\n", "text b", "tool x begins", "text \n"]);
}

#[test]
fn what_is_lost_repeated_moved_or_invented_is_found() {
    let agent = lines("1\n2\n3\n4\n");
    let found = |log: &str| {
        let d = compare(&agent, &lines(log), Ending::default());
        [d.lost.len(), d.repeated.len(), d.out_of_order.len(), d.invented.len()]
    };
    assert_eq!(found("1\n2\n3\n4\n"), [0, 0, 0, 0]);
    assert_eq!(found("1\n3\n4\n"), [1, 0, 0, 0]);
    assert_eq!(found("1\n2\n2\n3\n4\n"), [0, 1, 0, 0]);
    assert_eq!(found("1\n3\n2\n4\n"), [0, 0, 1, 0]);
    assert_eq!(found("1\n2\n3\n4\n5\n"), [0, 0, 0, 1]);
}

#[test]
fn a_kill_explains_one_line_more_and_a_lost_shim_a_tail_less() {
    let killed = Ending { killed: true, shim_killed: false };
    let shim = Ending { killed: true, shim_killed: true };
    let losses = |agent: &str, log: &str, ending| {
        let d = compare(&lines(agent), &lines(log), ending);
        d.lost.len() + d.invented.len() + d.repeated.len() + d.out_of_order.len()
    };
    assert_eq!(losses("1\n2\n", "1\n2\n3\n", killed), 0);
    assert_eq!(losses("1\n2", "1\n2 and\n", killed), 0);
    assert_ne!(losses("1\n2\n", "1\n", killed), 0);
    assert_eq!(losses("1\n2\n3\n", "1\n2", shim), 0);
    assert_ne!(losses("1\n2\n3\n", "1\n3\n", shim), 0);
    assert_ne!(losses("1\n2\n", "1\n2\n3\n", Ending::default()), 0);
}
