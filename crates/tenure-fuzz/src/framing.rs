//! Bytes cut into lines and frames: the spool, the shim's protocol, server-sent events.

use tenure_client::{Frame, FrameError, FrameReader};
use tenure_host::protocol::{Deframer, Hello, Piece, Progress, Refused, Welcome};
use tenure_host::spool::{LineKind, SPOOL_DIR, SpoolReader, read_tail};

use crate::Bytes;

/// A spool of any bytes in any segments, read from any offset up to any end.
pub fn spool(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (offset, upto, most) = (bytes.short() as u64, bytes.short() as u64, bytes.short());
    let cuts: Vec<usize> = (0..bytes.byte() % 4).map(|_| bytes.short()).collect();
    let gap = u64::from(bytes.byte() == 7);
    let dir = tempfile::tempdir().expect("a directory");
    let inside = dir.path().join(SPOOL_DIR);
    std::fs::create_dir(&inside).expect("a directory");
    let (mut rest, mut at) = (bytes.0, 0_u64);
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        let (now, later) = rest.split_at(cut.min(rest.len()));
        std::fs::write(inside.join(format!("{at:020}.seg")), now).expect("a segment");
        at += now.len() as u64 + gap;
        rest = later;
    }
    let _ = read_tail(dir.path(), offset, upto, 16, most);
    let Ok(mut reader) = SpoolReader::open(dir.path(), offset) else { return };
    let mut position = offset;
    loop {
        let Ok(lines) = reader.read(upto, most) else { return };
        if lines.is_empty() {
            break;
        }
        for line in lines {
            assert_eq!(line.offset, position, "lines follow each other");
            assert!(line.next > line.offset && line.next <= upto, "a line has an end, inside what was told");
            if let LineKind::Line(text) = &line.kind {
                assert_eq!(line.next - line.offset, text.len() as u64 + 1);
                assert!(!text.contains(&b'\n'));
                let start = usize::try_from(line.offset).expect("small");
                let whole = gap > 0 || bytes.0.get(start..start + text.len()) == Some(&text[..]);
                assert!(whole, "a line is what was written");
            }
            position = line.next;
        }
        assert_eq!(reader.offset(), position);
    }
}

/// The shim's protocol, in one piece and in pieces of any size.
pub fn frames(data: &[u8]) {
    let Some((step, data)) = data.split_first() else { return };
    let once = deframed([data].into_iter());
    let cut = deframed(data.chunks(usize::from(*step).max(1)));
    assert_eq!(once, cut, "where it is cut changes nothing");
    let _ = Progress::decode(data);
    let _ = serde_json::from_slice::<Hello>(data);
    let _ = serde_json::from_slice::<Welcome>(data);
    let _ = serde_json::from_slice::<Refused>(data);
}

fn deframed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<(u64, Vec<u8>)>, bool) {
    let mut reader = Deframer::default();
    let mut all: Vec<(u64, Vec<u8>)> = Vec::new();
    for piece in pieces {
        let fed = reader.feed(piece, |piece| {
            match piece {
                Piece::Frame(kind, payload) => all.push((kind as u64, payload.to_vec())),
                Piece::CommandStart { n } => all.push((n, Vec::new())),
                Piece::CommandBytes(more) => {
                    all.last_mut().expect("a command began").1.extend_from_slice(more);
                }
                Piece::CommandEnd => all.push((u64::MAX, Vec::new())),
            }
            Ok(())
        });
        if fed.is_err() {
            return (all, true);
        }
    }
    (all, false)
}

/// Server-sent events, in one piece and in pieces of any size.
pub fn sse(data: &[u8]) {
    let Some((step, data)) = data.split_first() else { return };
    let once = frames_of([data].into_iter());
    let cut = frames_of(data.chunks(usize::from(*step).max(1)));
    assert_eq!(once, cut, "where it is cut changes nothing");
}

fn frames_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Frame>, bool) {
    let mut reader = FrameReader::new(4096);
    let mut all = Vec::new();
    for piece in pieces {
        let fed = reader.feed(piece);
        while let Some(frame) = reader.next_frame() {
            all.push(frame);
        }
        match fed {
            Ok(()) => {}
            Err(FrameError::TooLong { .. } | FrameError::NotText) => return (all, true),
        }
    }
    (all, false)
}
