//! What an input may hold beside text.

use serde_json::{Value, json};
use tenure_model::Script;
use tenure_test::daemon::{Answer, TestSession};

use super::ground::{Ground, Kind, refused, support};
use super::turns::one_end_each;

/// One white pixel.
pub(crate) const PIXEL: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

/// The smallest file that calls itself a PDF.
const PDF: &str = "JVBERi0xLjQKJSVFT0YK";

async fn sent(session: &TestSession, part: Value) -> Answer {
    let prompt = Script::new().text("Seen.").prompt("Look.");
    let parts = json!([{"type": "text", "text": prompt}, part]);
    session.post("/inputs", &json!({"input": {"parts": parts}, "wait": "finished"})).await
}

pub(crate) async fn image(kind: Kind) {
    let part = json!({"type": "image", "data": PIXEL, "mime_type": "image/png"});
    taken(kind, "images", part, &PIXEL[..40]).await;
}

pub(crate) async fn file(kind: Kind) {
    let part = json!({"type": "file", "uri": "a.pdf", "mime_type": "application/pdf", "data": PDF});
    taken(kind, "files", part, PDF).await;
}

async fn taken(kind: Kind, verb: &str, part: Value, bytes: &str) {
    let ground = Ground::new(kind).await;
    let session = ground.session().await;
    match support(&session, verb).await {
        Ok(()) => {
            let result = sent(&session, part).await.ok(200);
            assert_eq!(result["outcome"], "completed", "{result}");
            // Some agents have a title made beside it, and nobody knows which request comes last.
            let told: Vec<String> = ground.model.requests().iter().map(|r| r.body.to_string()).collect();
            assert!(told.iter().any(|body| body.contains(bytes)), "{told:?}");
        }
        Err(why) => {
            refused(kind, sent(&session, part).await, verb, &why);
            assert!(session.events_of("input.admitted").await.is_empty());
        }
    }
    one_end_each(&session.events().await);
}
