//! Following events: each durable one once and in order, over lost connections and restarts of the daemon.
//!
//! A task reads one stream after the other and hands on what is new; the position is the number of the last event
//! that was handed on, so a stream that is joined anew begins right after it. It keeps no events.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use serde::Deserialize;
use tenure_event::{Ephemeral, Event, Gseq, Kind, Seq, SessionId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{Call, Client, may_pass};
use crate::sse::{Frame, FrameReader};
use crate::{ClientError, EventFilter};

/// The daemon sends a comment every 15 s; a stream that is silent for three of them is dead.
const SILENCE: Duration = Duration::from_secs(45);
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
/// What waits for a slow reader; then the socket waits.
const BUFFERED: usize = 64;

/// Where to begin and what to bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowOptions {
    /// The number of the last event that is known already: `seq`, or `gseq` over all sessions. 0 for none.
    pub after: u64,
    /// Names of the events wanted; empty for all.
    pub types: Vec<String>,
    /// Bring ephemeral events too.
    pub deltas: bool,
    /// How long a daemon that does not answer is waited for until the follower gives up.
    pub patience: Duration,
}

impl Default for FollowOptions {
    fn default() -> Self {
        Self { after: 0, types: Vec::new(), deltas: false, patience: PATIENCE }
    }
}

/// A durable event, and the very text in which it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowedEvent {
    /// The event.
    pub event: Event,
    /// Its envelope as it was sent.
    pub json: String,
}

/// What a follower brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Followed {
    /// A durable event, once.
    Event(Box<FollowedEvent>),
    /// An event without a number; some may be missed.
    Ephemeral(Box<Ephemeral>),
    /// Retention has removed these events.
    Gap {
        /// The first that is missing.
        from: Seq,
        /// The last that is missing.
        to: Seq,
    },
    /// The connection broke; the daemon is looked for. Nothing is lost.
    Lost {
        /// What happened.
        why: String,
    },
    /// The daemon was found again.
    Back,
}

/// Events as they come. Ends after an error, and after the session was destroyed.
#[derive(Debug)]
pub struct Follow {
    items: mpsc::Receiver<Result<Followed, ClientError>>,
    task: JoinHandle<()>,
}

impl Follow {
    /// The next item; none at the end. May be cancelled without losing anything.
    pub async fn next(&mut self) -> Option<Result<Followed, ClientError>> {
        self.items.recv().await
    }
}

impl Stream for Follow {
    type Item = Result<Followed, ClientError>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.poll_recv(cx)
    }
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Follows one session. Must be called in a tokio runtime.
    #[must_use]
    pub fn follow(&self, session: &SessionId, options: FollowOptions) -> Follow {
        let dense = options.types.is_empty();
        self.start_follower(
            format!("/v1/sessions/{session}/events/stream"),
            Numbers::Seq { dense },
            options,
            None,
        )
    }

    /// Follows all sessions, or those that the filter names, by `gseq`.
    #[must_use]
    pub fn follow_all(&self, filter: EventFilter, options: FollowOptions) -> Follow {
        self.start_follower("/v1/events/stream".to_owned(), Numbers::Gseq, options, Some(filter))
    }

    fn start_follower(
        &self,
        path: String,
        numbers: Numbers,
        options: FollowOptions,
        filter: Option<EventFilter>,
    ) -> Follow {
        let (out, items) = mpsc::channel(BUFFERED);
        let filter = filter.unwrap_or_default();
        let after = options.after;
        let follower =
            Follower { client: self.clone(), path, numbers, options, filter, after, out, ended: false };
        Follow { items, task: tokio::spawn(follower.run()) }
    }
}

#[derive(Debug, Clone, Copy)]
enum Numbers {
    /// Of one session; without a filter there are no holes.
    Seq {
        dense: bool,
    },
    Gseq,
}

/// Why one stream ended.
enum End {
    /// Look for the daemon and go on.
    Lost(String),
    /// The daemon ended the stream properly, as one does that is being stopped: look for it, but do not start it.
    Stopped,
    /// Nothing can be done.
    Fatal(ClientError),
    /// Nobody listens any more.
    Unwanted,
}

struct Follower {
    client: Client,
    path: String,
    numbers: Numbers,
    options: FollowOptions,
    filter: EventFilter,
    after: u64,
    out: mpsc::Sender<Result<Followed, ClientError>>,
    /// The session was destroyed: the end of the stream is the end of all.
    ended: bool,
}

/// A frame of the kind `gap`.
#[derive(Deserialize)]
struct GapData {
    from: Seq,
    to: Seq,
}

