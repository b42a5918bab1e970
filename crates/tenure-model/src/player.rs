//! Plays a step as a stream: cuts its text into deltas, keeps their pace, waits at gates, and breaks off
//! where the step says so. The frames themselves are the dialect's.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::dialect::{Beat, Render};
use crate::gates::Gates;
use crate::script::Step;

/// A stream under way to a client.
pub(crate) struct Player {
    pub(crate) render: Box<dyn Render>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) out: mpsc::Sender<io::Result<Bytes>>,
}

/// Why a stream ends before its end.
enum Broken {
    /// The client went away.
    Gone,
    /// The step says so.
    OnPurpose,
}

impl Player {
    /// Plays the step to its end, or to where it breaks; the stream ends when the sender is dropped.
    pub(crate) async fn play(mut self, step: Step) {
        // Either way there is nobody left to tell.
        let _ = self.run(&step).await;
    }

    async fn run(&mut self, step: &Step) -> Result<(), Broken> {
        self.send(Beat::Start).await?;
        pause(step.hang).await;
        if let Some(thought) = &step.think {
            self.send(Beat::Think(thought)).await?;
        }
        match step.text.as_deref() {
            Some(text) => self.say(text, step).await?,
            None => self.midway(step).await?,
        }
        for call in &step.tools {
            self.send(Beat::Tool(call)).await?;
        }
        self.send(Beat::End).await
    }

    async fn say(&mut self, text: &str, step: &Step) -> Result<(), Broken> {
        let pieces = pieces(text, step.n.unwrap_or(2));
        let middle = pieces.len().div_ceil(2);
        self.send(Beat::TextStart).await?;
        for (n, piece) in pieces.iter().enumerate() {
            if n > 0 {
                pause(step.delay).await;
            }
            if n == middle {
                self.midway(step).await?;
            }
            self.send(Beat::TextDelta(piece)).await?;
        }
        if middle >= pieces.len() {
            self.midway(step).await?;
        }
        self.send(Beat::TextEnd).await
    }

    /// What strikes in the middle of an answer.
    async fn midway(&mut self, step: &Step) -> Result<(), Broken> {
        if let Some(gate) = &step.gate
            && !self.gates.pass(gate).await
        {
            return self.cut().await;
        }
        if let Some(kind) = &step.stream_error {
            self.send(Beat::Fault(kind)).await?;
            return Err(Broken::OnPurpose);
        }
        if step.cut { self.cut().await } else { Ok(()) }
    }

    /// Drops the connection, after the client was sent all that came before.
    async fn cut(&mut self) -> Result<(), Broken> {
        // An error right behind a piece would keep the piece from being written: wait until all are taken.
        drop(self.out.reserve_many(self.out.max_capacity()).await.map_err(|_| Broken::Gone)?);
        let error = io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the script");
        self.out.send(Err(error)).await.map_err(|_| Broken::Gone)?;
        Err(Broken::OnPurpose)
    }

    async fn send(&mut self, beat: Beat<'_>) -> Result<(), Broken> {
        let frames = self.render.frames(beat);
        if frames.is_empty() {
            return Ok(());
        }
        self.out.send(Ok(frames.into())).await.map_err(|_| Broken::Gone)
    }
}

/// The scripted silence, in seconds, at most ten minutes. Pacing is what a script asks for; no test waits by it.
pub(crate) async fn pause(seconds: Option<f64>) {
    let time = seconds.and_then(|s| Duration::try_from_secs_f64(s.min(600.0)).ok()).unwrap_or_default();
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// Cuts a text into at most `n` pieces of equal length in characters.
fn pieces(text: &str, n: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let length = chars.len().div_ceil(n.max(1)).max(1);
    chars.chunks(length).map(|piece| piece.iter().collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_join_to_the_text_and_number_at_most_n() {
        for (text, n, expected) in [("abcd", 2, 2), ("äöü", 2, 2), ("abc", 9, 3), ("abc", 0, 1), ("", 3, 0)]
        {
            let pieces = pieces(text, n);
            assert_eq!(pieces.concat(), text);
            assert_eq!(pieces.len(), expected, "{text} in {n}");
        }
    }
}
