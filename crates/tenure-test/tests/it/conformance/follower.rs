//! A follower in the background, and what it got.

use std::sync::Arc;

use serde_json::{Value, json};
use tenure_client::{Client, FollowOptions, Followed, FollowedEvent};
use tenure_event::SessionId;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::words::fits;

pub(super) struct Follower {
    client: Client,
    session: SessionId,
    after: u64,
    got: Arc<Mutex<Vec<Item>>>,
    told: Mutex<(usize, watch::Receiver<()>)>,
    task: JoinHandle<()>,
}

#[derive(Debug, Clone)]
enum Item {
    Durable(FollowedEvent),
    Other(Value),
    End(Option<String>),
}

impl Follower {
    pub(super) fn start(client: &Client, session: &SessionId, args: &Value) -> Self {
        let types = args["types"].as_array().into_iter().flatten();
        let options = FollowOptions {
            after: args["after"].as_u64().unwrap_or_default(),
            types: types.map(|name| name.as_str().unwrap().to_owned()).collect(),
            deltas: args["deltas"] == true,
            ..FollowOptions::default()
        };
        let after = options.after;
        let mut follow = client.follow(session, options);
        let got = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = watch::channel(());
        let kept = Arc::clone(&got);
        let task = tokio::spawn(async move {
            loop {
                let item = match follow.next().await {
                    Some(Ok(Followed::Event(event))) => Item::Durable(*event),
                    Some(Ok(Followed::Ephemeral(event))) => Item::Other(json!(event)),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => Item::End(Some(error.to_string())),
                    None => Item::End(None),
                };
                let ended = matches!(item, Item::End(_));
                kept.lock().await.push(item);
                tell.send_replace(());
                if ended {
                    // Whoever waits still looks at what was told last.
                    return tell.closed().await;
                }
            }
        });
        let told = Mutex::new((0, told));
        Self { client: client.clone(), session: session.clone(), after, got, told, task }
    }

    /// The next event that fits; of a null pattern, the end.
    pub(super) async fn until(&self, pattern: &Value) -> Value {
        let mut told = self.told.lock().await;
        loop {
            for item in self.got.lock().await.iter().skip(told.0) {
                let value = match item {
                    Item::Durable(event) => serde_json::from_str(&event.json).unwrap(),
                    Item::Other(value) => value.clone(),
                    Item::End(None) if pattern.is_null() => return Value::Null,
                    Item::End(why) => panic!("the follower ended: {why:?}"),
                };
                told.0 += 1;
                if !pattern.is_null() && fits(pattern, &value) {
                    return value;
                }
            }
            told.1.changed().await.unwrap();
        }
    }

    /// Ends it. What it got must be numbered without a hole, and be what stands in the log, byte for byte.
    pub(super) async fn exact(&self) {
        self.task.abort();
        let got = self.got.lock().await;
        let durable = |item: &Item| match item {
            Item::Durable(event) => Some(event.json.clone()),
            _ => None,
        };
        let mine: Vec<String> = got.iter().filter_map(durable).collect();
        let mut log = Vec::new();
        let mut after = Some(self.after);
        while let Some(from) = after {
            let (page, next) = self.client.events(&self.session, from, 1000, &[]).await.unwrap();
            log.extend(page.into_iter().map(|event| event.json));
            after = next;
        }
        log.truncate(mine.len());
        assert_eq!(mine, log);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}
