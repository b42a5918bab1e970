//! The comparison at the end: what was shown, what the log holds, and what the agent itself wrote down.

use std::collections::BTreeMap;

use serde::Serialize;
use tenure_api::Session;
use tenure_client::{Client, FollowedEvent};
use tenure_event::{Decision, Kind, PartBody, Role};
use tenure_scripted::{Act, DEMO_AFTER, DEMO_BEFORE, DEMO_FILE, read_record};

use super::Stage;
use super::trip::Trip;
use crate::cli::Context;
use crate::daemon;
use crate::exit::{Exit, Failure, Outcome};
use crate::out;
use crate::style::Style;
use crate::text::{clean, duration};

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Proof {
    pub(super) finished: bool,
    pub(super) ready_ms: u64,
    back_ms: Option<u64>,
    daemon_pids: (i32, i32),
    agent_pids: Vec<u32>,
    events: usize,
    lost: usize,
    repeated: usize,
    text_chars: usize,
    shown_is_log: bool,
    log_is_record: bool,
    asked: usize,
    file_is_right: bool,
    deltas_after: usize,
}

impl Proof {
    pub(super) async fn gather(
        client: &Client,
        session: &Session,
        stage: &Stage,
        trip: &Trip,
        spoken: Option<BTreeMap<String, String>>,
    ) -> Result<Self, Failure> {
        let last = trip.seen(|seen| seen.seqs.iter().max().copied().unwrap_or(0));
        let log = read_log(client, session, last).await?;
        let shown = trip.seen(|seen| seen.seqs.clone());
        let mut distinct = shown.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let in_log: Vec<u64> = log.iter().map(|e| e.event.seq.0).collect();
        let texts = texts(&log);
        let said: String = texts.iter().map(|(_, text)| text.as_str()).collect();
        let spoken = spoken.unwrap_or_default();
        let shown_is_log = texts.iter().all(|(id, text)| spoken.get(id).is_some_and(|s| *s == clean(text)))
            && spoken.len() == texts.len();
        let now = client.session(&session.id).await?;
        let mut agent_pids: Vec<u32> = log.iter().filter_map(|e| started(&e.event.kind)).collect();
        agent_pids.extend(now.process.map(|p| p.pid));
        let allowed = log
            .iter()
            .any(|e| matches!(&e.event.kind, Kind::AskResolved(r) if r.decision == Decision::Allow));
        let wanted = if allowed { DEMO_AFTER } else { DEMO_BEFORE };
        let file = std::fs::read_to_string(stage.path("work").join(DEMO_FILE)).unwrap_or_default();
        Ok(Self {
            back_ms: trip.seen(|seen| seen.back_ms),
            daemon_pids: (trip.daemon_pid(), daemon::process(client).await?.pid),
            agent_pids,
            events: in_log.len(),
            lost: in_log.iter().filter(|seq| distinct.binary_search(seq).is_err()).count(),
            repeated: shown.len() - distinct.len(),
            text_chars: said.chars().count(),
            shown_is_log,
            log_is_record: said == recorded(stage)?,
            asked: trip.seen(|seen| seen.asks),
            file_is_right: file == wanted,
            deltas_after: trip.seen(|seen| seen.deltas_after),
            ..Self::default()
        })
    }

    fn agent_stayed(&self) -> bool {
        self.agent_pids.len() > 1 && self.agent_pids.iter().all(|pid| *pid == self.agent_pids[0])
    }

    fn holds(&self) -> bool {
        self.finished
            && self.back_ms.is_some()
            && self.daemon_pids.0 != self.daemon_pids.1
            && self.agent_stayed()
            && (self.lost, self.repeated, self.asked) == (0, 0, 1)
            && self.shown_is_log
            && self.log_is_record
            && self.file_is_right
    }

    /// The summary, which says what is so and nothing else.
    pub(super) fn tell(&self, context: &Context, style: Style) -> Outcome {
        let exit = if self.holds() { Exit::Done } else { Exit::Failed };
        if context.json {
            out::json(&serde_json::json!({"demo": self, "holds": self.holds()}))?;
            return Ok(exit);
        }
        let line = |good: bool, text: String| {
            let mark = if good { style.green("✓") } else { style.red("✗") };
            format!("{mark} {text}\n")
        };
        let equal = |same: bool| if same { "equals" } else { "DIFFERS FROM" };
        let (before, after) = self.daemon_pids;
        let back = self.back_ms.map_or_else(|| "never".to_owned(), duration);
        let pids: Vec<String> = self.agent_pids.iter().map(u32::to_string).collect();
        let count =
            format!("{} events in the log: lost {}, repeated {}", self.events, self.lost, self.repeated);
        let same = if self.agent_stayed() { "the same before and after" } else { "NOT the same" };
        let text = [
            line(self.finished, "the turn came to its end".to_owned()),
            line(self.lost + self.repeated == 0, count),
            line(
                self.shown_is_log,
                format!(
                    "what was shown {} the log ({} characters)",
                    equal(self.shown_is_log),
                    self.text_chars
                ),
            ),
            line(self.log_is_record, format!("the log {} the agent's own record", equal(self.log_is_record))),
            line(
                self.agent_stayed(),
                format!("agent process {}: {same}", pids.first().map_or("none", String::as_str)),
            ),
            line(
                before != after && self.back_ms.is_some(),
                format!("daemon process {before}, then {after}; the stream went on {back} after the kill"),
            ),
            line(
                self.asked == 1,
                format!("asked {} time{}", self.asked, if self.asked == 1 { "" } else { "s" }),
            ),
            line(self.file_is_right, format!("{DEMO_FILE} is as you decided")),
        ];
        let closing = if self.holds() {
            ""
        } else {
            "\nNot everything held. Please report this, with the output of `tenure demo --keep`.\n"
        };
        out::print(&format!("\n{}{closing}", text.concat()))?;
        Ok(exit)
    }
}

async fn read_log(client: &Client, session: &Session, last: u64) -> Result<Vec<FollowedEvent>, Failure> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let (events, next) = client.events(&session.id, after, 500, &[]).await?;
        // What comes after the turn's end was not looked at any more.
        all.extend(events.into_iter().filter(|e| e.event.seq.0 <= last));
        match next {
            Some(next) if next > after => after = next,
            _ => return Ok(all),
        }
    }
}

/// The agent's texts by part, in order.
fn texts(log: &[FollowedEvent]) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for followed in log {
        let Kind::MessageCompleted(message) = &followed.event.kind else { continue };
        for part in message.parts.iter().filter(|_| message.role == Role::Assistant) {
            if let PartBody::Text { text } = &part.body {
                texts.push((part.id.clone(), text.clone()));
            }
        }
    }
    texts
}

fn started(kind: &Kind) -> Option<u32> {
    match kind {
        Kind::ProcessStarted(process) => Some(process.pid),
        _ => None,
    }
}

/// All text that the agent has sent, by its own record.
fn recorded(stage: &Stage) -> Result<String, Failure> {
    let entries = read_record(&stage.record())?;
    let chunk = |act: Act| match act {
        Act::Sent(sent) if sent.what == "agent_message_chunk" => sent.text,
        _ => None,
    };
    Ok(entries.into_iter().filter_map(|e| chunk(e.act)).collect())
}
