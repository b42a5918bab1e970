//! Lines of agents. Whatever comes: nothing panics, and a restart at any line changes nothing.

use tenure_agents::catalog::{Protocol, codec_for};
use tenure_core::agent::{Codec, EncodeContext, ResumeHow, Signal, StartRecord};
use tenure_event::{SessionId, Timestamp};

use crate::Bytes;
use crate::recording::{Recording, recordings};

/// Lines of an ACP agent. The first byte says where the daemon is restarted.
pub fn acp_lines(data: &[u8]) {
    let resume = if data.first().is_some_and(|b| *b >= 128) {
        ResumeHow::Resume("s".to_owned())
    } else {
        ResumeHow::New
    };
    lines(Protocol::Acp, &start(resume), data);
}

/// Lines of Claude Code. The first byte says where the daemon is restarted.
pub fn claude_lines(data: &[u8]) {
    lines(Protocol::Claude, &start(ResumeHow::NewAs("s".to_owned())), data);
}

/// Lines of Codex. The first byte says where the daemon is restarted.
pub fn codex_lines(data: &[u8]) {
    let resume = if data.first().is_some_and(|b| *b >= 128) {
        ResumeHow::Resume("s".to_owned())
    } else {
        ResumeHow::New
    };
    lines(Protocol::Codex, &start(resume), data);
}

/// Lines of Pi. The first byte says where the daemon is restarted.
pub fn pi_lines(data: &[u8]) {
    lines(Protocol::Pi, &start(ResumeHow::New), data);
}

/// A recording of an ACP agent, changed here and there.
pub fn acp_recording(data: &[u8]) {
    changed(Protocol::Acp, recordings("acp"), data);
}

/// A recording of Claude Code, changed here and there.
pub fn claude_recording(data: &[u8]) {
    changed(Protocol::Claude, recordings("claude"), data);
}

/// A recording of Codex, changed here and there.
pub fn codex_recording(data: &[u8]) {
    changed(Protocol::Codex, recordings("codex"), data);
}

/// A recording of Pi, changed here and there.
pub fn pi_recording(data: &[u8]) {
    changed(Protocol::Pi, recordings("pi"), data);
}

fn changed(protocol: Protocol, all: &[Recording], data: &[u8]) {
    let mut bytes = Bytes(data);
    let recording = &all[bytes.byte() % all.len().max(1)];
    let restart = bytes.short();
    let lines = recording.changed(&mut bytes);
    check(protocol, &start(recording.resume.clone()), &lines, restart);
}

fn lines(protocol: Protocol, record: &StartRecord, data: &[u8]) {
    let Some((restart, rest)) = data.split_first() else { return };
    let lines: Vec<Vec<u8>> = rest.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    check(protocol, record, &lines, usize::from(restart & 127));
}

fn check(protocol: Protocol, record: &StartRecord, lines: &[Vec<u8>], restart: usize) {
    let mut placed = Vec::new();
    let mut offset = 0;
    for line in lines {
        placed.push((offset, line.as_slice()));
        offset += line.len() as u64 + 1;
    }
    let mut codec = codec_for(protocol, record.clone());
    let mut other = None;
    for (at, (offset, line)) in placed.iter().enumerate() {
        if at == restart % placed.len() {
            other = Some(restarted(protocol, record, codec.as_ref(), &placed[..at]));
        }
        let told = codec.decode(*offset, line);
        if let Some(other) = &mut other {
            assert!(told == other.decode(*offset, line), "after a restart a line says something else");
        }
        for (signal, n) in told.into_iter().zip(100..) {
            if let Signal::Send(command) = signal {
                // A command may have no words; that is said by the codec, not by a panic.
                let _ = codec.encode(n, &command, &EncodeContext::default());
            }
        }
    }
    let Some(mut other) = other else { return };
    assert!(codec.save() == other.save(), "what is saved is the same after a restart");
    assert!(codec.open_text() == other.open_text(), "what is written now is the same after a restart");
    assert!(codec.cut() == other.cut(), "what is cut is the same after a restart");
    assert!(codec.open_offset().is_none(), "nothing is open after a cut");
}

/// A codec as the daemon has it after a restart.
fn restarted(
    protocol: Protocol,
    record: &StartRecord,
    before: &dyn Codec,
    read: &[(u64, &[u8])],
) -> Box<dyn Codec> {
    let mut codec = codec_for(protocol, record.clone());
    codec.restore(&before.save().value().expect("there is a memory"));
    let Some(open) = before.open_offset() else { return codec };
    for (offset, line) in read.iter().filter(|(offset, _)| *offset >= open) {
        assert!(codec.decode(*offset, line).is_empty(), "a line that is read again says nothing");
    }
    codec
}

fn start(resume: ResumeHow) -> StartRecord {
    StartRecord {
        session_id: SessionId::parse("s1").expect("an id"),
        generation: 1,
        started_at: Timestamp::from_millis(1_795_139_670_306),
        cwd: "/srv/project".to_owned(),
        resume,
        model: None,
        mode: None,
        effort: None,
        append_instructions: None,
        replace_instructions: None,
        mcp_servers: Vec::new(),
        mcp_put: Vec::new(),
        mcp_off: Vec::new(),
        project_trusted: false,
        allow_bypass: false,
        preset: None,
        terminals: true,
    }
}
