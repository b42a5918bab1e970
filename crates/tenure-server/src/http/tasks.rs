//! Tasks within a session: background commands and subagents, read from the log; and ending one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use tenure_api::{Page, Problem, TaskState, TaskView, VerbReply, VerbRequest};
use tenure_core::Request;
use tenure_event::{Event, Kind, SessionId};
use tenure_log::SqliteLog;

use super::app::Shared;
use super::extract::{Body, Segments};
use super::idempotency::Keyed;
use super::lookup;
use super::problem::Answer;
use super::verbs;
use crate::past;

/// Tasks that are listed, the newest.
const MOST: usize = 1000;

/// Tasks that run and have run, newest first (at most 1000).
#[utoipa::path(
    get, path = "/v1/sessions/{id}/tasks", tag = "control",
    params(("id" = String, Path, description = "The session.")),
    responses((status = 200, body = Page<TaskView>), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn list(
    State(app): State<Shared>,
    Segments(id): Segments<String>,
) -> Answer<Json<Page<TaskView>>> {
    let (id, _) = lookup::readable(&app, &id).await?;
    Ok(Json(Page { items: read(app.log(), &id).await?, next: None }))
}

/// Ends one task; answers when it has ended. The turn goes on.
#[utoipa::path(
    post, path = "/v1/sessions/{id}/tasks/{task_id}/stop", tag = "control", request_body = VerbRequest,
    params(
        ("id" = String, Path, description = "The session."),
        ("task_id" = String, Path, description = "The agent's id of the task."),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeat safely with the same key."),
    ),
    responses(
        (status = 200, body = VerbReply),
        (status = 202, description = "Recorded (`wait: accepted`).", body = VerbReply),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn stop(
    State(app): State<Shared>,
    Segments((id, task_id)): Segments<(String, String)>,
    keyed: Keyed,
    body: Body<VerbRequest>,
) -> Answer<Response> {
    verbs::run(&app, &id, keyed, &body.hash, Request::StopTask { task_id }, body.value.wait).await
}

async fn read(log: &SqliteLog, id: &SessionId) -> Answer<Vec<TaskView>> {
    let mut tasks = Tasks::default();
    past::events(log, id, &["task.started", "task.completed"], |event| tasks.event(event)).await?;
    Ok(tasks.newest_first())
}

/// Tasks by the order of their beginnings. An id may come again once its task has ended.
#[derive(Default)]
struct Tasks {
    begun: u64,
    by_order: BTreeMap<u64, TaskView>,
    running: BTreeMap<String, u64>,
}

impl Tasks {
    fn event(&mut self, event: Event) {
        match event.kind {
            Kind::TaskStarted(data) => {
                self.running.insert(data.task_id.clone(), self.begun);
                self.by_order.insert(
                    self.begun,
                    TaskView {
                        task_id: data.task_id,
                        kind: data.kind,
                        title: data.title,
                        state: TaskState::Running,
                        tool_id: data.tool_id,
                        background: data.background,
                        started_at: event.ts,
                        ended_at: None,
                        summary: None,
                    },
                );
                self.begun += 1;
                if self.by_order.len() > MOST {
                    self.by_order.pop_first();
                }
            }
            Kind::TaskCompleted(data) => {
                let task = self.running.remove(&data.task_id).and_then(|n| self.by_order.get_mut(&n));
                if let Some(task) = task {
                    task.state = data.status.into();
                    task.ended_at = Some(event.ts);
                    task.summary = data.summary;
                }
            }
            _ => {}
        }
    }

    fn newest_first(self) -> Vec<TaskView> {
        self.by_order.into_values().rev().collect()
    }
}
