//! Output: complete, in order, bounded, and readable from anywhere.

use tenure_host::shim::stderr_tail;
use tenure_host::spool::{LineKind, SPOOL_DIR, SpoolReader, read_tail};
use tenure_host::{SpoolLimits, launch};

use crate::fixture::{Fixture, SMALL, exited, until};

#[tokio::test]
async fn lines_are_whole_across_segments_and_from_every_line_on() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("lines 300 37");
    spec.limits = SpoolLimits { quota_bytes: 1 << 20, ..SMALL };
    let shim = launch(spec).await.expect("an agent");
    let end = exited(&shim).await.spool_end;
    assert_eq!(end, 300 * 38);
    let segments = std::fs::read_dir(fixture.dir().join(SPOOL_DIR)).expect("the spool").count();
    assert!(segments > 5, "{segments} segments");
    let wanted: Vec<String> = (0..300).map(|i| format!("{i:037}")).collect();
    assert_eq!(fixture.lines(end), wanted);
    for first in 0..=300u64 {
        let mut reader = SpoolReader::open(&fixture.dir(), first * 38).expect("a spool");
        for (at, line) in wanted.iter().enumerate().skip(first as usize) {
            let got = reader.read(end, 1).expect("a line");
            let kind = LineKind::Line(line.clone().into());
            assert_eq!(got.len(), 1);
            assert_eq!(
                (got[0].offset, got[0].next, &got[0].kind),
                (at as u64 * 38, at as u64 * 38 + 38, &kind)
            );
        }
        assert!(reader.read(end, 1).expect("an end").is_empty());
    }
}

#[tokio::test]
async fn only_whole_lines_are_announced_and_the_last_is_closed() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say whole raw part line raw -more line").await;
    fixture.line_with(&shim, "whole").await;
    crate::fixture::send(&shim, 1, "\n").await;
    until(&shim, "the acknowledgement", |status| status.acked == 1).await;
    assert_eq!(shim.status().borrow().spool_end, 6);
    crate::fixture::send(&shim, 2, "\n").await;
    let exit = exited(&shim).await;
    assert!(exit.truncated_line);
    assert_eq!(fixture.lines(exit.spool_end), ["whole", "part-more"]);
}

#[tokio::test]
async fn a_line_over_the_limit_is_cut_and_skipped() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("say before long 5000 long 5001 long 5002 long 3000000 say after raw end");
    spec.limits = SpoolLimits { quota_bytes: 1 << 20, ..SMALL };
    let shim = launch(spec).await.expect("an agent");
    let exit = exited(&shim).await;
    let lines = fixture.lines(exit.spool_end);
    assert_eq!(lines[1].len(), 5000);
    let rest = ["oversized 5001", "oversized 5001", "oversized 5001", "after", "end"];
    assert_eq!((lines[0].as_str(), &lines[2..]), ("before", &rest.map(str::to_owned)[..]));
}

#[tokio::test]
async fn a_line_longer_than_a_block_is_read_whole() {
    let fixture = Fixture::new();
    let shim = fixture.launch("say a long 5000000 say b").await;
    let lens: Vec<usize> = fixture.all_lines(&shim).await.iter().map(String::len).collect();
    assert_eq!(lens, [1, 5_000_000, 1]);
}

#[tokio::test]
async fn a_full_spool_makes_the_agent_wait_until_it_is_released() {
    let fixture = Fixture::new();
    // More than the quota and the pipe take together.
    let mut spec = fixture.spec("lines 5000 99 say finished");
    spec.limits = SMALL;
    let shim = launch(spec).await.expect("an agent");
    let mut status = until(&shim, "the full spool", |status| status.full).await;
    assert!(status.exit.is_none() && status.spool_end <= 20_000);
    // The quota outlives the daemon that was told of it.
    drop(shim);
    let shim = fixture.attach_live().await;
    status = until(&shim, "the full spool again", |now| now.full).await;
    let mut reader = SpoolReader::open(&fixture.dir(), 0).expect("a spool");
    let mut lines = Vec::new();
    while !status.is_over() || reader.offset() < status.spool_end {
        let upto = status.spool_end;
        while reader.offset() < upto {
            lines.extend(reader.read(upto, 7000).expect("lines"));
        }
        shim.release(upto);
        status = until(&shim, "more", |now| now.spool_end > upto || now.is_over()).await;
    }
    assert_eq!(lines.len(), 5001);
    assert_eq!(lines[5000].kind, LineKind::Line("finished".into()));
    assert!(lines.windows(2).all(|pair| pair[0].next == pair[1].offset));
    assert_eq!(status.exit.expect("an exit").code, Some(0));
}

