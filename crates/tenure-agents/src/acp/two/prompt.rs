//! What a prompt holds, where version 2 is stricter: files are named by whole URLs.

use serde_json::{Value, json};

use crate::json::str_at;

/// Gives the files and links of a prompt whole names: a path is one below the directory.
pub(in crate::acp) fn name_by_urls(blocks: &mut [Value], cwd: &str) {
    for block in blocks {
        let holder = match str_at(block, &["type"]) {
            Some("resource") => &mut block["resource"],
            Some("resource_link") => block,
            _ => continue,
        };
        if let Some(uri) = str_at(holder, &["uri"]).filter(|uri| !is_url(uri)) {
            holder["uri"] = json!(file_url(cwd, uri));
        }
    }
}

fn is_url(uri: &str) -> bool {
    let scheme = uri.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    let mut letters = scheme.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.'))
}

fn file_url(cwd: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{cwd}/{path}") };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let mut url = "file://".to_owned();
    for byte in whole.bytes() {
        if plain(byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_urls_and_urls_stay() {
        for (given, told) in [
            ("a b.pdf", "file:///w/a%20b.pdf"),
            ("/x/é", "file:///x/%C3%A9"),
            ("file:///x", "file:///x"),
            ("https://h/x", "https://h/x"),
            ("1:x", "file:///w/1%3Ax"),
        ] {
            let mut blocks = [
                json!({"type": "resource", "resource": {"uri": given}}),
                json!({"type": "resource_link", "uri": given}),
                json!({"type": "text", "text": "x"}),
            ];
            name_by_urls(&mut blocks, "/w");
            assert_eq!((&blocks[0]["resource"]["uri"], &blocks[1]["uri"]), (&json!(told), &json!(told)));
        }
    }
}
