//! The client itself: asks the daemon, finds it again when it was restarted, and repeats what may be repeated.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenure_api::{ErrorCode, Problem};
use tokio::time::{Instant, sleep};

use crate::link::Link;
use crate::start::{self, Launcher};
use crate::{ClientError, Home, VERSION};

/// What an ordinary request may take. Verbs answer when they are done, the slowest after some ten seconds.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);
/// How long a request tries to find a daemon that was there a moment ago.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);
/// What makes a request repeatable that has no id of its own.
const KEY: &str = "Idempotency-Key";
/// Answers longer than this are refused (a transcript is the longest).
const MAX_ANSWER: usize = 1 << 30;

/// A client of one daemon. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("place", &self.link().place).finish_non_exhaustive()
    }
}

struct Inner {
    place: Place,
    launcher: Option<Launcher>,
    link: Mutex<Arc<Link>>,
    told_of_version: std::sync::atomic::AtomicBool,
}

enum Place {
    Home(Home),
    Url { url: String, token: Option<String> },
}

/// One request.
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    key: Option<String>,
    headers: Vec<(&'static str, String)>,
    limit: Duration,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into())
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path.into())
    }

    pub(crate) fn patch(path: impl Into<String>) -> Self {
        Self::new(Method::PATCH, path.into())
    }

    /// A POST with a fresh `Idempotency-Key`, so that it may be repeated when its answer was lost.
    pub(crate) fn post(path: impl Into<String>) -> Self {
        Self { key: Some(uuid::Uuid::new_v4().to_string()), ..Self::new(Method::POST, path.into()) }
    }

    fn new(method: Method, path: String) -> Self {
        let (query, headers) = (Vec::new(), Vec::new());
        Self { method, path, query, body: None, key: None, headers, limit: REQUEST_LIMIT }
    }

    /// Without a key: the body has an id that makes it repeatable.
    pub(crate) fn without_key(mut self) -> Self {
        self.key = None;
        self
    }

    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    pub(crate) fn query_opt(self, name: &'static str, value: Option<&impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value.to_string()),
            None => self,
        }
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        self.body = Some(serde_json::to_vec(body).map_err(ClientError::unintelligible)?);
        Ok(self)
    }

    pub(crate) fn put(path: impl Into<String>) -> Self {
        Self::new(Method::PUT, path.into())
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    /// How long its answer may take.
    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }
}

impl Client {
    /// The daemon of a home, if one answers: by its Unix socket. The address in `daemon.json` is not asked: after the
    /// daemon's death it may be anybody's, who would be shown the token.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when none answers.
    pub async fn discover(home: &Home) -> Result<Self, ClientError> {
        let link = Link::of_home(home).await?;
        Ok(Self::of_home(home.clone(), link, None))
    }

    /// The daemon at an address, for example `http://127.0.0.1:7420`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] when none answers there. A wrong token shows at the first request.
    pub async fn connect(url: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let link = Link::by_url(url, token).await?;
        Ok(Self::new(Place::Url { url: url.to_owned(), token: token.map(str::to_owned) }, link, None))
    }

    pub(crate) fn of_home(home: Home, link: Link, launcher: Option<Launcher>) -> Self {
        Self::new(Place::Home(home), link, launcher)
    }

    fn new(place: Place, link: Link, launcher: Option<Launcher>) -> Self {
        let link = Mutex::new(Arc::new(link));
        Self { inner: Arc::new(Inner { place, launcher, link, told_of_version: false.into() }) }
    }

    /// The version of the daemon that was found last.
    #[must_use]
    pub fn daemon_version(&self) -> String {
        self.link().version.clone()
    }

