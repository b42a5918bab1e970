//! Followers over a log in memory.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tenure_event::{
    Axes, Ephemeral, EphemeralKind, Kind, MessageCompleted, MessageDelta, MessageId, NewEvent, Part,
    PartBody, Role, Seq, SessionChanged, SessionId, TextKind, Timestamp, WarningRaised,
};
use tenure_log::{Append, Class, EventLog, MemoryLog, Write};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{Filter, Follower, Options, Source};
use crate::node::LiveText;

struct Stage {
    log: MemoryLog,
    live: broadcast::Sender<Arc<Ephemeral>>,
    open: Mutex<Vec<Arc<Ephemeral>>>,
    /// Its session is too busy to tell what is being written.
    deaf: bool,
}

impl Source for Stage {
    type Log = MemoryLog;
    fn log(&self) -> &MemoryLog {
        &self.log
    }
    async fn live_text(&self, _: &SessionId) -> LiveText {
        if self.deaf {
            std::future::pending::<()>().await;
        }
        LiveText { open: self.open.lock().expect("whole").clone(), updates: self.live.subscribe() }
    }
    async fn live_text_all(&self) -> LiveText {
        LiveText { open: self.open.lock().expect("whole").clone(), updates: self.live.subscribe() }
    }
}

fn stage() -> Arc<Stage> {
    let (live, _) = broadcast::channel(64);
    Arc::new(Stage { log: MemoryLog::default(), live, open: Mutex::default(), deaf: false })
}

fn id(text: &str) -> SessionId {
    SessionId::parse(text).expect("an id")
}

fn event(kind: Kind) -> NewEvent {
    NewEvent { ts: Timestamp::from_millis(1_795_139_670_306), turn_id: None, kind }
}

fn warning(words: usize) -> Kind {
    Kind::WarningRaised(WarningRaised { code: "w".into(), message: "word ".repeat(words) })
}

fn message(message: &str, text: &str) -> Kind {
    let part = Part {
        id: format!("{message}.0"),
        body: PartBody::Text { text: text.to_owned() },
        bytes: None,
        blob: None,
    };
    Kind::MessageCompleted(MessageCompleted {
        message_id: MessageId::parse(message).expect("an id"),
        native_ids: Vec::new(),
        role: Role::Assistant,
        parts: vec![part],
        model: None,
        usage: None,
        partial: false,
        origin: None,
        said_at: None,
        parent_tool_id: None,
        epoch: 0,
        whole: None,
    })
}

fn delta(session: &str, message: &str, after: u64, offset: u64, text: &str) -> Arc<Ephemeral> {
    Arc::new(Ephemeral {
        session_id: id(session),
        after: Seq(after),
        ts: Timestamp::from_millis(1_795_139_670_306),
        turn_id: None,
        kind: EphemeralKind::MessageDelta(MessageDelta {
            message_id: MessageId::parse(message).expect("an id"),
            part_id: format!("{message}.0"),
            kind: TextKind::Text,
            offset,
            text: text.to_owned(),
            parent_tool_id: None,
        }),
    })
}

impl Stage {
    async fn append(&self, session: &str, expected: u64, kinds: Vec<Kind>) {
        self.write(session, expected, kinds, Vec::new()).await;
    }

    async fn write(&self, session: &str, expected: u64, kinds: Vec<Kind>, writes: Vec<Write>) {
        let events = kinds.into_iter().map(event).collect();
        let append =
            Append { session_id: id(session), expected: Seq(expected), events, class: Class::Normal, writes };
        self.log.append(append).await.expect("appended");
    }

    async fn follow(self: &Arc<Self>, options: Options) -> Follower<Self> {
        Follower::start(Arc::clone(self), options, CancellationToken::new()).await.expect("starts")
    }
}

fn one(session: &str, after: u64) -> Options {
    Options { session: Some(id(session)), after: Some(after), ..Options::default() }
}

