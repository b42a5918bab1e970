//! What clients send: bodies, cursors; and events as they are read back.

use std::task::{Context, Poll, Waker};

use serde::de::DeserializeOwned;
use tenure_api::{
    AdoptConversation, AnswerAsk, Compact, ConfigPatch, CreateCheckpoint, CreateProject, CreateSession,
    CreateToken, DiscardWorkspace, EditInput, ExecRequest, ForkSession, Interrupt, KeepArtifact,
    MergeWorkspace, RewindHow, RewindRequest, RunCommand, SendInput, SessionPatch, SetMcpServers,
    VerbRequest,
};
use tenure_event::{Event, Kind, NewEvent, Seq, SessionId, Timestamp, WarningRaised, client_id_is_valid};
use tenure_log::{Append, Class, EventLog, LogError, MemoryLog, PageRequest};

use crate::Bytes;

/// Every kind of body that the document tells of, by its name there.
pub const BODIES: [(&str, crate::Target); 22] = [
    ("AdoptConversation", read::<AdoptConversation>),
    ("AnswerAsk", read::<AnswerAsk>),
    ("Compact", read::<Compact>),
    ("ConfigPatch", read::<ConfigPatch>),
    ("CreateCheckpoint", read::<CreateCheckpoint>),
    ("CreateProject", read::<CreateProject>),
    ("CreateSession", read::<CreateSession>),
    ("CreateToken", read::<CreateToken>),
    ("DiscardWorkspace", read::<DiscardWorkspace>),
    ("EditInput", read::<EditInput>),
    ("ExecRequest", read::<ExecRequest>),
    ("ForkSession", read::<ForkSession>),
    ("Interrupt", read::<Interrupt>),
    ("KeepArtifact", read::<KeepArtifact>),
    ("MergeWorkspace", read::<MergeWorkspace>),
    ("RewindHow", read::<RewindHow>),
    ("RewindRequest", read::<RewindRequest>),
    ("RunCommand", read::<RunCommand>),
    ("SendInput", read::<SendInput>),
    ("SessionPatch", read::<SessionPatch>),
    ("SetMcpServers", read::<SetMcpServers>),
    ("VerbRequest", read::<VerbRequest>),
];

/// A body, taken for each kind of request there is.
pub fn http_bodies(data: &[u8]) {
    for (_, read) in BODIES {
        read(data);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(SessionId::parse(text).is_ok(), client_id_is_valid(text));
        let _ = text.parse::<Timestamp>();
    }
}

fn read<T: DeserializeOwned>(data: &[u8]) {
    let one = serde_json::from_slice::<T>(data).is_ok();
    assert_eq!(one, serde_json::from_slice::<T>(data).is_ok());
}

/// A stored event: what is read is written as it was understood.
pub fn events(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(event) = Event::parse(text) else { return };
    let read = Event::parse(&written(&event)).expect("what we write we read");
    assert_eq!(read.kind.name(), event.kind.name());
    // A name that stood twice in an object stands once now, so a kind may be understood that was not.
    let third = written(&read);
    let last = written(&Event::parse(&third).expect("what we write we read"));
    assert_eq!(third, last, "and so for ever");
}

fn written(event: &Event) -> String {
    let new = NewEvent { ts: event.ts, turn_id: event.turn_id.clone(), kind: event.kind.clone() };
    new.render(&event.session_id, event.seq, event.gseq).expect("an event can be written")
}

/// Any position, limit and filter, asked of a short log.
pub fn cursors(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (events, wide) = (bytes.byte() % 9, bytes.byte());
    let mut number = || {
        let mut n = 0_u64;
        for _ in 0..wide % 9 {
            n = n << 8 | bytes.byte() as u64;
        }
        n
    };
    let after = number();
    let limit = usize::try_from(number()).unwrap_or(usize::MAX);
    let max_bytes = usize::try_from(number()).unwrap_or(usize::MAX);
    let types = String::from_utf8_lossy(bytes.0);
    let types: Vec<String> = types.split(',').filter(|t| !t.is_empty()).map(str::to_owned).collect();
    let log = MemoryLog::new();
    let session = SessionId::parse("s1").expect("an id");
    let told = |n: usize| {
        let kind = Kind::WarningRaised(WarningRaised { code: format!("w{n}"), message: String::new() });
        NewEvent { ts: Timestamp::from_millis(7), turn_id: None, kind }
    };
    let append = Append {
        session_id: session.clone(),
        expected: Seq(0),
        events: (0..events).map(told).collect(),
        class: Class::Normal,
        writes: Vec::new(),
    };
    now(log.append(append)).expect("the first append of a session");
    let page = PageRequest { after, limit: limit.max(1), max_bytes, types };
    for read in [now(log.read(&session, page.clone())), now(log.read_all(page))] {
        match read {
            Ok(page) => {
                assert!(after <= events as u64 && page.scanned_to >= after && page.last == events as u64);
                assert!(page.events.iter().zip(after + 1..).all(|(e, least)| e.seq.0 >= least));
            }
            Err(LogError::CursorExpired { .. }) => assert!(after > events as u64),
            Err(other) => panic!("a cursor gives {other}"),
        }
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the log in memory waits for something"),
    }
}
