//! Steps that send many lines: numbered ones for counting, marked ones for measuring. Lines are built as bytes and
//! written in large pieces; with a record, one by one. A pace is kept by deadlines, so that no delay adds up.

use std::time::{Duration, Instant};

use super::odd::refuse;
use super::{Ending, Flow, Player, chunk_of};
use crate::bench::{BenchMark, fill_line};
use crate::clock::monotonic_ns;
use crate::rpc;
use crate::script::steps::{Bench, BenchKind, Flood, Numbered};

/// Lines are gathered up to so many bytes.
const PIECE: usize = 64 * 1024;
/// A poured message longer than this does not go to the history.
const LONGEST_KEPT: u64 = 1 << 20;
/// How long the lines of `bench` are, if the script does not say.
const USUAL_BENCH_BYTES: usize = 350;

impl Player<'_> {
    pub(super) fn flood(&mut self, flood: &Flood) -> Flow {
        let bytes = flood.bytes.unwrap_or(0);
        self.numbers(1, flood.n, bytes, rate(flood.per_second)?)
    }

    pub(super) fn numbered(&mut self, step: &Numbered) -> Flow {
        let count = (step.to + 1).saturating_sub(step.from);
        let rate = (step.delay_us > 0).then(|| 1e6 / step.delay_us as f64);
        self.numbers(step.from, count, 0, rate)
    }

    fn numbers(&mut self, first: u64, count: u64, bytes: usize, rate: Option<f64>) -> Flow {
        let id = (!self.agent.flags.no_message_id).then(|| self.agent.item_id("msg"));
        let message = chunk_of(&self.session.id, id.as_deref(), "").to_string();
        let (head, tail) = message.split_at(message.len() - r#""}}}}"#.len());
        let (sent, flow) = self.pour(count, rate, |i, line| {
            line.extend_from_slice(head.as_bytes());
            line.extend_from_slice(number_text(first + i, bytes).trim_end().as_bytes());
            line.extend_from_slice(b"\\n");
            line.extend_from_slice(tail.as_bytes());
        });
        if sent.saturating_mul(number_text(first, bytes).len() as u64) <= LONGEST_KEPT {
            let text: String = (first..first + sent).map(|n| number_text(n, bytes)).collect();
            self.keep(rpc::chunk("agent_message_chunk", id.as_deref(), &text));
        }
        flow
    }

    /// Updates that carry the time at which they were made.
    pub(super) fn bench(&mut self, bench: &Bench) -> Flow {
        let bytes = bench.bytes.unwrap_or(USUAL_BENCH_BYTES);
        let message_id = self.agent.item_id("msg");
        let call_id = self.agent.item_id("bench");
        let session = self.session.id.clone();
        let (_, flow) = self.pour(bench.events, rate(bench.rate_per_second)?, |i, line| {
            let mark = BenchMark { index: i, sent_ns: monotonic_ns() };
            let (head, tail) = bench_line(bench.kind, &session, &message_id, &call_id, mark);
            fill_line(line, &head, tail, bytes);
        });
        flow
    }

    /// Sends `count` lines, `rate` in a second or as fast as they are taken; tells how many were sent.
    fn pour(
        &mut self,
        count: u64,
        rate: Option<f64>,
        mut line: impl FnMut(u64, &mut Vec<u8>),
    ) -> (u64, Flow) {
        let start = Instant::now();
        let mut gathered = Vec::with_capacity(PIECE + PIECE / 4);
        for i in 0..count {
            let due = rate.and_then(|rate| Duration::try_from_secs_f64(i as f64 / rate).ok());
            let wait = due.map_or(Duration::ZERO, |due| due.saturating_sub(start.elapsed()));
            if !wait.is_zero() || gathered.len() >= PIECE {
                self.agent.wire.send_many(&gathered);
                gathered.clear();
                if !wait.is_zero() && !self.turn.pause(wait) || self.turn.cancelled().is_some() {
                    return (i, Err(Ending::Cancelled));
                }
            }
            line(i, &mut gathered);
            gathered.push(b'\n');
        }
        self.agent.wire.send_many(&gathered);
        (count, Ok(()))
    }
}

fn rate(rate: Option<f64>) -> Result<Option<f64>, Ending> {
    match rate {
        Some(rate) if !(rate.is_finite() && rate > 0.0) => Err(refuse("the rate must be more than 0")),
        rate => Ok(rate),
    }
}

/// `line 000001` and a newline, made up to `bytes` with x.
fn number_text(n: u64, bytes: usize) -> String {
    let mut text = format!("line {n:06}");
    if bytes > text.len() + 2 {
        text.push(' ');
        let fill = bytes - text.len() - 1;
        text.extend(std::iter::repeat_n('x', fill));
    }
    text.push('\n');
    text
}

/// The line's beginning and end; what fills it up comes between them.
fn bench_line(
    kind: BenchKind,
    session: &str,
    message: &str,
    call: &str,
    mark: BenchMark,
) -> (String, &'static str) {
    let start = format!(
        r#"{{"jsonrpc":"2.0","method":"session/update","params":{{"sessionId":"{session}","update":{{"sessionUpdate":"#
    );
    match kind {
        BenchKind::Tool if mark.index.is_multiple_of(2) => (
            format!(
                r#"{start}"tool_call","toolCallId":"{call}_{}","title":"{mark}","kind":"other","status":"pending","rawInput":{{"mark":"{mark} "#,
                mark.index / 2
            ),
            r#""}}}}"#,
        ),
        BenchKind::Tool => (
            format!(
                r#"{start}"tool_call_update","toolCallId":"{call}_{}","title":"{mark}","status":"completed","rawOutput":{{"mark":"{mark} "#,
                mark.index / 2
            ),
            r#""}}}}"#,
        ),
        BenchKind::Plan => (
            format!(
                r#"{start}"plan","entries":[{{"priority":"medium","status":"in_progress","content":"{mark} "#
            ),
            r#""}]}}}"#,
        ),
        BenchKind::Text => (
            format!(
                r#"{start}"agent_message_chunk","messageId":"{message}","content":{{"type":"text","text":"{mark} "#
            ),
            r#"\n"}}}}"#,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn numbers_have_the_length_that_was_asked_for() {
        assert_eq!(number_text(1, 0), "line 000001\n");
        assert_eq!(number_text(12, 20), "line 000012 xxxxxxx\n");
        assert_eq!(number_text(12, 20).len(), 20);
        assert_eq!(number_text(1_234_567, 3), "line 1234567\n");
    }

    #[test]
    fn every_bench_line_is_json_of_the_length_that_was_asked_for_and_keeps_its_mark() {
        for kind in [BenchKind::Tool, BenchKind::Plan, BenchKind::Text] {
            for index in [0, 1, 99_999] {
                let mark = BenchMark { index, sent_ns: 123_456_789_012_345 };
                let (head, tail) =
                    bench_line(kind, "scripted-0123456789abcdef", "msg_01234567_1", "bench_01234567_2", mark);
                let mut line = Vec::new();
                fill_line(&mut line, &head, tail, 350);
                assert_eq!(line.len(), 350, "{kind:?}");
                let message: Value = serde_json::from_slice(&line).unwrap();
                assert_eq!(message["method"], "session/update");
                assert_eq!(BenchMark::find(&message.to_string()), Some(mark));
            }
        }
    }
}