#[derive(Debug, Clone, PartialEq)]
struct Frame {
    id: Option<u64>,
    name: String,
    data: String,
}

// Whole frames only; what comes after the last blank line was cut off.
fn frames(bytes: &[u8]) -> Vec<Frame> {
    let text = String::from_utf8_lossy(bytes);
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let field =
        |frame: &str, name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let frame = |frame: &str| Frame {
        id: field(frame, "id: ").and_then(|id| id.parse().ok()),
        name: field(frame, "event: ").unwrap_or_default(),
        data: field(frame, "data: ").unwrap_or_default(),
    };
    whole.split("\n\n").filter(|text| !text.is_empty()).map(frame).collect()
}

// Reads until `count` frames have come.
async fn take(follower: &mut Follower<Stage>, count: usize) -> Vec<Frame> {
    let mut bytes = Vec::new();
    while frames(&bytes).len() < count {
        bytes.extend_from_slice(&follower.next().await.expect("goes on"));
    }
    frames(&bytes)
}

fn names(frames: &[Frame]) -> Vec<String> {
    frames
        .iter()
        .map(|frame| frame.id.map_or(frame.name.clone(), |id| format!("{id} {}", frame.name)))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_stream_cut_anywhere_and_resumed_equals_the_log(
        sizes in proptest::collection::vec(0_usize..1500, 1..60),
        cuts in proptest::collection::vec(1_usize..40_000, 0..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let stage = stage();
            let count = sizes.len();
            stage.append("s", 0, sizes.iter().copied().map(warning).collect()).await;
            let mut seen: Vec<Frame> = Vec::new();
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let after = seen.last().and_then(|frame| frame.id).unwrap_or(0);
                let mut follower = stage.follow(one("s", after)).await;
                let mut bytes = Vec::new();
                while bytes.len() < cut && seen.len() + frames(&bytes).len() < count {
                    bytes.extend_from_slice(&follower.next().await.expect("goes on"));
                }
                bytes.truncate(cut);
                seen.extend(frames(&bytes));
            }
            let all = tenure_log::PageRequest { after: 0, limit: 1000, max_bytes: usize::MAX, types: Vec::new() };
            let stored = stage.log.read(&id("s"), all).await.expect("read");
            let stored: Vec<Frame> = stored.events.iter().map(|event| Frame {
                id: Some(event.seq.0),
                name: event.name.to_string(),
                data: String::from_utf8_lossy(&event.bytes).into_owned(),
            }).collect();
            assert_eq!(seen, stored);
        });
    }
}

#[tokio::test]
async fn live_events_follow_replayed_ones() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1), warning(2)]).await;
    let mut follower = stage.follow(one("s", 1)).await;
    assert_eq!(names(&take(&mut follower, 1).await), ["2 warning.raised"]);
    let (live, ()) = tokio::join!(take(&mut follower, 1), stage.append("s", 2, vec![message("m", "hi")]));
    assert_eq!(names(&live), ["3 message.completed"]);
}

#[tokio::test]
async fn types_are_filtered_and_now_begins_with_what_comes() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1), message("m", "hi"), warning(1)]).await;
    let only = |types: &[&str]| Filter::new(types.iter().map(|&t| t.to_owned()).collect(), Vec::new(), None);
    let mut follower = stage.follow(Options { filter: only(&["message.*"]), ..one("s", 0) }).await;
    assert_eq!(names(&take(&mut follower, 1).await), ["2 message.completed"]);
    let mut follower = stage.follow(Options { after: None, ..one("s", 0) }).await;
    assert_eq!(follower.position(), 3);
    stage.append("s", 3, vec![warning(7)]).await;
    assert_eq!(names(&take(&mut follower, 1).await), ["4 warning.raised"]);
}

