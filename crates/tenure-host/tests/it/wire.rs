//! The socket, spoken by hand: cut anywhere, malformed anyhow.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use tenure_host::protocol::{HEADER_BYTES, Hello, Kind, Progress, Welcome, command_head, frame, json_frame};

use crate::fixture::{CLOSE, Fixture, exited};

struct Wire {
    socket: UnixStream,
    welcome: Welcome,
}

impl Wire {
    fn connect(fixture: &Fixture) -> UnixStream {
        let socket = UnixStream::connect(fixture.dir().join("shim.sock")).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(60))).expect("a deadline");
        socket
    }

    fn greet(fixture: &Fixture) -> Wire {
        let mut socket = Wire::connect(fixture);
        let hello = json_frame(Kind::Hello, &Hello { protocol: 1 }).expect("a frame");
        socket.write_all(&hello).expect("a greeting");
        let (kind, payload) = read(&mut socket).expect("an answer");
        assert_eq!(kind, Kind::Welcome as u8);
        Wire { socket, welcome: serde_json::from_slice(&payload).expect("a welcome") }
    }
}

fn read(socket: &mut UnixStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; HEADER_BYTES];
    socket.read_exact(&mut head)?;
    let mut payload = vec![0; u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize];
    socket.read_exact(&mut payload)?;
    Ok((head[4], payload))
}

fn command(n: u64) -> Vec<u8> {
    let text = format!("command {n}\n");
    [&command_head(n, text.len())[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn commands_cut_at_every_byte_are_applied_once() {
    let fixture = Fixture::new();
    let shim = fixture.launch("echo").await;
    drop(shim);
    let mut expected = 0;
    // The stream starts with commands that are known already and is cut one byte
    // later each time. What was applied is known from the next greeting only.
    for cut in 0.. {
        let mut wire = Wire::greet(&fixture);
        assert_eq!(wire.welcome.applied, expected, "before cut {cut}");
        let first = expected.saturating_sub(2) + 1;
        let frames: Vec<Vec<u8>> = (first..=expected + 3).map(command).collect();
        let bytes = frames.concat();
        if cut > bytes.len() {
            break;
        }
        wire.socket.write_all(&bytes[..cut]).expect("part of it");
        wire.socket.shutdown(std::net::Shutdown::Write).expect("the cut");
        while read(&mut wire.socket).is_ok() {}
        let mut end = 0;
        let whole = frames.iter().take_while(|frame| {
            end += frame.len();
            end <= cut
        });
        expected = expected.max(first + whole.count() as u64 - 1);
    }
    let shim = fixture.attach_live().await;
    let last = shim.applied() + 1;
    crate::fixture::send(&shim, last, format!("command {last}\n")).await;
    fixture.line_with(&shim, &format!("command {last}")).await;
    shim.end(CLOSE);
    let lines = fixture.all_lines(&shim).await;
    let wanted: Vec<String> = (1..=last).map(|n| format!("command {n}")).collect();
    assert_eq!(lines, wanted);
    assert!(last > 50, "{last} commands are too few to say much");
}

#[tokio::test]
async fn malformed_frames_end_the_connection_and_nothing_else() {
    let fixture = Fixture::new();
    let shim = fixture.launch("echo").await;
    drop(shim);
    let too_long = [&u32::MAX.to_le_bytes()[..], &[Kind::Command as u8], &[0; 8]].concat();
    let malformed: [Vec<u8>; 9] = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        frame(Kind::Kill, b"").into_iter().map(|byte| byte ^ 0x80).collect(),
        too_long,
        frame(Kind::Release, b"short"),
        frame(Kind::End, b"{\"grace_ms\": -1}"),
        frame(Kind::Welcome, b"{}"),
        frame(Kind::Hello, b"{\"protocol\": 1}"),
        frame(Kind::Command, b"1234567"),
        frame(Kind::Progress, &[0; 300_000]),
    ];
    for bytes in malformed {
        let mut wire = Wire::greet(&fixture);
        // It may hang up before it has read all.
        let _ = wire.socket.write_all(&bytes);
        while read(&mut wire.socket).is_ok() {}
    }
    // Without a greeting nothing is taken.
    for bytes in [command(1), frame(Kind::Kill, b""), frame(Kind::Hello, b"hello")] {
        let mut socket = Wire::connect(&fixture);
        let _ = socket.write_all(&bytes);
        assert!(read(&mut socket).is_err());
    }
    let shim = fixture.attach_live().await;
    assert_eq!(shim.applied(), 0);
    shim.end(CLOSE);
    assert_eq!(exited(&shim).await.code, Some(0));
}

#[tokio::test]
async fn gaps_are_refused_and_the_connection_goes_on() {
    let fixture = Fixture::new();
    drop(fixture.launch("echo").await);
    let mut wire = Wire::greet(&fixture);
    wire.socket.write_all(&[command(3), command(1)].concat()).expect("commands");
    let mut refused = None;
    loop {
        match read(&mut wire.socket).expect("a frame") {
            (kind, payload) if kind == Kind::Refused as u8 => {
                refused = serde_json::from_slice::<serde_json::Value>(&payload).ok();
            }
            (kind, payload) if kind == Kind::Progress as u8 => {
                if Progress::decode(&payload).expect("progress").applied == 1 {
                    break;
                }
            }
            (kind, _) => panic!("frame {kind:#x}"),
        }
    }
    let refused = refused.expect("a refusal");
    assert_eq!((refused["n"].as_u64(), refused["applied"].as_u64()), (Some(3), Some(0)));
    wire.socket.write_all(&frame(Kind::Kill, b"")).expect("the end");
    let exit = loop {
        match read(&mut wire.socket).expect("a frame") {
            (kind, payload) if kind == Kind::Exited as u8 => break payload,
            _ => {}
        }
    };
    let exit: tenure_host::ExitRecord = serde_json::from_slice(&exit).expect("a record");
    assert_eq!(exit.signal, Some(9));
}

#[tokio::test]
async fn a_daemon_that_never_reads_blocks_nobody() {
    let fixture = Fixture::new();
    let shim = fixture.launch("lines 100000 30 line").await;
    drop(shim);
    let mut wire = Wire::greet(&fixture);
    let early: Vec<u8> = (100..2000).flat_map(command).collect();
    wire.socket.write_all(&early).expect("refused commands");
    wire.socket.write_all(&command(1)).expect("a command");
    let exit = fixture.dir().join("exit.json");
    crate::fixture::appears("the end", &fixture.dir(), || exit.exists()).await;
    let record = tenure_host::read_exit(&fixture.dir()).expect("a record").expect("a record");
    assert_eq!((record.code, record.spool_end), (Some(0), 3_100_000));
}
