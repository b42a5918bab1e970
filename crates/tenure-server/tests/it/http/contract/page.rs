//! `docs/api.md`, made of the document: every path with what goes in and comes out, and every shape. A test fails when
//! it is stale; with `UPDATE_OPENAPI=1` it writes it. What a document of that kind cannot say stands in `docs/http.md`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;
use tenure_server::http::openapi;

const HEAD: &str = "# The HTTP interface, path by path

Made of the OpenAPI document (`GET /openapi.json`), and not to be edited. How to log in, to follow, to repeat a request, and what else such a
document cannot say stands in [http.md](http.md). A path needs a token with the scope that is named, or a wider one; a field in *italics* may be left out.
Every answer that is no success is a [Problem](#problem).
";

#[test]
fn the_page_of_the_interface_is_the_one_that_the_document_makes() {
    let made = page(&serde_json::from_str(&openapi()).expect("a document"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api.md");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &made).expect("written");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == made, "docs/api.md is not what the document makes: run the test with UPDATE_OPENAPI=1");
}

fn page(document: &Value) -> String {
    let mut out = HEAD.to_owned();
    let mut groups: Vec<(&str, String)> = Vec::new();
    for (path, item) in fields(&document["paths"]) {
        for (method, operation) in fields(item) {
            let tag = operation["tags"][0].as_str().expect("a tag");
            let at = groups.iter().position(|(known, _)| *known == tag).unwrap_or_else(|| {
                groups.push((tag, String::new()));
                groups.len() - 1
            });
            tell_operation(&mut groups[at].1, &method.to_uppercase(), path, operation);
        }
    }
    groups.sort_by_key(|(tag, _)| *tag);
    for (tag, text) in groups {
        let _ = write!(out, "\n## {}{}\n{text}", tag[..1].to_uppercase(), &tag[1..]);
    }
    out += "\n## Shapes\n";
    for (name, schema) in fields(&document["components"]["schemas"]) {
        let _ = writeln!(out, "\n### {name}");
        tell_text(&mut out, &schema["description"]);
        tell_shape(&mut out, schema);
    }
    out
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn tell_operation(out: &mut String, method: &str, path: &str, operation: &Value) {
    let _ = writeln!(out, "\n### {method} {path}");
    tell_text(out, &operation["summary"]);
    tell_text(out, &operation["description"]);
    let scope = operation["security"][0]["bearer"][0].as_str();
    let _ = writeln!(
        out,
        "\nScope: {}.",
        scope.map_or("none is needed".to_owned(), |scope| format!("`{scope}`"))
    );
    let mut parameters = items(&operation["parameters"]).filter(|one| one["in"] != "path").peekable();
    if parameters.peek().is_some() {
        *out += "\n| parameter | in | type | |\n|---|---|---|---|\n";
    }
    for one in parameters {
        let kind = kind(&one["schema"]);
        let name = named(one["name"].as_str().unwrap_or_default(), one["required"] == true);
        let _ = writeln!(out, "| {name} | {} | {kind} | {} |", plain(&one["in"]), cell(&one["description"]));
    }
    for (what, content) in fields(&operation["requestBody"]["content"]) {
        let _ = writeln!(out, "\nTakes `{what}`: {}", body(what, content));
    }
    for (status, answer) in fields(&operation["responses"]).filter(|(status, _)| *status != "default") {
        let said = Some(cell(&answer["description"])).filter(|said| !said.is_empty());
        let said = said.map(|said| format!(" {said}")).unwrap_or_default();
        let mut contents = fields(&answer["content"]).peekable();
        if contents.peek().is_none() {
            let _ = writeln!(out, "\n{status}:{said}");
        }
        for (what, content) in contents {
            let _ = writeln!(out, "\n{status} `{what}`: {}.{said}", body(what, content));
        }
    }
}

/// What a body is. Bytes are told as a list of numbers, which is no help.
fn body(what: &str, content: &Value) -> String {
    if what == "application/octet-stream" { "bytes".to_owned() } else { kind(&content["schema"]) }
}

fn tell_text(out: &mut String, text: &Value) {
    if let Some(text) = text.as_str().filter(|text| !text.is_empty()) {
        let _ = writeln!(out, "\n{}", text.trim_end());
    }
}

/// An object as a table, a choice as a list, anything else in one line.
fn tell_shape(out: &mut String, schema: &Value) {
    if schema["oneOf"].is_array() {
        *out += "\nOne of:\n";
    }
    for one in items(&schema["oneOf"]) {
        let said = Some(cell(&one["description"])).filter(|said| !said.is_empty());
        let _ = writeln!(out, "- {}{}", kind(one), said.map(|said| format!(": {said}")).unwrap_or_default());
    }
    let mut all: Vec<&Value> = items(&schema["allOf"]).collect();
    for one in all.iter().filter(|one| one["$ref"].is_string()) {
        let _ = writeln!(out, "\nAll of {}, and:", kind(one));
    }
    all.push(schema);
    let rows: Vec<_> = all.into_iter().flat_map(rows).collect();
    if !rows.is_empty() {
        let _ = write!(out, "\n| field | type | |\n|---|---|---|\n{}", rows.concat());
    } else if !schema["oneOf"].is_array() && !schema["allOf"].is_array() {
        let _ = writeln!(out, "\n{}", kind(schema));
    }
}

fn rows(schema: &Value) -> Vec<String> {
    let row = |(name, of): (&String, &Value)| {
        let name = named(name, items(&schema["required"]).any(|one| one == name));
        format!("| {name} | {} | {} |\n", kind(of), cell(about(of)))
    };
    fields(&schema["properties"]).map(row).collect()
}

/// What a field is for; one that may be null tells it inside of its choice.
fn about(schema: &Value) -> &Value {
    let inside = items(&schema["oneOf"]).map(|one| &one["description"]).find(|text| text.is_string());
    if schema["description"].is_string() { &schema["description"] } else { inside.unwrap_or(&Value::Null) }
}

fn named(name: &str, required: bool) -> String {
    if required { format!("`{name}`") } else { format!("*`{name}`*") }
}

/// A type in one line.
fn kind(schema: &Value) -> String {
    if let Some(to) = schema["$ref"].as_str().and_then(|to| to.rsplit('/').next()) {
        return format!("[{to}](#{})", to.to_lowercase());
    }
    let joined = |all: &Value, how: &str| items(all).map(kind).collect::<Vec<_>>().join(how);
    match schema {
        _ if schema["enum"].is_array() => {
            items(&schema["enum"]).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
        }
        _ if schema["oneOf"].is_array() => joined(&schema["oneOf"], " or "),
        _ if schema["allOf"].is_array() => joined(&schema["allOf"], " and "),
        _ if schema["properties"].is_object() => {
            let names = fields(&schema["properties"]).map(|(name, of)| format!("`{name}`: {}", kind(of)));
            format!("{{{}}}", names.collect::<Vec<_>>().join(", "))
        }
        _ => {
            let words: Vec<String> = match &schema["type"] {
                Value::Array(all) => all.iter().map(|word| simple(word, schema)).collect(),
                Value::Null => vec!["anything".to_owned()],
                one => vec![simple(one, schema)],
            };
            words.join(" or ")
        }
    }
}

fn simple(word: &Value, schema: &Value) -> String {
    match word.as_str() {
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") if schema["additionalProperties"].is_object() => {
            format!("object of {}", kind(&schema["additionalProperties"]))
        }
        other => other.unwrap_or_default().to_owned(),
    }
}

fn plain(text: &Value) -> &str {
    text.as_str().unwrap_or_default()
}

/// A text as one cell of a table.
fn cell(text: &Value) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
