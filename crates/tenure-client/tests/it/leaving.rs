//! What is left of a client that is dropped: no connection, no task. It starts no process, whatever it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tenure_client::{Client, FollowOptions};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::fake::{self, Reply};

/// Waits until a number is so.
async fn becomes(what: &str, number: impl Fn() -> usize, wanted: usize) {
    let reached = async {
        while number() != wanted {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), reached).await.unwrap_or_else(|_| panic!("{what}: {}", number()));
}

/// Tasks of the test's own runtime; the daemon has another one.
fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[tokio::test]
async fn followers_and_turns_that_are_dropped_leave_no_connection_and_no_task() {
    let (url, open) = fake::apart(|_, asked| {
        if asked.line.starts_with("POST") {
            return fake::json(202, json!({"input_id": "i1", "delivery": "queue", "position": 0, "seq": 1}));
        }
        Reply::Open(":\n\n".into())
    });
    let open = || open.load(Ordering::Relaxed);
    let client = Client::connect(&url, None).await.unwrap();
    let session = "s1".parse().unwrap();
    let mut followers = Vec::new();
    let mut turns = Vec::new();
    for _ in 0..20 {
        followers.push(client.follow(&session, FollowOptions::default()));
        let input = serde_json::from_value(json!({"input": "hi"})).unwrap();
        turns.push(client.stream(&session, input).await.unwrap());
    }
    becomes("streams that are open", open, 40).await;
    assert!(tasks() >= 40, "{}", tasks());
    drop(followers);
    becomes("streams of the turns alone", open, 20).await;
    drop(turns);
    drop(client);
    becomes("connections", open, 0).await;
    becomes("tasks", tasks, 0).await;
}

#[tokio::test]
async fn a_request_that_is_given_up_leaves_no_connection_and_no_task() {
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let (url, open) = fake::apart(move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        Reply::Never
    });
    let open = || open.load(Ordering::Relaxed);
    let client = Client::connect(&url, None).await.unwrap();
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.info().await.map(drop) })
        })
        .collect();
    becomes("requests", || asked.load(Ordering::Relaxed), 10).await;
    for task in &waiting {
        task.abort();
    }
    drop(client);
    becomes("connections", open, 0).await;
    drop(waiting);
    becomes("tasks", tasks, 0).await;
}
