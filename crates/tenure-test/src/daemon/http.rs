//! Requests as any client sends them, and answers as they come: status, headers, JSON.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

/// Longer than any answer of the daemon may take.
const LIMIT: Duration = Duration::from_secs(150);

/// Where a daemon is, and the token for it.
#[derive(Debug, Clone)]
pub(super) struct Http {
    pub(super) client: reqwest::Client,
    pub(super) base: String,
    pub(super) token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null if it is none.
    pub body: Value,
}

impl Http {
    pub(super) fn new(base: &str, token: &str) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
        Self { client, base: base.to_owned(), token: token.to_owned() }
    }

    pub(super) async fn request(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Result<Answer, reqwest::Error> {
        let verb = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.client.request(verb, format!("{}{path}", self.base)).timeout(LIMIT);
        if !headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request = match body {
            Value::Null => request,
            // A test that sends what is no JSON says it as a string that begins with "raw:".
            Value::String(text) if text.starts_with("raw:") => request.body(text["raw:".len()..].to_owned()),
            body => request.header("content-type", "application/json").body(body.to_string()),
        };
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = String::from_utf8_lossy(&answer.bytes().await?).into_owned();
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { asked: format!("{method} {path}"), status, headers, text, body })
    }
}

impl Answer {
    /// The body of an answer that has this status.
    ///
    /// # Panics
    /// If it has another.
    #[track_caller]
    pub fn ok(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}: {}", self.asked, self.text);
        self.body
    }

    /// The problem of an answer that has this status and code.
    ///
    /// # Panics
    /// If it has others, or is no `application/problem+json`.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let Self { asked, status: was, headers, text, body } = self;
        assert_eq!((was, body["code"].as_str()), (status, Some(code)), "{asked}: {text}");
        let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok());
        assert_eq!(kind, Some("application/problem+json"), "{asked}: {text}");
        assert_eq!(body["status"].as_u64(), Some(u64::from(status)), "{asked}: {text}");
        body
    }

    /// The same, and its detail has these words.
    ///
    /// # Panics
    /// As [`Self::problem`], and if it says something else.
    #[track_caller]
    pub fn says(self, status: u16, code: &str, words: &[&str]) -> Value {
        let problem = self.problem(status, code);
        let detail = problem["detail"].as_str().unwrap_or_default();
        for word in words {
            assert!(detail.contains(word), "{word:?} is missing in: {detail}");
        }
        problem
    }
}
