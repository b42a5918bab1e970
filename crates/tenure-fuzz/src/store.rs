//! What a daemon finds when it starts: the states of sessions, and the store itself, both
//! possibly damaged. Damage is told; it is never a panic and never endless.

use std::sync::OnceLock;
use std::time::Duration;

use tenure_api::QueueChoice;
use tenure_core::Request;
use tenure_core::machine::{ExitNews, Input, Machine, Now, State};
use tenure_event::{Kind, NewEvent, Seq, SessionId, Timestamp, WarningRaised};
use tenure_log::{Append, Class, Durability, EventLog, LogOptions, PageRequest, SqliteLog};

use crate::Bytes;

/// A long time, for anything that a store of a few pages can be asked.
const LONG: Duration = Duration::from_secs(30);

/// The state of a session, as JSON.
pub fn state(data: &[u8]) {
    let Ok(state) = serde_json::from_slice::<State>(data) else { return };
    // Counters at the end of their range are not reached in the life of a universe.
    if state.generation > 1 << 30 || state.next_n > 1 << 60 || state.last_seq.0 > 1 << 60 {
        return;
    }
    let _ = state.view();
    let text = serde_json::to_vec(&state).expect("what was read can be written");
    let again: State = serde_json::from_slice(&text).expect("and read again");
    let generation = state.process.as_ref().map_or(1, |p| p.generation);
    let mut machine = Machine::from_state(again);
    let mut at = Timestamp::from_millis(1_795_139_670_306);
    let mut step = |machine: &mut Machine, input: Input| {
        at = machine.next_deadline().map_or(at, |due| due.max(at));
        let out = machine.step(Now { at, entropy: 7 }, input);
        machine.committed(Seq(machine.state().last_seq.0 + out.events.len() as u64));
    };
    step(&mut machine, Input::Started { generation, pid: 7, hello: Vec::new() });
    step(&mut machine, Input::Deadline);
    step(&mut machine, Input::Request(Request::Interrupt { queue: QueueChoice::Keep }));
    step(&mut machine, Input::Deadline);
    step(&mut machine, Input::Exited { generation, exit: ExitNews::default(), cut: Vec::new() });
    step(&mut machine, Input::Deadline);
    step(&mut machine, Input::Request(Request::Close));
    let _ = machine.state().view();
}

/// A store with bytes changed, or cut off; then all that a start asks of it.
pub fn store(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut file = whole_store().to_vec();
    if bytes.byte().is_multiple_of(4) {
        file.truncate(bytes.short() * 16 % file.len());
    }
    while !bytes.0.is_empty() && !file.is_empty() {
        let at = (bytes.short() | bytes.byte() << 16) % file.len();
        file[at] ^= u8::try_from(bytes.byte()).unwrap_or(0);
    }
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("tenure.db"), file).expect("a store");
    let Ok(log) = SqliteLog::open(dir.path(), options()) else { return };
    runtime().block_on(async {
        tokio::time::timeout(LONG, ask(&log)).await.expect("a damaged store answers");
        // Told by an error or not: it is closed.
        let _ = tokio::time::timeout(LONG, log.close()).await.expect("and can be closed");
    });
}

async fn ask(log: &SqliteLog) {
    let session = SessionId::parse("s1").expect("an id");
    let page = || PageRequest { after: 0, limit: 100, max_bytes: 1 << 20, types: Vec::new() };
    let _ = log.live_sessions().await;
    let _ = log.state(&session).await;
    let _ = log.read_all(page()).await;
    let _ = log.counts().await;
    if let Ok(read) = log.read(&session, page()).await {
        assert!(read.events.windows(2).all(|pair| pair[0].seq < pair[1].seq), "events are in order");
        let _ = log.append(some(&session, read.last)).await;
    }
}

fn some(session: &SessionId, expected: u64) -> Append {
    let told = |n: u64| {
        let message = "word ".repeat(60);
        let kind = Kind::WarningRaised(WarningRaised { code: format!("w{n}"), message });
        NewEvent { ts: Timestamp::from_millis(7), turn_id: None, kind }
    };
    let events = (0..20).map(told).collect();
    Append {
        session_id: session.clone(),
        expected: Seq(expected),
        events,
        class: Class::Full,
        writes: Vec::new(),
    }
}

fn options() -> LogOptions {
    LogOptions { durability: Durability::Process, boot_id: Some("boot".to_owned()) }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime")
}

/// The bytes of a store that is as it should be.
fn whole_store() -> &'static [u8] {
    static STORE: OnceLock<Vec<u8>> = OnceLock::new();
    STORE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a directory");
        let log = SqliteLog::open(dir.path(), options()).expect("a new store");
        runtime().block_on(async {
            for name in ["s1", "s2"] {
                let session = SessionId::parse(name).expect("an id");
                for n in 0..4 {
                    log.append(some(&session, n * 20)).await.expect("stored");
                }
            }
            log.close().await.expect("closed");
        });
        std::fs::read(dir.path().join("tenure.db")).expect("its bytes")
    })
}
