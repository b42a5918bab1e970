use super::stat::{Stat, parse};
use super::{PidRef, tree};

#[test]
fn a_name_may_hold_anything() {
    let line = b"71 (a) R (b 7\n) S 12 71 71 0 -1 4194560 135 0 0 0 30 12 5 5 20 0 1 0 9876 2867200 234 \
        18446744073709551615 1 1";
    let wanted = Stat { pid: 71, ppid: 12, state: b'S', start_time: 9876, cpu_ticks: 42, rss_pages: 234 };
    assert_eq!(parse(line), Some(wanted));
}

#[test]
fn a_torn_line_is_no_process() {
    let line = b"71 (name) S 12 71 71 0 -1 4194560 135 0 0 0 30 12 5 5 20 0 1 0 9876 2867200 234 7";
    for cut in 0..line.len() - 5 {
        assert_eq!(parse(&line[..cut]), None, "{cut}");
    }
}

#[test]
fn this_process_is_the_root_of_its_tree() {
    let own = PidRef::own().expect("this process");
    assert_eq!(tree(own.pid).first(), Some(&own));
    assert!(tree(i32::MAX).is_empty());
}