#[tokio::test]
async fn a_position_beyond_the_end_is_refused() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1)]).await;
    let started = Follower::start(Arc::clone(&stage), one("s", 2), CancellationToken::new()).await;
    assert!(matches!(started.err(), Some(tenure_log::LogError::CursorExpired { .. })));
}

#[tokio::test]
async fn a_destroyed_session_ends_its_stream_and_what_is_gone_is_told() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1), warning(2)]).await;
    let mut early = stage.follow(one("s", 0)).await;
    assert_eq!(names(&take(&mut early, 2).await), ["1 warning.raised", "2 warning.raised"]);
    stage.append("s", 2, vec![warning(3)]).await;
    let gone = Kind::SessionDestroyed(SessionChanged { axes: Axes::default() });
    stage.write("s", 3, vec![gone], vec![Write::Erase]).await;
    let rest = take(&mut early, 2).await;
    assert_eq!(names(&rest), ["gap", "4 session.destroyed"]);
    assert_eq!(rest[0].data, r#"{"from":3,"to":3}"#);
    assert_eq!(early.next().await, None);
    let mut late = stage.follow(one("s", 0)).await;
    assert_eq!(names(&take(&mut late, 2).await), ["gap", "4 session.destroyed"]);
    assert_eq!(late.next().await, None);
}

#[tokio::test]
async fn the_end_of_a_session_ends_a_stream_that_did_not_ask_for_it() {
    let stage = stage();
    stage.append("s", 0, vec![Kind::SessionDestroyed(SessionChanged { axes: Axes::default() })]).await;
    let filter = Filter::new(vec!["turn.*".into()], Vec::new(), None);
    let mut follower = stage.follow(Options { filter, ..one("s", 0) }).await;
    assert_eq!(follower.next().await, None);
}

