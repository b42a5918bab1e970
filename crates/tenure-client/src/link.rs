//! One way to one daemon: a Unix socket or a TCP address with a token. It is looked up anew when it breaks.

use std::path::Path;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use tenure_api::HealthReply;

use crate::{ClientError, Home};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A daemon that is there answers its health within a millisecond; a busy machine gets more.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// A daemon that answered.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) http: reqwest::Client,
    /// Without a slash at its end.
    pub(crate) base: String,
    /// For messages.
    pub(crate) place: String,
    /// The daemon's version.
    pub(crate) version: String,
}

impl Link {
    /// The daemon of a home, by its socket. The address beside it is not asked: after the daemon's death it may be anybody's, and the
    /// token would be shown to whoever that is.
    pub(crate) async fn of_home(home: &Home) -> Result<Self, ClientError> {
        let place = home.dir().display().to_string();
        let unreachable = |why: String| ClientError::Unreachable { place: place.clone(), why };
        let Some(file) = home.daemon_file() else {
            return Err(unreachable("no daemon runs there (`tenure up` starts one)".to_owned()));
        };
        let link = Self::by_socket(&file.socket).await;
        link.map_err(|error| {
            unreachable(format!("process {} is gone or deaf ({})", file.pid, reason(&error)))
        })
    }

    /// A daemon at an address.
    pub(crate) async fn by_url(url: &str, token: Option<&str>) -> Result<Self, ClientError> {
        let base = url.trim_end_matches('/').to_owned();
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut value =
                value.map_err(|_| ClientError::unintelligible("the token has control characters"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Self::checked(builder().default_headers(headers), base.clone(), base).await
    }

    async fn by_socket(path: &Path) -> Result<Self, ClientError> {
        let place = path.display().to_string();
        // The host name is only for the Host header; the socket decides where this goes.
        Self::checked(builder().unix_socket(path), "http://localhost".to_owned(), place).await
    }

    async fn checked(
        builder: reqwest::ClientBuilder,
        base: String,
        place: String,
    ) -> Result<Self, ClientError> {
        let http = builder.build().map_err(ClientError::unintelligible)?;
        let answer = http.get(format!("{base}/healthz")).timeout(HEALTH_TIMEOUT).send().await;
        let unreachable = |e: &reqwest::Error| match ClientError::of_transport(e, &place, HEALTH_TIMEOUT) {
            ClientError::Timeout { .. } => ClientError::Unreachable {
                place: place.clone(),
                why: "it accepts but does not answer".to_owned(),
            },
            other => other,
        };
        let answer = answer.map_err(|e| unreachable(&e))?;
        let body = answer.bytes().await.map_err(|e| unreachable(&e))?;
        let health: HealthReply = serde_json::from_slice(&body).map_err(ClientError::unintelligible)?;
        Ok(Self { http, base, place, version: health.version })
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT)
}

fn reason(error: &ClientError) -> String {
    match error {
        ClientError::Unreachable { why, .. } => why.clone(),
        other => other.to_string(),
    }
}
