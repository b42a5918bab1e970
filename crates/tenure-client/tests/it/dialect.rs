//! Functions of `claude_code` that read more than one answer, or must not believe one alone.

use serde_json::{Value, json};
use tenure_client::Client;
use tenure_client::claude_code::{ListOptions, MessageOptions, ProjectPath, Session};

use crate::fake::{self, Asks, Reply, session};

/// One message, or one conversation, as a daemon shows them.
fn message(n: usize) -> Value {
    json!({
        "id": format!("msg_{n}"), "native_ids": [], "role": "user", "parts": [], "text": n.to_string(), "epoch": 0,
        "ts": "2026-11-20T00:00:00.000Z",
    })
}

fn past(n: usize) -> Value {
    json!({"agent": "scripted", "native_id": n.to_string(), "size_bytes": 1, "updated_at": "2026-11-20T00:00:00.000Z"})
}

/// The value of a field of the query.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let query = line.split(' ').nth(1)?.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// A session of an agent that has its own id at once; `items` of them messages, and conversations, three to a page at most.
async fn fake(items: usize) -> (Session, Asks) {
    let (url, asks) = fake::tcp(move |_, asked| {
        let path = asked.line.split(' ').nth(1).unwrap().split('?').next().unwrap();
        let one = match path {
            "/v1/history" => past,
            "/v1/sessions/s1/messages" => message,
            _ => {
                let mut shown = session("s1", None);
                shown["native_id"] = json!("n1");
                return fake::json(200, shown);
            }
        };
        let number = |name| field(&asked.line, name).map(|text| text.parse::<usize>().unwrap());
        if number("cursor").is_some() && number("offset").is_some() {
            return Reply::Whole(400, "text/plain", "a place and a number to begin at".into());
        }
        let from = number("cursor").or(number("offset")).unwrap_or(0);
        let to = items.min(from + number("limit").unwrap().min(3));
        let next = (to < items).then(|| to.to_string());
        fake::json(200, json!({"items": (from..to).map(one).collect::<Vec<_>>(), "next": next}))
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    (Session::of(&client, "s1".parse().unwrap()), asks)
}

#[tokio::test]
async fn an_id_of_the_agent_s_is_none_until_something_was_said() {
    let (session, _) = fake(0).await;
    assert_eq!(session.session_id().await.unwrap(), None);
    let (session, _) = fake(2).await;
    assert_eq!(session.session_id().await.unwrap().as_deref(), Some("n1"));
}

#[tokio::test]
async fn conversations_are_listed_to_the_end_or_to_so_many() {
    let (session, asks) = fake(8).await;
    for (limit, want, requests) in
        [(None, 8, 3), (Some(5), 5, 2), (Some(3), 3, 1), (Some(0), 0, 0), (Some(90), 8, 3)]
    {
        let before = asks.lock().unwrap().len();
        let listed = session.list_sessions(ListOptions { limit, ..ListOptions::default() }).await.unwrap();
        let ids: Vec<_> = listed.iter().map(|one| one.native_id.clone()).collect();
        assert_eq!(ids, (0..want).map(|n| n.to_string()).collect::<Vec<_>>(), "{limit:?}");
        // The session itself was asked for, too.
        assert_eq!(asks.lock().unwrap().len() - before, requests + 1, "{limit:?}");
    }
}

#[tokio::test]
async fn conversations_are_those_of_a_directory_or_all() {
    let (session, asks) = fake(1).await;
    let places = [
        (ProjectPath::Own, Some("%2Fw"), Some("true")),
        (ProjectPath::At("/x".into()), Some("%2Fx"), Some("true")),
        (ProjectPath::All, None, None),
    ];
    for (project_path, cwd, worktrees) in places {
        session.list_sessions(ListOptions { project_path, ..ListOptions::default() }).await.unwrap();
        let line = asks.lock().unwrap().last().unwrap().line.clone();
        assert_eq!((field(&line, "cwd"), field(&line, "include_worktrees")), (cwd, worktrees), "{line}");
        assert_eq!(field(&line, "agent"), Some("scripted"), "{line}");
    }
}

#[tokio::test]
async fn messages_are_read_from_a_number_on_over_pages() {
    let (session, _) = fake(8).await;
    let texts = async |limit, offset| -> Vec<String> {
        let session = session.clone();
        let read = async move { session.get_messages(MessageOptions { limit, offset }).await };
        // A task of its own may do it, too.
        tokio::spawn(read).await.unwrap().unwrap().into_iter().map(|message| message.text).collect()
    };
    assert_eq!(texts(None, 1).await, ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(texts(Some(4), 2).await, ["2", "3", "4", "5"]);
}
