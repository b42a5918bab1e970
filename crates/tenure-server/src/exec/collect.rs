//! What a command wrote, gathered within bounds or told piece by piece.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tenure_api::{ExecOutput, ExecResult};

use super::{End, Piece};

/// Bytes of each output that are kept.
const KEPT: usize = 1 << 20;

/// The beginning of both outputs.
#[derive(Default)]
pub(crate) struct Collected {
    out: Vec<u8>,
    err: Vec<u8>,
    truncated: bool,
}

impl Collected {
    /// Takes a piece; the end is given back.
    pub(crate) fn take(&mut self, piece: &Piece) -> Option<End> {
        let (kept, bytes) = match piece {
            Piece::Out(bytes) => (&mut self.out, bytes),
            Piece::Err(bytes) => (&mut self.err, bytes),
            Piece::End(end) => return Some(end.clone()),
        };
        let room = KEPT.saturating_sub(kept.len()).min(bytes.len());
        kept.extend_from_slice(&bytes[..room]);
        self.truncated |= room < bytes.len();
        None
    }

    /// The result of a command that ended so.
    pub(crate) fn result(self, exec_id: String, end: &End) -> ExecResult {
        let (stdout, stdout_base64) = text(self.out, self.truncated);
        let (stderr, stderr_base64) = text(self.err, self.truncated);
        ExecResult {
            truncated: self.truncated,
            stdout,
            stderr,
            stdout_base64,
            stderr_base64,
            ..bare(exec_id, end)
        }
    }
}

/// The same without what it wrote.
pub(crate) fn bare(exec_id: String, end: &End) -> ExecResult {
    ExecResult {
        exec_id,
        exit_code: end.code,
        signal: end.signal,
        timed_out: end.timed_out,
        cancelled: end.cancelled,
        duration_ms: end.duration_ms,
        ..ExecResult::default()
    }
}

/// Text and, if it is none, the bytes. A character that the bound cut is left out.
fn text(mut bytes: Vec<u8>, cut: bool) -> (String, Option<String>) {
    if cut
        && let Err(error) = std::str::from_utf8(&bytes)
        && error.error_len().is_none()
    {
        bytes.truncate(error.valid_up_to());
    }
    match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let bytes = error.as_bytes();
            (String::from_utf8_lossy(bytes).into_owned(), Some(STANDARD.encode(bytes)))
        }
    }
}

/// Bytes of one output on their way as text: a character that is not whole yet waits for its rest.
#[derive(Default)]
pub(crate) struct Text {
    open: Vec<u8>,
}

impl Text {
    /// What can be told once these bytes are there.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<ExecOutput> {
        self.open.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.open) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.open.len(),
        };
        let rest = self.open.split_off(whole);
        told(std::mem::replace(&mut self.open, rest))
    }

    /// What never became whole.
    pub(crate) fn end(&mut self) -> Option<ExecOutput> {
        told(std::mem::take(&mut self.open))
    }
}

fn told(bytes: Vec<u8>) -> Option<ExecOutput> {
    if bytes.is_empty() {
        return None;
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => ExecOutput { text: Some(text), base64: None },
        Err(error) => ExecOutput { text: None, base64: Some(STANDARD.encode(error.as_bytes())) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn a_character_is_never_cut_and_bytes_stay_bytes() {
        let mut text = Text::default();
        let mut told =
            |bytes: &[u8]| text.push(bytes).map(|o| o.text.unwrap_or_else(|| o.base64.expect("one")));
        assert_eq!(told("a\u{e9}".as_bytes()).as_deref(), Some("a\u{e9}"));
        assert_eq!(told(&[b'b', 0xe2, 0x82]).as_deref(), Some("b"));
        assert_eq!(told(&[0xac]).as_deref(), Some("€"));
        assert_eq!(told(&[0xff, b'x']).as_deref(), Some("/3g="));
        assert_eq!(told(&[0xe2]), None);
        assert_eq!(text.end().and_then(|o| o.base64).as_deref(), Some("4g=="));
        assert!(text.end().is_none());
    }

    #[test]
    fn each_output_has_its_bound() {
        let mut all = Collected::default();
        let block = Bytes::from("é".repeat(KEPT / 2).into_bytes());
        assert!(all.take(&Piece::Err(Bytes::from_static(b"x"))).is_none());
        assert!(all.take(&Piece::Err(block.clone())).is_none());
        assert!(all.take(&Piece::Out(block)).is_none());
        let end = all.take(&Piece::End(End { code: Some(3), ..End::default() })).expect("the end");
        let result = all.result("e".into(), &end);
        assert!(result.truncated && result.stderr_base64.is_none() && result.stdout_base64.is_none());
        assert_eq!((result.stdout.len(), result.stderr.len()), (KEPT, KEPT - 1));
        assert_eq!(result.exit_code, Some(3));
    }
}
