//! Tasks within a session: background commands and subagents, read from the log; what one wrote; and ending one.

mod output;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use tenure_api::{ErrorCode, Page, Problem, TaskDetail, TaskState, TaskView, VerbReply, VerbRequest};
use tenure_core::Request;
use tenure_event::{Event, Kind, SessionId, Support, TaskOutput};
use tenure_log::SqliteLog;
use utoipa::IntoParams;

use super::app::Shared;
use super::extract::{Body, Params, Segments};
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

/// How much of its output is told.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowParams {
    /// The last so many bytes of what it wrote (default 65536, at most 1048576; an agent that keeps no file tells less).
    bytes: Option<u64>,
}

/// One task, with what it wrote so far.
#[utoipa::path(
    get, path = "/v1/sessions/{id}/tasks/{task_id}", tag = "control",
    params(
        ("id" = String, Path, description = "The session."),
        ("task_id" = String, Path, description = "The agent's id of the task."),
        ShowParams,
    ),
    responses((status = 200, body = TaskDetail), (status = "default", body = Problem, content_type = "application/problem+json"))
)]
pub(super) async fn show(
    State(app): State<Shared>,
    Segments((id, task_id)): Segments<(String, String)>,
    Params(params): Params<ShowParams>,
) -> Answer<Json<TaskDetail>> {
    let (id, row) = lookup::readable(&app, &id).await?;
    let mut tasks = Tasks { outputs: Some((task_id.clone(), None)), ..Tasks::default() };
    past::events(app.log(), &id, &["task.started", "task.completed"], |event| tasks.event(event)).await?;
    let ended = tasks.outputs.take().and_then(|(_, output)| output);
    let Some(task) = tasks.newest_first().into_iter().find(|task| task.task_id == task_id) else {
        let view = app.node.view_row(&row)?;
        let supports = app.node.handshake(&id).map(|known| known.capabilities.supports).unwrap_or_default();
        if let Some(Support::No(why)) = supports.get("task_output") {
            return Err(Problem::unsupported(&view.agent, "task_output", why).about(&id).into());
        }
        let none = format!(
            "session {id} has no task `{task_id}`; its tasks are listed by GET /v1/sessions/{id}/tasks"
        );
        return Err(Problem::new(ErrorCode::NotFound, none).about(&id).into());
    };
    let told = match task.state {
        TaskState::Running if row.lifecycle != "destroyed" => app.node.task_output(&id, &task_id).await?,
        _ => ended,
    };
    let most = params.bytes.unwrap_or(output::USUAL).min(output::MOST);
    let output = match told {
        Some(told) => output::read(&task_id, told, most).await,
        None => None,
    };
    Ok(Json(TaskDetail { task, output }))
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
    /// The task whose output is wanted, and that.
    outputs: Option<(String, Option<TaskOutput>)>,
}

impl Tasks {
    fn event(&mut self, event: Event) {
        match event.kind {
            Kind::TaskStarted(data) => {
                if let Some((wanted, output)) = &mut self.outputs
                    && *wanted == data.task_id
                {
                    *output = None;
                }
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
                if let Some((wanted, output)) = &mut self.outputs
                    && *wanted == data.task_id
                {
                    *output = data.output;
                }
            }
            _ => {}
        }
    }

    fn newest_first(self) -> Vec<TaskView> {
        self.by_order.into_values().rev().collect()
    }
}
