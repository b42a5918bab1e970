use super::*;
use crate::process::PidRef;
use crate::record::{ExitRecord, Forced, Ladder};

/// The bytes of version 1 as they were first released: `NAME HEX`, one frame a line.
const V1: &str = include_str!("../../tests/fixtures/protocol-v1.txt");

fn exit() -> ExitRecord {
    ExitRecord {
        code: None,
        signal: Some(9),
        stderr_tail: "bye\n".to_owned(),
        spool_end: 4096,
        truncated_line: true,
        spool_lost: false,
        applied: 3,
        hit: vec![11, 12],
        remained: vec![],
        at_ms: 1_700_000_000_000,
        forced: Forced::Kill,
    }
}

fn welcome() -> Welcome {
    let agent = PidRef { pid: 10, start_time: 77, boot_id: "b".to_owned() };
    Welcome { protocol: 1, applied: 3, spool_end: 4096, open: 1024, agent, exit: Some(exit()) }
}

fn progress() -> Progress {
    Progress { applied: 3, spool_end: 4096, full: true, stdin_closed: false, spool_errno: Some(28) }
}

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let json = |kind, value: serde_json::Result<Vec<u8>>| frame(kind, &value.expect("JSON"));
    let ladder = Ladder { close_stdin: true, grace_ms: 2000, term_ms: 5000 };
    let refused = Refused { n: 9, applied: 3, reason: "an earlier command is missing".to_owned() };
    let command = [&command_head(4, 6)[..], b"hello\n"].concat();
    vec![
        ("hello", json(Kind::Hello, serde_json::to_vec(&Hello { protocol: 1 }))),
        ("command", command),
        ("release", frame(Kind::Release, &65_536u64.to_le_bytes())),
        ("end", json(Kind::End, serde_json::to_vec(&ladder))),
        ("kill", frame(Kind::Kill, &[])),
        ("welcome", json(Kind::Welcome, serde_json::to_vec(&welcome()))),
        ("progress", frame(Kind::Progress, &progress().encode())),
        ("refused", json(Kind::Refused, serde_json::to_vec(&refused))),
        ("exited", json(Kind::Exited, serde_json::to_vec(&exit()))),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn recorded(name: &str) -> Vec<u8> {
    let line =
        V1.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("a recorded frame");
    let digits = line.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("hex")).collect()
}

#[test]
fn version_1_is_written_as_it_was_recorded() {
    let now: String = samples().iter().map(|(name, bytes)| format!("{name} {}\n", hex(bytes))).collect();
    assert_eq!(now, V1, "the bytes of a released version never change; a new version gets a file of its own");
}

#[test]
fn recorded_version_1_is_still_understood() {
    let payload = |name| recorded(name)[HEADER_BYTES..].to_vec();
    assert_eq!(serde_json::from_slice::<Welcome>(&payload("welcome")).expect("a welcome"), welcome());
    assert_eq!(serde_json::from_slice::<ExitRecord>(&payload("exited")).expect("a record"), exit());
    assert_eq!(Progress::decode(&payload("progress")), Some(progress()));
    let refused: Refused = serde_json::from_slice(&payload("refused")).expect("a refusal");
    assert_eq!((refused.n, refused.applied), (9, 3));
    let ladder: Ladder = serde_json::from_slice(&payload("end")).expect("a ladder");
    assert_eq!((ladder.close_stdin, ladder.grace_ms, ladder.term_ms), (true, 2000, 5000));
}

#[test]
fn later_versions_may_add() {
    let mut longer = progress().encode().to_vec();
    longer.extend_from_slice(b"more");
    assert_eq!(Progress::decode(&longer), Some(progress()));
    assert_eq!(Progress::decode(&longer[..20]), None);
    let text = br#"{"protocol":7,"colour":"green"}"#;
    assert_eq!(serde_json::from_slice::<Hello>(text).expect("a greeting").protocol, 7);
}

/// What a stream of bytes is read as, fed in pieces of one size.
fn read(stream: &[u8], size: usize) -> Result<Vec<String>, Malformed> {
    let mut deframer = Deframer::default();
    let mut seen = Vec::new();
    let mut command = Vec::new();
    for chunk in stream.chunks(size) {
        deframer.feed(chunk, |piece| {
            match piece {
                Piece::Frame(kind, payload) => seen.push(format!("{kind:?} {}", hex(payload))),
                Piece::CommandStart { n } => seen.push(format!("command {n}")),
                Piece::CommandBytes(bytes) => command.extend_from_slice(bytes),
                Piece::CommandEnd => seen.push(hex(&std::mem::take(&mut command))),
            }
            Ok(())
        })?;
    }
    Ok(seen)
}

#[test]
fn the_stream_is_read_alike_however_it_is_cut() {
    let mut stream: Vec<u8> = samples().into_iter().flat_map(|(_, bytes)| bytes).collect();
    stream.extend_from_slice(&command_head(5, 0));
    stream.extend_from_slice(&frame(Kind::Kill, &[]));
    let whole = read(&stream, stream.len()).expect("frames");
    assert_eq!(whole.len(), samples().len() + 1 + 2 + 1);
    for size in 1..stream.len() {
        assert_eq!(read(&stream, size).as_ref(), Ok(&whole), "pieces of {size}");
    }
}

#[test]
fn nothing_that_is_sent_can_do_more_than_be_refused() {
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = samples().into_iter().flat_map(|(_, bytes)| bytes).collect();
        for _ in 0..4 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let at = (seed >> 8) as usize % bytes.len();
            bytes[at] = seed as u8;
        }
        // Refused or not, it must return, and hold no more than a frame may have.
        let _ = read(&bytes, 1 + (seed >> 40) as usize % 64);
    }
    let long = [&((MAX_FRAME_BYTES + 1) as u32).to_le_bytes()[..], &[Kind::Hello as u8]].concat();
    assert!(matches!(read(&long, 100), Err(Malformed::Length { kind: 1, .. })));
    let long = [&((MAX_COMMAND_BYTES + 1) as u32).to_le_bytes()[..], &[Kind::Command as u8]].concat();
    assert!(matches!(read(&long, 100), Err(Malformed::Length { kind: 2, .. })));
    assert_eq!(read(&[0, 0, 0, 0, 9], 100), Err(Malformed::Kind(9)));
}

#[test]
fn small_reads_stop_before_a_command() {
    let stream = [frame(Kind::Release, &[7; 8]), command_head(1, 3).to_vec()].concat();
    let mut deframer = Deframer::default();
    let mut at = 0;
    while deframer.small_left() > 0 {
        let end = at + deframer.small_left();
        deframer.feed(&stream[at..end], |_| Ok(())).expect("frames");
        at = end;
    }
    assert_eq!(at, HEADER_BYTES + 8 + HEADER_BYTES);
}
