//! Commands where a session works: run whole, streamed, cancelled.

use std::time::Duration;

use base64::Engine as _;
use tenure_api::{ExecCancelled, ExecOutput, ExecRequest, ExecResult, ExecStarted};
use tenure_event::SessionId;
use tokio::time::timeout;

use crate::ClientError;
use crate::client::{Call, Client};
use crate::sse::{Frame, FrameReader};

/// Milliseconds that a command takes at most unless its request says otherwise.
const USUAL_MS: u64 = 120_000;
/// What an answer may take beyond its command.
const MARGIN: Duration = Duration::from_secs(60);
/// The daemon sends a comment every 15 s; a stream that is silent for three of them is dead.
const SILENCE: Duration = Duration::from_secs(45);

/// What a running command gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecPiece {
    /// It runs; the first piece.
    Started(ExecStarted),
    /// Bytes of its standard output.
    Stdout(Vec<u8>),
    /// Bytes of its standard error.
    Stderr(Vec<u8>),
    /// It ended; the last piece. Its outputs are not repeated here.
    Ended(Box<ExecResult>),
}

/// A command that runs. Dropped, it is cancelled.
#[derive(Debug)]
pub struct ExecRun {
    answer: reqwest::Response,
    frames: FrameReader,
    place: String,
    over: bool,
}

impl Client {
    /// Runs a command to its end. A lost answer is asked for again: the command runs once.
    ///
    /// # Errors
    /// `invalid`, `forbidden` for a directory outside, `overloaded`, `conflict` if the daemon died meanwhile, and
    /// those of any request.
    pub async fn exec(&self, id: &SessionId, request: &ExecRequest) -> Result<ExecResult, ClientError> {
        let limit = Duration::from_millis(request.timeout_ms.unwrap_or(USUAL_MS)) + MARGIN;
        self.call(Call::post(format!("/v1/sessions/{id}/exec")).limit(limit).json(request)?).await
    }

    /// Runs a command and gives what it writes as it comes.
    ///
    /// # Errors
    /// The same.
    pub async fn exec_stream(&self, id: &SessionId, request: &ExecRequest) -> Result<ExecRun, ClientError> {
        let call = Call::post(format!("/v1/sessions/{id}/exec")).without_key();
        let call = call.header("accept", "text/event-stream").json(request)?;
        let link = self.link();
        let answer = timeout(MARGIN, self.request(&link, &call, None)).await;
        let answer = answer.map_err(|_| ClientError::Timeout { limit: MARGIN })??;
        Ok(ExecRun { answer, frames: FrameReader::default(), place: link.place.clone(), over: false })
    }

    /// Kills a command and its whole tree.
    ///
    /// # Errors
    /// `not_found` if it does not run, and those of any request.
    pub async fn cancel_exec(&self, id: &SessionId, exec_id: &str) -> Result<ExecCancelled, ClientError> {
        self.call(Call::delete(format!("/v1/sessions/{id}/exec/{exec_id}"))).await
    }
}

impl ExecRun {
    /// The next piece; none after the end.
    ///
    /// # Errors
    /// `Unreachable` if the daemon is lost, which ends the command too.
    pub async fn next(&mut self) -> Result<Option<ExecPiece>, ClientError> {
        let lost = |why: &str| ClientError::Unreachable { place: self.place.clone(), why: why.to_owned() };
        while !self.over {
            if let Some(frame) = self.frames.next_frame() {
                let piece = piece(&frame)?;
                self.over = matches!(piece, ExecPiece::Ended(_));
                return Ok(Some(piece));
            }
            let chunk = timeout(SILENCE, self.answer.chunk()).await.map_err(|_| lost("it fell silent"))?;
            let chunk = chunk.map_err(|e| ClientError::of_transport(&e, &self.place, SILENCE))?;
            let bytes =
                chunk.ok_or_else(|| lost("it ended before the command did, and the command with it"))?;
            self.frames.feed(&bytes).map_err(ClientError::unintelligible)?;
        }
        Ok(None)
    }
}

fn piece(frame: &Frame) -> Result<ExecPiece, ClientError> {
    Ok(match frame.event.as_str() {
        "started" => ExecPiece::Started(read(frame)?),
        "stdout" => ExecPiece::Stdout(bytes(read(frame)?)?),
        "stderr" => ExecPiece::Stderr(bytes(read(frame)?)?),
        "ended" => ExecPiece::Ended(Box::new(read(frame)?)),
        other => return Err(ClientError::unintelligible(format!("a frame `{other}` of a command"))),
    })
}

fn read<T: serde::de::DeserializeOwned>(frame: &Frame) -> Result<T, ClientError> {
    serde_json::from_str(&frame.data).map_err(ClientError::unintelligible)
}

fn bytes(output: ExecOutput) -> Result<Vec<u8>, ClientError> {
    match output.base64 {
        Some(text) => {
            base64::engine::general_purpose::STANDARD.decode(text).map_err(ClientError::unintelligible)
        }
        None => Ok(output.text.unwrap_or_default().into_bytes()),
    }
}
