//! The OpenAPI document, generated from the handlers.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use tenure_api::Problem;
use tenure_event::{Ephemeral, Kind};
use utoipa::Modify;
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{OneOfBuilder, SchemaType, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, ObjectBuilder, OpenApi, PathItem, Ref, RefOr, Schema};

use super::routes;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Tenure",
        description = "Coding-agent sessions that cannot be lost. Every path but /healthz needs the home's token, \
                       or a narrower one, as `Authorization: Bearer TOKEN`; the home's Unix socket needs none.",
        license(name = "MIT OR Apache-2.0"),
    ),
    components(schemas(
        Ephemeral, tenure_api::ExecStarted, tenure_api::ExecOutput,
        tenure_event::SessionCreated, tenure_event::SessionUpdated, tenure_event::SessionChanged,
        tenure_event::NativeBound, tenure_event::SessionSuspended, tenure_event::SessionClosed,
        tenure_event::SessionFailed, tenure_event::SessionForked, tenure_event::SessionCleared, tenure_event::InputAdmitted,
        tenure_event::InputStarted, tenure_event::InputCancelled, tenure_event::TurnStarted,
        tenure_event::TurnCompleted, tenure_event::MessageCompleted, tenure_event::ToolStarted,
        tenure_event::ToolCompleted, tenure_event::AskOpened, tenure_event::AskResolved,
        tenure_event::AskEnded, tenure_event::TodosUpdated, tenure_event::UsageUpdated,
        tenure_event::ConfigChanged, tenure_event::RequestRefused, tenure_event::McpChanged,
        tenure_event::McpChange, tenure_event::TaskStarted,
        tenure_event::TaskCompleted, tenure_event::Compaction, tenure_event::ProcessStarted,
        tenure_event::ProcessExited, tenure_event::NativeReceived, tenure_event::WarningRaised,
        tenure_event::CheckpointCreated, tenure_event::RewindCompleted,
        tenure_event::ArtifactCreated,
    )),
    modifiers(&Bearer),
)]
pub(super) struct Base;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
    }
}

/// The text of this version's document, made anew from the handlers. For tests and tools: the daemon serves the
/// committed one.
///
/// # Panics
/// Never: what the handlers say can be written as JSON.
#[must_use]
pub fn openapi() -> String {
    let text = made().to_pretty_json().expect("a document is JSON");
    // As the registry of OpenAPI's formats has it: https://spec.openapis.org/registry/format/
    text.replace(r#""format": "u-int"#, r#""format": "uint"#) + "\n"
}

fn made() -> OpenApi {
    let mut document = routes::documented();
    let optional = without_required(&document);
    for (path, item) in &mut document.paths.paths {
        name_operations(path, item);
        for operation in [&mut item.post, &mut item.patch].into_iter().flatten() {
            if let Some(RefOr::T(body)) = &mut operation.request_body
                && body.content.values().any(|content| is_one_of(&optional, content))
            {
                // An empty body counts as `{}`.
                body.required = None;
            }
        }
    }
    let schemas = &mut document.components.get_or_insert_default().schemas;
    schemas.insert("EventKind".to_owned(), RefOr::T(event_kind()));
    document
}

/// Names each operation by its method and path, as no two handlers of one name may be named alike.
fn name_operations(path: &str, item: &mut PathItem) {
    let words: Vec<_> =
        path.split(|c: char| !c.is_alphanumeric()).filter(|w| !["", "v1"].contains(w)).collect();
    let methods: [(&str, &mut Option<Operation>); 5] = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    for (method, operation) in methods {
        if let Some(operation) = operation {
            operation.operation_id = Some(format!("{method}_{}", words.join("_")));
        }
    }
}

/// What a stored event tells: its `type`, and the shape of its `data`.
fn event_kind() -> Schema {
    let kind = |(name, data): &(&str, &str)| {
        let data = data.rsplit("::").next().unwrap_or_default();
        let name = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some([*name]));
        let object = ObjectBuilder::new().property("type", name).required("type");
        object.property("data", Ref::from_schema_name(data)).required("data")
    };
    let one_of = Kind::DATA.iter().fold(OneOfBuilder::new(), |all, one| all.item(kind(one)));
    one_of
        .description(Some(
            "`type` and `data` of an `EventEnvelope`. Kinds may be added: skip those that you do not know.",
        ))
        .build()
        .into()
}

/// References to objects of which no field is required.
fn without_required(document: &OpenApi) -> Vec<String> {
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    let free =
        schemas.filter(|(_, schema)| matches!(schema, RefOr::T(Schema::Object(o)) if o.required.is_empty()));
    free.map(|(name, _)| format!("#/components/schemas/{name}")).collect()
}

fn is_one_of(references: &[String], content: &RefOr<Content>) -> bool {
    matches!(content, RefOr::T(Content { schema: Some(RefOr::Ref(to)), .. }) if references.contains(&to.ref_location))
}

/// The OpenAPI document.
#[utoipa::path(
    get, path = "/openapi.json", tag = "daemon",
    responses(
        (status = 200, description = "This document.", body = serde_json::Value),
        (status = "default", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn document() -> Response {
    ([(CONTENT_TYPE, "application/json")], COMMITTED).into_response()
}

/// What [`openapi`] made of the handlers; a test sees to it that it is the same. Making it takes megabytes of code.
const COMMITTED: &str = include_str!("../../openapi.json");
