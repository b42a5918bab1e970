//! Many followers of streams in one thread: each reads as fast as it can, slowly, or not at all, and checks that
//! every number comes once and in order.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;

use super::marks::{Mark, seq_of};
use crate::wire::{DataLines, Dechunk, Endpoint};

/// How a follower reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// All that comes.
    Fast,
    /// So many bytes a second.
    Slow(usize),
    /// Nothing.
    Never,
}

/// Slow followers are fed so often.
const SPOON: Duration = Duration::from_millis(250);

struct Member {
    stream: TcpStream,
    pace: Pace,
    /// The answer's head, until it was read.
    head: Option<Vec<u8>>,
    framing: Dechunk,
    lines: DataLines,
    last: u64,
    wrong: u64,
    over: bool,
}

/// The followers, and what they saw.
pub(super) struct Crowd {
    epoll: OwnedFd,
    members: Vec<Member>,
    /// How long each marked line travelled to each follower that is measured, in milliseconds.
    pub(super) times: Vec<f64>,
    measured: usize,
    measuring: bool,
    scratch: Vec<u8>,
}

impl Crowd {
    pub(super) fn new() -> anyhow::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let scratch = vec![0; 256 * 1024];
        Ok(Self { epoll, members: Vec::new(), times: Vec::new(), measured: 0, measuring: false, scratch })
    }

    /// One more follower, which reads all that comes.
    pub(super) fn join(&mut self, endpoint: &Endpoint, path: &str) -> anyhow::Result<()> {
        let mut stream = TcpStream::connect(&endpoint.address).context("a follower is not let in")?;
        stream.set_nodelay(true)?;
        stream.write_all(&endpoint.request("GET", path, None))?;
        stream.set_nonblocking(true)?;
        let key = epoll::EventData::new_u64(self.members.len() as u64);
        epoll::add(&self.epoll, &stream, key, epoll::EventFlags::IN)?;
        self.members.push(Member {
            stream,
            pace: Pace::Fast,
            head: Some(Vec::new()),
            framing: Dechunk::default(),
            lines: DataLines::default(),
            last: 0,
            wrong: 0,
            over: false,
        });
        Ok(())
    }

    /// How a follower reads from now on.
    pub(super) fn pace(&mut self, member: usize, pace: Pace) -> anyhow::Result<()> {
        let wanted = if pace == Pace::Fast { epoll::EventFlags::IN } else { epoll::EventFlags::empty() };
        let key = epoll::EventData::new_u64(member as u64);
        epoll::modify(&self.epoll, &self.members[member].stream, key, wanted)?;
        self.members[member].pace = pace;
        Ok(())
    }

    /// Times are taken from now on, of the first so many followers.
    pub(super) fn measure(&mut self, measured: usize) {
        (self.measured, self.measuring) = (measured, true);
        self.times.clear();
    }

    /// The times that were taken.
    pub(super) fn measured(&mut self) -> Vec<f64> {
        self.measuring = false;
        std::mem::take(&mut self.times)
    }

    /// The last number that each of these followers has seen.
    pub(super) fn last(&self, members: std::ops::Range<usize>) -> impl Iterator<Item = u64> {
        self.members[members].iter().map(|m| m.last)
    }

    /// Numbers that were skipped or came again.
    pub(super) fn wrong(&self) -> u64 {
        self.members.iter().map(|m| m.wrong).sum()
    }

    /// Reads for so long.
    pub(super) fn run_for(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + time;
        self.run(until, |_| false).map(drop)
    }

    /// Reads until everybody has seen this number.
    pub(super) fn run_to(&mut self, number: u64, patience: Duration) -> anyhow::Result<()> {
        let there = |crowd: &Self| crowd.members.iter().all(|m| m.last >= number);
        let reached = self.run(Instant::now() + patience, there)?;
        let behind = self.members.iter().filter(|m| m.last < number).count();
        ensure!(reached, "{behind} followers have not seen {number} within {patience:?}");
        Ok(())
    }

    /// Reads until this one has seen this number.
    pub(super) fn run_one_to(
        &mut self,
        member: usize,
        number: u64,
        patience: Duration,
    ) -> anyhow::Result<()> {
        let there = |crowd: &Self| crowd.members[member].last >= number;
        let reached = self.run(Instant::now() + patience, there)?;
        ensure!(reached, "a follower has not seen {number} within {patience:?}");
        Ok(())
    }

    fn run(&mut self, until: Instant, done: impl Fn(&Self) -> bool) -> anyhow::Result<bool> {
        let mut fed = Instant::now();
        let mut events = Vec::with_capacity(256);
        while !done(self) {
            let now = Instant::now();
            if now >= until {
                return Ok(false);
            }
            if now.duration_since(fed) >= SPOON {
                fed = now;
                self.feed_slow()?;
            }
            let wait = SPOON.saturating_sub(fed.elapsed()).min(until - now);
            let wait = Timespec { tv_sec: 0, tv_nsec: i64::from(wait.subsec_nanos()) };
            events.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait))?;
            for event in &events {
                let member = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
                self.read(member, usize::MAX)?;
            }
        }
        Ok(true)
    }

    fn feed_slow(&mut self) -> anyhow::Result<()> {
        for at in 0..self.members.len() {
            if let Pace::Slow(rate) = self.members[at].pace {
                self.read(at, (rate / 4).max(1))?;
            }
        }
        Ok(())
    }

    fn read(&mut self, at: usize, most: usize) -> anyhow::Result<()> {
        let Some(member) = self.members.get_mut(at) else { return Ok(()) };
        let room = self.scratch.len().min(most);
        let got = match member.stream.read(&mut self.scratch[..room]) {
            Ok(0) => bail!("a stream ended at {}", member.last),
            Ok(got) => got,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(e) => return Err(e).context("a follower lost its connection"),
        };
        let times = (self.measuring && at < self.measured).then_some(&mut self.times);
        member.take(&self.scratch[..got], times)
    }
}

impl Member {
    fn take(&mut self, bytes: &[u8], mut times: Option<&mut Vec<f64>>) -> anyhow::Result<()> {
        let rest = match &mut self.head {
            None => None,
            Some(head) => {
                head.extend_from_slice(bytes);
                let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") else { return Ok(()) };
                let text = String::from_utf8_lossy(&head[..end]).into_owned();
                ensure!(text.starts_with("HTTP/1.1 200 "), "a follower is not served: {text}");
                let rest = head.split_off(end + 4);
                self.head = None;
                Some(rest)
            }
        };
        let Self { framing, lines, last, wrong, .. } = self;
        framing.push(rest.as_deref().unwrap_or(bytes), |piece| {
            lines.push(piece, |data| {
                let seq = seq_of(data);
                *wrong += u64::from(seq != *last + 1);
                *last = seq;
                if let Some(times) = &mut times {
                    times.extend(Mark::find(data).map(|mark| mark.travelled_ms()));
                }
                true
            });
        })?;
        self.over = framing.is_over();
        ensure!(!self.over, "a stream was ended at {}", self.last);
        Ok(())
    }
}
