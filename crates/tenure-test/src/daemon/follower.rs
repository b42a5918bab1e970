//! A reader of server-sent events that comes back with `Last-Event-ID` whenever its stream breaks, and keeps
//! what it got. It drops nothing and checks nothing: what came twice or not at all is for the test to see.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tenure_client::{Frame, FrameReader};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{PATIENCE, TestDaemon};

/// Between two tries to reach a daemon that is being started.
const PAUSE: Duration = Duration::from_millis(20);

/// Follows a stream in the background.
#[derive(Debug)]
pub struct Follower {
    frames: Arc<Mutex<Vec<Frame>>>,
    count: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Follower {
    pub(super) fn start(daemon: TestDaemon, path: &str) -> Self {
        let frames = Arc::new(Mutex::new(Vec::new()));
        let (told, count) = watch::channel(0);
        let task = tokio::spawn(follow(daemon, path.to_owned(), Arc::clone(&frames), told));
        Self { frames, count, task }
    }

    /// What came so far.
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a frame for which `wanted` is true; gives the data of all frames up to then.
    ///
    /// # Panics
    /// If none comes in time.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
        let search = async {
            let mut looked = 0;
            loop {
                let frames = self.frames();
                let found = frames[looked..].iter().position(|frame| wanted(&parsed(frame)));
                if let Some(at) = found {
                    return frames[..=looked + at].iter().map(|frame| frame.data.clone()).collect();
                }
                looked = frames.len();
                self.count.changed().await.expect("the follower lives");
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        found.unwrap_or_else(|_| panic!("the frame did not come; there are {:#?}", self.frames()))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn parsed(frame: &Frame) -> Value {
    serde_json::from_str(&frame.data).unwrap_or_default()
}

async fn follow(
    daemon: TestDaemon,
    path: String,
    frames: Arc<Mutex<Vec<Frame>>>,
    told: watch::Sender<usize>,
) {
    let mut last = String::new();
    loop {
        let Some(mut answer) = open(&daemon, &path, &last).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut reader = FrameReader::default();
        while let Ok(Some(bytes)) = answer.chunk().await {
            reader.feed(&bytes).expect("frames are text of a bounded length");
            let mut all = frames.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some(frame) = reader.next_frame() {
                if let Some(id) = &frame.id {
                    last.clone_from(id);
                }
                all.push(frame);
            }
            told.send_replace(all.len());
        }
    }
}

async fn open(daemon: &TestDaemon, path: &str, last: &str) -> Option<reqwest::Response> {
    let http = daemon.inner.lock().as_ref().map(|running| running.http.clone())?;
    let mut request = http.client.get(format!("{}{path}", http.base)).bearer_auth(&http.token);
    if !last.is_empty() {
        request = request.header("last-event-id", last);
    }
    request.send().await.ok().filter(|answer| answer.status().is_success())
}
