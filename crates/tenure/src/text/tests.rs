use super::*;

#[test]
fn nothing_that_a_terminal_obeys_gets_through() {
    assert_eq!(clean("a\x1b[31mred\x1b[0m\x07b\r\nc\td\u{9b}31m"), "aredb\nc    d31m");
    assert_eq!(clean("\x1b]0;title\x07x\x1b]8;;http://h\x1b\\y\x1bPq\x1b\\z"), "xyz");
    assert_eq!(clean("pay\u{202e}exe.gpj"), "payexe.gpj");
    assert_eq!(clean("open \x1b[12;\nnext"), "open \nnext");
}

#[test]
fn a_sequence_that_is_cut_in_two_is_still_one() {
    let mut cleaner = Cleaner::default();
    assert_eq!(["a\x1b", "[3", "1mb", "\x1b]0;t", "itle\x07c"].map(|p| cleaner.clean(p)).concat(), "abc");
}

#[test]
fn lines_are_cut_by_cells_and_our_own_codes_take_none() {
    assert_eq!(one_line("  two\n lines\x1b[2J ", 80), "two lines");
    assert_eq!(cut("日本語", 5), "日本…");
    assert_eq!(cut("abc", 3), "abc");
    assert_eq!(width("\x1b[1;31mab\x1b[0m日"), 4);
}

#[test]
fn figures_are_short() {
    let times = [0, 999, 1000, 9999, 61_000, 121_000, 7_500_000, 200_000_000].map(duration);
    assert_eq!(times, ["0 ms", "999 ms", "1.0 s", "9.9 s", "61 s", "2 min", "2 h 5 min", "2 d"]);
    assert_eq!([0, 59_000, 3_600_000, 90_000_000].map(age), ["now", "59 s", "60 min", "25 h"]);
    assert_eq!([7, 1840, 200_000, 1_250_000].map(count), ["7", "1.8k", "200k", "1.2M"]);
    assert_eq!([999, 1500, 20_000_000_000].map(bytes), ["999 B", "1.5 KB", "20 GB"]);
    assert_eq!([0.0, 0.0123, 1.5].map(dollars), ["$0.00", "$0.0123", "$1.50"]);
}

#[test]
fn json_for_a_terminal_means_the_same() {
    let said = "a\u{9b}31m\u{202e}b\u{7f}\u{1b}[0m\u{61c}é\n";
    let json = serde_json::to_string(&serde_json::json!({"said": said})).unwrap() + "\n";
    let cleaned = clean_json(&json);
    assert!(!cleaned.contains(['\u{9b}', '\u{202e}', '\u{7f}', '\u{1b}', '\u{61c}']), "{cleaned}");
    assert!(cleaned.contains(r"\u009b") && cleaned.contains('é') && cleaned.ends_with('\n'), "{cleaned}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&cleaned).unwrap()["said"], said);
}
