//! Finding a daemon, asking it, and what its answers become.

use serde_json::json;
use tenure_api::{ErrorCode, Problem};
use tenure_client::{Client, ClientError, FindError, Home};

use crate::fake::{self, Reply, session};

fn home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::at(dir.path());
    (dir, home)
}

fn empty_page() -> Reply {
    fake::json(200, json!({"items": [], "next": null}))
}

#[tokio::test]
async fn a_home_s_daemon_is_asked_by_its_socket_without_a_token() {
    let (_dir, home) = home();
    let asks = fake::daemon(&home, |_, _| empty_page());
    Client::discover(&home).await.unwrap().agents().await.unwrap();
    let asked = asks.lock().unwrap();
    assert_eq!(asked[0].line, "GET /v1/agents HTTP/1.1");
    assert_eq!(asked[0].header("authorization"), None);
}

#[tokio::test]
async fn whoever_has_the_address_of_a_dead_daemon_now_is_not_asked_and_not_shown_the_token() {
    let (_dir, home) = home();
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    stranger.set_nonblocking(true).unwrap();
    fake::announce(&home, &format!("http://{}", stranger.local_addr().unwrap()));
    std::fs::write(home.token_path(), "secret\n").unwrap();
    // The socket that the dead one left, and one that a reboot took with it.
    for lies_there in [true, false] {
        if lies_there {
            drop(std::os::unix::net::UnixListener::bind(fake::socket(&home)).unwrap());
        } else {
            std::fs::remove_file(fake::socket(&home)).unwrap();
        }
        let error = Client::discover(&home).await.err().unwrap();
        assert!(error.is_unreachable() && error.to_string().contains("process 1 is gone"), "{error}");
    }
    assert_eq!(stranger.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn no_file_and_a_stale_file_both_mean_unreachable() {
    let (_dir, home) = home();
    let error = Client::discover(&home).await.err().unwrap();
    assert!(error.is_unreachable() && error.to_string().contains("no daemon runs there"), "{error}");
    fake::announce(&home, fake::NOWHERE);
    let error = Client::discover(&home).await.err().unwrap();
    assert!(error.is_unreachable() && error.to_string().contains("process 1 is gone"), "{error}");
}

#[tokio::test]
async fn a_problem_keeps_its_code_and_other_answers_say_so() {
    let problem = Problem::new(ErrorCode::Forbidden, "this token may only read");
    let text = serde_json::to_string(&problem).unwrap();
    let (url, _) = fake::tcp(move |n, _| match n {
        0 => Reply::Whole(403, "application/problem+json", text.clone()),
        1 => Reply::Whole(502, "text/html", "<h1>Bad gateway</h1>".into()),
        _ => fake::json(200, "[]"),
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    assert_eq!(client.info().await.unwrap_err().code(), Some(ErrorCode::Forbidden));
    let error = client.info().await.unwrap_err();
    assert!(matches!(&error, ClientError::Unintelligible { what } if what.contains("502")), "{error}");
    assert!(matches!(client.info().await, Err(ClientError::Unintelligible { .. })));
}

#[tokio::test]
async fn what_narrows_a_question_is_asked_with_it() {
    let (url, asks) = fake::tcp(|_, asked| match asked.line.contains("/tasks/") {
        true => fake::json(404, json!({})),
        false => empty_page(),
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    client.past_messages("claude", "n", Some("all"), Some("a b"), None, Some(2)).await.unwrap();
    client.past_messages("claude", "n", None, None, Some("7"), None).await.unwrap();
    for bytes in [Some(9), None] {
        client.task(&"s1".parse().unwrap(), "t/1", bytes).await.unwrap_err();
    }
    let lines: Vec<_> = asks.lock().unwrap().iter().map(|a| a.line.clone()).collect();
    assert_eq!(
        lines,
        [
            "GET /v1/history/claude/n/messages?branch=all&subagent=a+b&limit=2 HTTP/1.1",
            "GET /v1/history/claude/n/messages?cursor=7 HTTP/1.1",
            "GET /v1/sessions/s1/tasks/t%2F1?bytes=9 HTTP/1.1",
            "GET /v1/sessions/s1/tasks/t%2F1 HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let (url, asks) =
        fake::tcp(|n, _| if n == 0 { Reply::Cut } else { fake::json(200, json!({"items": []})) }).await;
    Client::connect(&url, None).await.unwrap().reap().await.unwrap();
    let asks = asks.lock().unwrap();
    assert_eq!(asks.len(), 2);
    assert!(asks[0].header("idempotency-key").is_some());
    assert_eq!(asks[0].header("idempotency-key"), asks[1].header("idempotency-key"));
}

#[tokio::test]
async fn an_input_that_is_sent_again_has_the_same_id() {
    let receipt = json!({"input_id": "i", "delivery": "queue", "position": 0, "seq": 4});
    let (url, asks) =
        fake::tcp(move |n, _| if n == 0 { Reply::Cut } else { fake::json(202, receipt.clone()) }).await;
    let client = Client::connect(&url, None).await.unwrap();
    let input = serde_json::from_value(json!({"input": "hi"})).unwrap();
    let receipt = client.send(&"s1".parse().unwrap(), input).await.unwrap();
    assert_eq!(receipt.seq.0, 4);
    let asks = asks.lock().unwrap();
    assert_eq!(asks[0].body, asks[1].body);
    assert!(asks[0].body.contains("\"id\":\"inp_"), "{}", asks[0].body);
}

#[tokio::test]
async fn a_session_is_found_by_id_prefix_or_title() {
    let all = [session("ses_0aa1", Some("one")), session("ses_0aa2", Some("two")), session("mine", None)];
    let not_found = serde_json::to_string(&Problem::new(ErrorCode::NotFound, "no such session")).unwrap();
    let (url, _) = fake::tcp(move |_, asked| {
        let path = asked.line.split(' ').nth(1).unwrap();
        match path.strip_prefix("/v1/sessions/") {
            Some(id) => match all.iter().find(|s| s["id"] == id) {
                Some(found) => fake::json(200, found),
                None => Reply::Whole(404, "application/problem+json", not_found.clone()),
            },
            // One per page, so that the pages are walked.
            None => {
                let at: usize =
                    path.split("cursor=").nth(1).map_or(0, |c| c.split('&').next().unwrap().parse().unwrap());
                let next = (at + 1 < all.len()).then(|| (at + 1).to_string());
                fake::json(200, json!({"items": [all[at]], "next": next}))
            }
        }
    })
    .await;
    let client = Client::connect(&url, None).await.unwrap();
    for (name, id) in [("mine", "mine"), ("ses_0aa2", "ses_0aa2"), ("0aa1", "ses_0aa1"), ("two", "ses_0aa2")]
    {
        assert_eq!(client.find_session(name).await.unwrap().id.as_str(), id, "{name}");
    }
    for name in ["nothing", "", "..", "no such / thing"] {
        assert!(matches!(client.find_session(name).await, Err(FindError::None { .. })), "{name}");
    }
    let error = client.find_session("ses_0").await.unwrap_err();
    assert!(matches!(&error, FindError::Ambiguous { candidates, .. } if candidates.len() == 2), "{error}");
    assert!(error.to_string().contains("ses_0aa1  one"), "{error}");
}