#[tokio::test]
async fn deltas_stand_between_the_events_they_belong_between() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1)]).await;
    *stage.open.lock().expect("whole") = vec![delta("s", "m", 1, 0, "so far")];
    let mut follower = stage.follow(Options { deltas: true, ..one("s", 0) }).await;
    let joined = take(&mut follower, 2).await;
    assert_eq!(names(&joined), ["1 warning.raised", "message.delta"]);
    assert!(joined[1].data.contains(r#""offset":0,"text":"so far""#), "{}", joined[1].data);

    // Both are there before the follower looks: the delta comes first, because it says so.
    stage.live.send(delta("s", "m", 1, 6, " more")).expect("heard");
    stage.append("s", 1, vec![warning(2)]).await;
    stage.live.send(delta("s", "m", 2, 11, " end")).expect("heard");
    stage.append("s", 2, vec![message("m", "so far more end")]).await;
    let rest = take(&mut follower, 4).await;
    let expected = ["message.delta", "2 warning.raised", "message.delta", "3 message.completed"];
    assert_eq!(names(&rest), expected);

    // Late: its message has ended, and was sent.
    stage.live.send(delta("s", "m", 2, 15, "!")).expect("heard");
    stage.append("s", 3, vec![warning(3)]).await;
    assert_eq!(names(&take(&mut follower, 1).await), ["4 warning.raised"]);
}

/// Followers read the log: nothing that is stored waits for a session that does not answer.
#[tokio::test]
async fn what_is_stored_is_sent_while_a_busy_session_does_not_tell_what_it_writes() {
    let stage = Arc::into_inner(stage()).map(|stage| Arc::new(Stage { deaf: true, ..stage })).expect("alone");
    stage.append("s", 0, vec![warning(1)]).await;
    let mut follower = stage.follow(Options { deltas: true, ..one("s", 0) }).await;
    assert_eq!(names(&take(&mut follower, 1).await), ["1 warning.raised"]);
    for n in 1..4 {
        let more = stage.append("s", n, vec![warning(2)]);
        let (live, ()) = tokio::join!(take(&mut follower, 1), more);
        assert_eq!(names(&live), [format!("{} warning.raised", n + 1)]);
    }
}

#[tokio::test]
async fn a_stream_of_all_sessions_begins_with_what_is_being_written() {
    let stage = stage();
    stage.append("a", 0, vec![warning(1)]).await;
    stage.append("b", 0, vec![warning(1)]).await;
    *stage.open.lock().expect("whole") = vec![delta("a", "m", 1, 0, "in a"), delta("b", "n", 1, 0, "in b")];
    let all = Options { after: None, deltas: true, ..Options::default() };
    let mut follower = stage.follow(all.clone()).await;
    let joined = take(&mut follower, 2).await;
    assert_eq!(names(&joined), ["message.delta", "message.delta"]);
    assert!(joined[0].data.contains("in a") && joined[1].data.contains("in b"), "{joined:?}");

    let filter = Filter::new(Vec::new(), vec![id("b")], None);
    let mut some = stage.follow(Options { filter, ..all }).await;
    let joined = take(&mut some, 1).await;
    assert!(joined[0].data.contains("in b"), "{joined:?}");
}

#[tokio::test]
async fn whoever_lags_gets_all_of_the_open_message_again() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1)]).await;
    let mut follower = stage.follow(Options { deltas: true, ..one("s", 1) }).await;
    stage.live.send(delta("s", "m", 1, 0, "a")).expect_err("nobody has joined");
    *stage.open.lock().expect("whole") = vec![delta("s", "m", 1, 0, "a")];
    assert_eq!(names(&take(&mut follower, 1).await), ["message.delta"]);
    for n in 0..200 {
        stage.live.send(delta("s", "m", 1, 1 + n, "b")).expect("heard");
    }
    *stage.open.lock().expect("whole") = vec![delta("s", "m", 1, 0, "all")];
    let again = take(&mut follower, 1).await;
    assert!(again.last().is_some_and(|frame| frame.data.contains(r#""offset":0,"text":"all""#)), "{again:?}");
}

#[tokio::test]
async fn all_sessions_by_gseq_with_a_choice_of_sessions() {
    let stage = stage();
    stage.append("a", 0, vec![warning(1)]).await;
    stage.append("b", 0, vec![warning(1), warning(2)]).await;
    stage.append("a", 1, vec![warning(3)]).await;
    let mut all = stage.follow(Options { after: Some(0), ..Options::default() }).await;
    let seen = take(&mut all, 4).await;
    let ids: Vec<_> = seen.iter().filter_map(|frame| frame.id).collect();
    assert!(ids.is_sorted() && ids.len() == 4);
    let filter = Filter::new(Vec::new(), vec![id("b")], None);
    let mut some = stage.follow(Options { after: Some(0), filter, ..Options::default() }).await;
    assert!(take(&mut some, 2).await.iter().all(|frame| frame.data.contains(r#""session_id":"b""#)));
}

#[tokio::test]
async fn acp_rows_carry_the_id_on_the_last_one_only() {
    let stage = stage();
    let Kind::MessageCompleted(mut said) = message("m", "hello") else { return };
    let thought =
        Part { id: "m.1".into(), body: PartBody::Thought { text: "hm".into() }, bytes: None, blob: None };
    said.parts.push(thought);
    stage.append("s", 0, vec![Kind::MessageCompleted(said)]).await;
    let mut follower = stage.follow(Options { acp: true, ..one("s", 0) }).await;
    let rows = take(&mut follower, 2).await;
    assert_eq!(names(&rows), ["session/update", "1 session/update"]);
}

#[tokio::test]
async fn a_stop_of_the_daemon_ends_the_stream() {
    let stage = stage();
    stage.append("s", 0, vec![warning(1)]).await;
    let stopping = CancellationToken::new();
    let mut follower =
        Follower::start(Arc::clone(&stage), one("s", 1), stopping.clone()).await.expect("starts");
    let (end, ()) = tokio::join!(follower.next(), async { stopping.cancel() });
    assert_eq!(end, None);
}
