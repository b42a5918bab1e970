//! Figures for a scraper, in Prometheus' text format. Few on purpose.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use tenure_api::Problem;
use tenure_log::EventLog;

use super::app::Shared;
use super::info;
use super::problem::Answer;

/// Figures in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "daemon",
    responses((status = 200, body = String, content_type = "text/plain"), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn metrics(State(app): State<Shared>) -> Answer<Response> {
    let counts = info::counts(&app).await?;
    let facts = app.log().facts();
    let figures = [
        ("tenure_uptime_seconds", "gauge", "Seconds since the start.", app.started.elapsed().as_secs()),
        ("tenure_sessions", "gauge", "Sessions that are not destroyed.", counts.sessions),
        ("tenure_sessions_live", "gauge", "Sessions with a process.", counts.live),
        ("tenure_asks_open", "gauge", "Asks that wait for an answer.", counts.open_asks),
        ("tenure_followers", "gauge", "Followers of event streams.", counts.followers),
        ("tenure_events_total", "counter", "Last position of the event log.", facts.last_gseq.0),
        ("tenure_http_requests_total", "counter", "Requests.", app.requests.load(Ordering::Relaxed)),
        ("tenure_connections_total", "counter", "Connections.", app.connections.load(Ordering::Relaxed)),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in figures {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
    }
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
