//! Those who follow: the server's own follower at one end, the client's own frame reader at
//! the other, and between them a network that cuts anywhere and forgets what was under way.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use tenure_client::FrameReader;
use tenure_event::{Ephemeral, EphemeralKind, MessageDelta, SessionId};
use tenure_server::http::follow::{Filter, Follower, Options};
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::env::{Desk, at_once};

type Next = Pin<Box<dyn Future<Output = (Follower<Desk>, Option<Bytes>)>>>;

/// One who follows a session, or all of them.
pub(crate) struct Watcher {
    pub(crate) session: Option<SessionId>,
    deltas: bool,
    /// What came, with its position.
    pub(crate) got: Vec<(u64, String)>,
    pub(crate) pieces: Vec<MessageDelta>,
    position: u64,
    connection: Option<Connection>,
}

struct Connection {
    next: Next,
    bell: Arc<Bell>,
    reader: FrameReader,
    /// Sent, and not yet arrived.
    way: Vec<u8>,
}

struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Watcher {
    pub(crate) fn new(session: Option<SessionId>, deltas: bool) -> Self {
        Self { session, deltas, got: Vec::new(), pieces: Vec::new(), position: 0, connection: None }
    }

    /// Begins where it stopped.
    pub(crate) fn connect(&mut self, desk: &Arc<Desk>) {
        if self.connection.is_some() {
            return;
        }
        let options = Options {
            session: self.session.clone(),
            after: Some(self.position),
            filter: Filter::default(),
            deltas: self.deltas,
            acp: false,
        };
        let follower = at_once(Follower::start(Arc::clone(desk), options, CancellationToken::new()));
        let follower = follower.expect("a position that was told stays good");
        let bell = Arc::new(Bell(AtomicBool::new(true)));
        self.connection =
            Some(Connection { next: next(follower), bell, reader: FrameReader::default(), way: Vec::new() });
    }

    /// The connection is lost, with what was on its way.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// The server's side goes on, but only if it was woken. Whether it had something to say.
    pub(crate) fn serve(&mut self) -> bool {
        let Some(c) = &mut self.connection else { return false };
        if !c.bell.0.swap(false, Ordering::Relaxed) {
            return false;
        }
        let waker = Waker::from(Arc::clone(&c.bell));
        match c.next.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready((follower, Some(bytes))) => {
                c.way.extend_from_slice(&bytes);
                c.bell.0.store(true, Ordering::Relaxed);
                c.next = next(follower);
                true
            }
            Poll::Ready((_, None)) => panic!("a stream ended while its session is there"),
            Poll::Pending => false,
        }
    }

    /// Some of what is on its way arrives.
    pub(crate) fn receive(&mut self, dice: &mut Dice, all: bool) -> bool {
        let Some(c) = &mut self.connection else { return false };
        let now = if all { c.way.len() } else { dice.roll(c.way.len() + 1) };
        let bytes: Vec<u8> = c.way.drain(..now).collect();
        c.reader.feed(&bytes).expect("what the server writes can be read");
        while let Some(frame) = c.reader.next_frame() {
            match frame.id {
                Some(id) => {
                    let at: u64 = id.parse().expect("a position");
                    assert!(at > self.position, "{at} comes after {}", self.position);
                    self.position = at;
                    self.got.push((at, frame.data));
                }
                None => {
                    assert_ne!(frame.event, "gap", "nothing was taken away");
                    let told: Ephemeral = serde_json::from_str(&frame.data).expect("an ephemeral event");
                    if let EphemeralKind::MessageDelta(delta) = told.kind {
                        self.pieces.push(delta);
                    }
                }
            }
        }
        now > 0
    }
}

fn next(mut follower: Follower<Desk>) -> Next {
    Box::pin(async move {
        let bytes = follower.next().await;
        (follower, bytes)
    })
}
