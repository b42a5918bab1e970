use super::segment::starts;
use super::*;
use crate::record::SpoolLimits;

struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Scratch {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(dir.path().join(SPOOL_DIR)).expect("a spool");
        Scratch(dir)
    }

    fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    fn lines(&self, upto: u64, max_line: u64) -> Vec<LineKind> {
        let mut reader = SpoolReader::open(self.path(), 0).expect("a reader").with_max_line(max_line);
        let mut all = Vec::new();
        while reader.offset() < upto {
            let page = reader.read(upto, 500).expect("lines");
            assert!(!page.is_empty(), "stuck at {} of {upto}", reader.offset());
            all.extend(page.into_iter().map(|line| line.kind));
        }
        all
    }
}

/// A generator of pseudo-random numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }
}

#[test]
fn any_lines_in_any_pieces_come_out_as_they_went_in() {
    let limits = SpoolLimits { segment_bytes: 300, quota_bytes: 0, max_line_bytes: 90 };
    for seed in 1..60 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (seed << 20));
        let scratch = Scratch::new();
        let mut writer = SpoolWriter::new(scratch.path(), limits);
        let lines: Vec<Vec<u8>> = (0..120).map(|i| vec![b'a' + (i % 26) as u8; dice.roll(110)]).collect();
        let stream: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
        let mut at = 0;
        while at < stream.len() {
            let end = (at + 1 + dice.roll(400)).min(stream.len());
            assert_eq!(writer.push(&stream[at..end]), (end - at, None));
            at = end;
        }
        assert_eq!(writer.finish(), (false, None));
        let wanted: Vec<LineKind> = lines
            .iter()
            .map(|line| match line.len() {
                91.. => LineKind::Oversized { len: 91 },
                _ => LineKind::Line(line.clone().into()),
            })
            .collect();
        assert_eq!(scratch.lines(writer.lines_end(), 90), wanted, "seed {seed}");
        assert_eq!(writer.end(), writer.lines_end());
        check_segments(scratch.path(), limits);
    }
}

/// Segments follow each other without a hole and start at the start of a line.
fn check_segments(dir: &std::path::Path, limits: SpoolLimits) {
    let starts = starts(dir).expect("segments");
    assert!(starts.len() > 3);
    for pair in starts.windows(2) {
        let bytes = std::fs::read(segment::path(dir, pair[0])).expect("a segment");
        assert_eq!(pair[0] + bytes.len() as u64, pair[1]);
        assert!(bytes.ends_with(b"\n") && bytes.len() as u64 >= limits.segment_bytes);
    }
}

#[test]
fn the_quota_counts_from_the_release_point_and_fits_one_line() {
    let scratch = Scratch::new();
    let limits = SpoolLimits { segment_bytes: 10, quota_bytes: 5, max_line_bytes: 100 };
    let mut writer = SpoolWriter::new(scratch.path(), limits);
    assert_eq!(writer.room(), 102);
    writer.push(b"0123456789\nabc");
    assert_eq!((writer.room(), writer.lines_end(), writer.end()), (88, 11, 14));
    writer.release(11);
    assert_eq!((writer.room(), writer.open()), (99, 11));
    // Never back, and never past what was announced.
    writer.release(3);
    writer.release(1000);
    assert_eq!((writer.room(), writer.open()), (99, 11));
}

#[test]
fn a_spool_shorter_than_what_was_read_is_no_error() {
    let scratch = Scratch::new();
    let limits = SpoolLimits { segment_bytes: 8, quota_bytes: 1000, max_line_bytes: 100 };
    let mut writer = SpoolWriter::new(scratch.path(), limits);
    writer.push(b"one\ntwo\nthree\n");
    for offset in [8, 14, 900] {
        let mut reader = SpoolReader::open(scratch.path(), offset).expect("a reader");
        let lines = reader.read(2000, 100).expect("what is there");
        assert_eq!(lines.len(), usize::from(offset == 8));
    }
    let empty = Scratch::new();
    let mut reader = SpoolReader::open(empty.path(), 0).expect("a reader");
    assert!(reader.read(100, 100).expect("nothing").is_empty());
    assert!(SpoolReader::open(empty.path(), 5).is_err());
}

#[test]
fn a_reader_waits_at_the_end_and_goes_on_in_the_next_segment() {
    let scratch = Scratch::new();
    let limits = SpoolLimits { segment_bytes: 4, quota_bytes: 1000, max_line_bytes: 100 };
    let mut writer = SpoolWriter::new(scratch.path(), limits);
    writer.push(b"one\n");
    let mut reader = SpoolReader::open(scratch.path(), 0).expect("a reader");
    assert_eq!(reader.read(4, 100).expect("a line").len(), 1);
    assert!(reader.read(4, 100).expect("nothing").is_empty());
    writer.push(b"two\nthr");
    assert_eq!(reader.read(writer.lines_end(), 100).expect("a line").len(), 1);
    writer.push(b"ee\n");
    let lines = reader.read(writer.lines_end(), 100).expect("a line");
    assert_eq!(lines, [SpoolLine { offset: 8, next: 14, kind: LineKind::Line("three".into()) }]);
}

#[test]
fn every_start_inside_a_line_is_the_next_line() {
    let scratch = Scratch::new();
    let limits = SpoolLimits { segment_bytes: 9, quota_bytes: 1000, max_line_bytes: 100 };
    let mut writer = SpoolWriter::new(scratch.path(), limits);
    writer.push(b"one\ntwo\nthree\nfour\n");
    let lines = [0u64, 4, 8, 14];
    for after in 0..=19 {
        let tail = read_tail(scratch.path(), after, 19, 100, 1000).expect("a tail");
        let offsets: Vec<u64> = tail.lines.iter().map(|line| line.offset).collect();
        let wanted: Vec<u64> = lines.into_iter().filter(|start| *start >= after).collect();
        assert_eq!((offsets, tail.next, tail.oldest), (wanted, 19, 0), "after {after}");
    }
    let page = read_tail(scratch.path(), 0, 19, 2, 1000).expect("a page");
    assert_eq!((page.lines.len(), page.next), (2, 8));
}