#[tokio::test]
async fn the_last_words_of_an_agent_may_go_over_the_quota() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("flood");
    spec.limits = SMALL;
    let shim = launch(spec).await.expect("an agent");
    until(&shim, "the full spool", |status| status.full).await;
    // Nobody reads any more: it sleeps once it has filled the pipe, too.
    let stat = format!("/proc/{}/stat", shim.identity().agent.pid);
    let sleeps = || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
    crate::fixture::eventually("a full pipe", sleeps).await;
    shim.kill();
    let exit = exited(&shim).await;
    let lines = fixture.lines(exit.spool_end);
    // What lay in the pipe came too, to the last byte that the agent wrote.
    assert!(exit.spool_end > 20_000 + 4096, "{}", exit.spool_end);
    assert!(lines[..lines.len() - 1].iter().enumerate().all(|(i, line)| *line == format!("flood {i:0100}")));
}

#[tokio::test]
async fn released_segments_go_and_the_newest_stay_for_raw_reading() {
    let fixture = Fixture::new();
    let mut spec = fixture.spec("lines 400000 99 line");
    spec.limits = SpoolLimits { segment_bytes: 1 << 20, ..SpoolLimits::default() };
    let shim = launch(spec).await.expect("an agent");
    let end = 40_000_000;
    until(&shim, "all lines", |status| status.spool_end == end).await;
    let tail = read_tail(&fixture.dir(), 0, end, 10, 1 << 20).expect("a tail");
    assert_eq!((tail.oldest, tail.lines.len(), tail.next), (0, 10, 1000));
    shim.release(end);
    crate::fixture::send(&shim, 1, "\n").await;
    exited(&shim).await;
    let tail = read_tail(&fixture.dir(), 0, end, 10, 1 << 20).expect("a tail");
    let kept = end - tail.oldest;
    assert!((16 << 20..18 << 20).contains(&kept), "{kept} bytes kept");
    assert_eq!(tail.lines[0].offset, tail.oldest);
    assert!(SpoolReader::open(&fixture.dir(), 0).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound));
    // From inside a line: the next one.
    let page = read_tail(&fixture.dir(), end - 150, end, 10, 1 << 20).expect("a tail");
    assert_eq!((page.lines.len(), page.lines[0].offset, page.next), (1, end - 100, end));
    let page = read_tail(&fixture.dir(), end, end, 10, 1 << 20).expect("a tail");
    assert_eq!((page.lines.len(), page.next), (0, end));
}

#[tokio::test]
async fn the_newest_complaints_are_kept() {
    let fixture = Fixture::new();
    let shim = fixture.launch("errs 20000 line").await;
    let complained = || stderr_tail(&fixture.dir(), 64 * 1024).ends_with(b"complaint 19999\n");
    crate::fixture::appears("the last complaint", &fixture.dir(), complained).await;
    let tail = String::from_utf8(shim.stderr_tail().await).expect("text");
    assert_eq!(tail.len(), 64 * 1024);
    assert!(tail.ends_with("complaint 19999\n"));
    crate::fixture::send(&shim, 1, "\n").await;
    let exit = exited(&shim).await;
    assert!(exit.stderr_tail.len() == 8 * 1024 && exit.stderr_tail.ends_with("complaint 19999\n"));
    assert!(tail.ends_with(&exit.stderr_tail));
    for name in ["stderr.0", "stderr.1"] {
        assert!(fixture.dir().join(name).metadata().expect("a ring").len() <= 64 * 1024);
    }
}
