//! A transcript as one page of HTML that needs nothing else: no script, no address that is fetched. What agents say is
//! hostile until it is escaped, and stands as text; nothing of it becomes markup.

use std::borrow::Cow;
use std::fmt::Write;

use tenure_event::{Message, Part, PartBody, Role, ToolPart};

use super::markdown::{plain, state_word};

const STYLE: &str = "body{max-width:52rem;margin:2rem auto;padding:0 1rem;font:16px/1.5 system-ui,sans-serif;color-scheme:light dark}\
pre,.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0}pre{font:13px/1.45 ui-monospace,monospace;padding:.5rem;\
background:color-mix(in srgb,currentColor 7%,transparent);border-radius:4px}\
section{margin:1.5rem 0;padding-left:1rem;border-left:3px solid #8888}.user{border-color:#4a7fd6}.system{opacity:.7}\
h2{font-size:.85rem;margin:0;opacity:.7}details{margin:.5rem 0}summary{cursor:pointer}img{max-width:100%}";

/// The page up to its first message.
#[must_use]
pub fn html_begin(title: &str) -> String {
    let title = escaped(title.lines().next().unwrap_or("Session"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    )
}

/// The page behind its last message.
pub const HTML_END: &str = "</body>\n</html>\n";

/// One message.
#[must_use]
pub fn html_message(message: &Message) -> String {
    let (class, who) = match message.role {
        Role::User => ("user", "User"),
        Role::Assistant => ("assistant", "Assistant"),
        Role::System => ("system", "System"),
    };
    let mut out = String::new();
    let id = escaped(message.id.as_str());
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<section class=\"{class}\" id=\"{id}\">\n<h2>{who} · <time>{}</time></h2>",
        message.ts
    );
    for part in &message.parts {
        let _ = write_part(&mut out, part);
    }
    if message.partial {
        out.push_str("<p><em>(cut short)</em></p>\n");
    }
    out.push_str("</section>\n");
    out
}

fn write_part(out: &mut String, part: &Part) -> std::fmt::Result {
    match &part.body {
        PartBody::Text { text } | PartBody::Plan { text } => {
            writeln!(out, "<div class=\"text\">{}</div>", escaped(text.trim_end()))
        }
        PartBody::Thought { text } => {
            writeln!(
                out,
                "<details><summary>Thought</summary><div class=\"text\">{}</div></details>",
                escaped(text)
            )
        }
        PartBody::Tool(tool) => write_tool(out, tool),
        PartBody::Image { mime_type, data } => match picture(mime_type, data) {
            Some(source) => writeln!(out, "<img alt=\"\" src=\"{source}\">"),
            None => writeln!(out, "<p><em>(image, {})</em></p>", escaped(mime_type)),
        },
        PartBody::File { uri, text, .. } => {
            writeln!(out, "<p><em>(file <code>{}</code>)</em></p>", escaped(uri))?;
            text.as_deref().map_or(Ok(()), |text| block(out, text))
        }
        // An address that an agent chose is told, and leads nowhere.
        PartBody::ResourceLink { uri, name, .. } => {
            writeln!(
                out,
                "<p>{} <code>{}</code></p>",
                escaped(name.as_deref().unwrap_or("link")),
                escaped(uri)
            )
        }
        PartBody::Other { value } => block(out, &value.to_string()),
    }
}

fn write_tool(out: &mut String, tool: &ToolPart) -> std::fmt::Result {
    let title = if tool.title.is_empty() { &tool.tool } else { &tool.title };
    writeln!(out, "<details><summary><b>{}</b> ({})</summary>", escaped(title), state_word(tool.state))?;
    if !tool.input.is_null() {
        block(out, &plain(&tool.input))?;
    }
    if let Some(output) = &tool.output {
        block(out, &plain(output))?;
    }
    if let Some(error) = &tool.error {
        block(out, error)?;
    }
    out.push_str("</details>\n");
    Ok(())
}

fn block(out: &mut String, text: &str) -> std::fmt::Result {
    writeln!(out, "<pre>{}</pre>", escaped(text.trim_end()))
}

/// The address of a picture of a kind that carries no script.
fn picture(mime_type: &str, data: &str) -> Option<String> {
    let known = ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(&mime_type);
    let is_base64 = data.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    (known && is_base64 && !data.is_empty()).then(|| format!("data:{mime_type};base64,{data}"))
}

/// A text that is only text, also within a quoted attribute.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_plain =
        |c: char| !matches!(c, '&' | '<' | '>' | '"' | '\'') && (!c.is_control() || matches!(c, '\n' | '\t'));
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_plain(c) => out.push(c),
            // What HTML cannot hold.
            _ => out.push('\u{fffd}'),
        }
    }
    Cow::Owned(out)
}