    /// A sentence when the daemon is of another version than this client; only the first time.
    #[must_use]
    pub fn version_mismatch(&self) -> Option<String> {
        let daemon = self.daemon_version();
        let told = &self.inner.told_of_version;
        if daemon == VERSION || told.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return None;
        }
        Some(format!(
            "the daemon is version {daemon}, this is {VERSION}; both speak /v1. `tenure down` and `tenure up` bring \
             the daemon to this version, agents work on meanwhile"
        ))
    }

    pub(crate) fn link(&self) -> Arc<Link> {
        self.inner.link.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks the daemon up anew: port and socket may have changed. A daemon that was killed (its `daemon.json` is
    /// still there) is started again if this client may and `start` says so; one that was stopped is not.
    pub(crate) async fn find_again(&self, start: bool) -> Result<Arc<Link>, ClientError> {
        let link = match (&self.inner.place, &self.inner.launcher) {
            (Place::Home(home), Some(launcher)) if start && home.daemon_file().is_some() => {
                start::link(home, launcher).await?
            }
            (Place::Home(home), _) => Link::of_home(home).await?,
            (Place::Url { url, token }, _) => Link::by_url(url, token.as_deref()).await?,
        };
        let link = Arc::new(link);
        *self.inner.link.lock().unwrap_or_else(PoisonError::into_inner) = link.clone();
        Ok(link)
    }

    /// Asks and reads the answer as JSON.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let bytes = self.bytes(call).await?;
        serde_json::from_slice(&bytes).map_err(ClientError::unintelligible)
    }

    /// Asks and reads the answer whole. A lost connection is followed by another try: every request of this
    /// client may be repeated, by its method, its key or the id in its body.
    pub(crate) async fn bytes(&self, call: Call) -> Result<Vec<u8>, ClientError> {
        let deadline = Instant::now() + PATIENCE;
        let mut link = self.link();
        loop {
            let error = match self.try_bytes(&link, &call).await {
                Err(error) if may_pass(&error) => error,
                other => return other,
            };
            if Instant::now() >= deadline {
                return Err(error);
            }
            sleep(PAUSE).await;
            if error.is_unreachable() {
                link = self.find_again(true).await.unwrap_or(link);
            }
        }
    }

    async fn try_bytes(&self, link: &Link, call: &Call) -> Result<Vec<u8>, ClientError> {
        let mut answer = self.request(link, call, Some(call.limit)).await?;
        let lost = |e: reqwest::Error| ClientError::of_transport(&e, &link.place, call.limit);
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(ClientError::unintelligible("the answer is longer than 1 GB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Asks once; an answer that is a problem becomes an error.
    pub(crate) async fn request(
        &self,
        link: &Link,
        call: &Call,
        limit: Option<Duration>,
    ) -> Result<Response, ClientError> {
        self.request_with(link, call, limit, None).await
    }

    /// The same with a body that is streamed, which cannot be sent again.
    pub(crate) async fn request_with(
        &self,
        link: &Link,
        call: &Call,
        limit: Option<Duration>,
        stream: Option<reqwest::Body>,
    ) -> Result<Response, ClientError> {
        let mut request = link.http.request(call.method.clone(), format!("{}{}", link.base, call.path));
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(key) = &call.key {
            request = request.header(KEY, key);
        }
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        request = match (stream, &call.body) {
            (Some(stream), _) => request.header("content-type", "application/octet-stream").body(stream),
            (None, Some(body)) => request.header("content-type", "application/json").body(body.clone()),
            (None, None) => request,
        };
        if let Some(limit) = limit {
            request = request.timeout(limit);
        }
        let limit = limit.unwrap_or(REQUEST_LIMIT);
        let answer = request.send().await.map_err(|e| ClientError::of_transport(&e, &link.place, limit))?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let status = answer.status();
        let body = answer.bytes().await.map_err(|e| ClientError::of_transport(&e, &link.place, limit))?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(problem.into()),
            Err(_) => Err(ClientError::unintelligible(format!("status {status} without a problem"))),
        }
    }
}

/// Whether trying again can help: nobody answered, or the daemon is on its way.
pub(crate) fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Unreachable { .. } => true,
        ClientError::Problem(problem) => match problem.code {
            ErrorCode::NotReady => true,
            // The first of two equal requests still runs: what a repeated one meets after its answer was lost.
            ErrorCode::Busy => problem.detail.contains(KEY),
            _ => false,
        },
        _ => false,
    }
}