impl Follower {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        let mut lost_since: Option<Instant> = None;
        let mut stopped = false;
        loop {
            let before = self.after;
            let why = match self.one_stream(&mut lost_since).await {
                End::Unwanted => return,
                End::Lost(_) | End::Stopped if self.ended => return,
                End::Lost(why) => why,
                End::Stopped => {
                    stopped = true;
                    "the daemon was stopped".to_owned()
                }
                End::Fatal(error) => {
                    let _ = self.out.send(Err(error)).await;
                    return;
                }
            };
            if lost_since.is_none() {
                lost_since = Some(Instant::now());
                if self.out.send(Ok(Followed::Lost { why: why.clone() })).await.is_err() {
                    return;
                }
            }
            if self.after > before {
                pause = FIRST_PAUSE;
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            match self.client.find_again(!stopped).await {
                Ok(_) => stopped = false,
                Err(error) if error.is_unreachable() => {
                    if lost_since.is_some_and(|since| since.elapsed() > self.options.patience) {
                        let _ = self.out.send(Err(error)).await;
                        return;
                    }
                }
                Err(error) => {
                    let _ = self.out.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// Reads one stream to its end.
    async fn one_stream(&mut self, lost_since: &mut Option<Instant>) -> End {
        let link = self.client.link();
        let mut answer = match timeout(SILENCE, self.client.request(&link, &self.call(), None)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if may_pass(&error) => return End::Lost(error.to_string()),
            Ok(Err(error)) => return End::Fatal(error),
            Err(_) => return End::Lost("the daemon accepts but does not answer".to_owned()),
        };
        if lost_since.take().is_some() && self.out.send(Ok(Followed::Back)).await.is_err() {
            return End::Unwanted;
        }
        let mut reader = FrameReader::default();
        loop {
            let bytes = match timeout(SILENCE, answer.chunk()).await {
                Ok(Ok(Some(bytes))) => bytes,
                Ok(Ok(None)) => return End::Stopped,
                Ok(Err(error)) => {
                    return End::Lost(ClientError::of_transport(&error, &link.place, SILENCE).to_string());
                }
                Err(_) => return End::Lost(format!("nothing came for {} s", SILENCE.as_secs())),
            };
            if let Err(error) = reader.feed(&bytes) {
                return End::Fatal(ClientError::unintelligible(error));
            }
            while let Some(frame) = reader.next_frame() {
                if let Err(end) = self.take(frame).await {
                    return end;
                }
            }
        }
    }

    fn call(&self) -> Call {
        let mut call = self.filter.apply(Call::get(self.path.clone())).query("after", self.after);
        if !self.options.types.is_empty() {
            call = call.query("types", self.options.types.join(","));
        }
        if self.options.deltas { call.query("deltas", true) } else { call }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), End> {
        let item = match (frame.id.is_some(), frame.event.as_str()) {
            (_, "gap") => self.gap(&frame),
            (true, _) => self.event(frame)?,
            // Kinds that a later daemon sends and this version does not know may be skipped: they are not durable.
            (false, _) => serde_json::from_str(&frame.data).ok().map(|e| Followed::Ephemeral(Box::new(e))),
        };
        match item {
            Some(item) => self.out.send(Ok(item)).await.map_err(|_| End::Unwanted),
            None => Ok(()),
        }
    }

    fn gap(&mut self, frame: &Frame) -> Option<Followed> {
        let gap: GapData = serde_json::from_str(&frame.data).ok()?;
        if let Numbers::Seq { .. } = self.numbers {
            self.after = self.after.max(gap.to.0);
        }
        Some(Followed::Gap { from: gap.from, to: gap.to })
    }

    fn event(&mut self, frame: Frame) -> Result<Option<Followed>, End> {
        let event = Event::parse(&frame.data).map_err(|e| End::Fatal(ClientError::unintelligible(e)))?;
        let number = match self.numbers {
            Numbers::Seq { .. } => event.seq.0,
            Numbers::Gseq => {
                let Gseq(n) = event.gseq;
                n
            }
        };
        if number <= self.after {
            return Ok(None);
        }
        if matches!(self.numbers, Numbers::Seq { dense: true }) && number != self.after + 1 {
            let what = format!("event {number} came after event {}", self.after);
            return Err(End::Fatal(ClientError::unintelligible(what)));
        }
        self.after = number;
        self.ended |=
            matches!(self.numbers, Numbers::Seq { .. }) && matches!(event.kind, Kind::SessionDestroyed(_));
        Ok(Some(Followed::Event(Box::new(FollowedEvent { event, json: frame.data }))))
    }
}
