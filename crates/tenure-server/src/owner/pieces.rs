//! Text that is being written, as it may be shown: a secret that comes in two pieces is recognised all the same. What may
//! be its beginning is held back until more is known; the message that ends is whole in any case.
//!
//! It says nothing of what is stored: only events without a number pass here.

use std::collections::BTreeMap;

use tenure_event::{MessageDelta, MessageId};

use super::redact::Redactor;

/// Parts that are remembered at once; an agent writes one, its subagents some more.
const PARTS: usize = 64;

/// Every part that is being written.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    parts: BTreeMap<(MessageId, String), Piece>,
}

/// One part. Lengths are in Unicode scalar values.
#[derive(Debug, Default)]
struct Piece {
    seen: u64,
    shown: u64,
    held: String,
}

impl Pieces {
    /// Nothing is being written any more.
    pub(super) fn clear(&mut self) {
        self.parts.clear();
    }

    /// As much of a piece as may be shown, with what was held back before it. `whole` gives all of the part that was
    /// written so far, for a piece that does not follow the one before.
    pub(super) fn show(
        &mut self,
        redactor: &Redactor,
        delta: MessageDelta,
        whole: impl FnOnce(&MessageDelta) -> Option<String>,
    ) -> Option<MessageDelta> {
        let key = (delta.message_id.clone(), delta.part_id.clone());
        let mut piece = self.parts.remove(&key).unwrap_or_default();
        if piece.seen != delta.offset {
            piece = Piece::default();
            let before = whole(&delta)?.chars().take(usize::try_from(delta.offset).ok()?).collect::<String>();
            piece.take(redactor, &before);
            if piece.seen != delta.offset {
                return None;
            }
        }
        let (offset, text) = piece.take(redactor, &delta.text);
        while self.parts.len() >= PARTS {
            self.parts.pop_first();
        }
        self.parts.insert(key, piece);
        (!text.is_empty()).then_some(MessageDelta { offset, text, ..delta })
    }

    /// All of a part that may be shown, from its beginning.
    pub(super) fn from_start(redactor: &Redactor, delta: MessageDelta) -> MessageDelta {
        let (offset, text) = Piece::default().take(redactor, &delta.text);
        MessageDelta { offset, text, ..delta }
    }
}

impl Piece {
    /// What may be shown after this, and where it stands in what is shown.
    fn take(&mut self, redactor: &Redactor, text: &str) -> (u64, String) {
        self.seen += text.chars().count() as u64;
        self.held.push_str(text);
        let rest = self.held.split_off(redactor.certain(&self.held));
        let shown = redactor.raw(std::mem::replace(&mut self.held, rest));
        let offset = self.shown;
        self.shown += shown.chars().count() as u64;
        (offset, shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tenure_event::TextKind;

    fn redactor() -> Redactor {
        let secrets = [("A_KEY", "aabaabaac"), ("B_KEY", "aacbbbcc"), ("C_KEY", "ü-secret-ü")];
        Redactor::new(secrets.into_iter())
    }

    fn delta(offset: u64, text: &str) -> MessageDelta {
        MessageDelta {
            message_id: MessageId::parse("msg_1").expect("valid"),
            part_id: "p".to_owned(),
            kind: TextKind::Text,
            offset,
            text: text.to_owned(),
            parent_tool_id: None,
        }
    }

    /// What a follower has of the part, put together by the offsets.
    fn told(redactor: &Redactor, pieces: &[String]) -> (String, Vec<String>) {
        let (mut all, mut seen, mut shown, mut told) = (Pieces::default(), 0, String::new(), Vec::new());
        for text in pieces {
            let given = all.show(redactor, delta(seen, text), |_| panic!("they follow one another"));
            seen += text.chars().count() as u64;
            if let Some(delta) = given {
                assert_eq!(delta.offset, shown.chars().count() as u64);
                shown.push_str(&delta.text);
                told.push(delta.text);
            }
        }
        (shown, told)
    }

    #[test]
    fn a_secret_in_pieces_is_recognised() {
        let redactor = redactor();
        let pieces = ["it is aab", "a", "abaac", "! ü-sec", "ret-ü", " aab or not"].map(str::to_owned);
        let (shown, told) = told(&redactor, &pieces);
        assert_eq!(shown, "it is [A_KEY]! [C_KEY] aab or not");
        assert_eq!(told[0], "it is ", "what may be its beginning is held back");
    }

    #[test]
    fn a_piece_out_of_order_is_shown_from_what_was_written() {
        let (redactor, mut pieces) = (redactor(), Pieces::default());
        let whole = |_: &MessageDelta| Some("before aabaabaac after".to_owned());
        let shown = pieces.show(&redactor, delta(11, "abaac after"), whole).expect("shown");
        assert_eq!((shown.offset, shown.text.as_str()), (7, "[A_KEY] after"));
        assert_eq!(pieces.show(&redactor, delta(99, "aac"), |_| None), None, "nobody knows what came before");
    }

    proptest! {
        #[test]
        fn nothing_is_shown_that_the_whole_would_not_show(pieces in prop::collection::vec("[abcü-]{0,6}|aabaabaac|aacbbbcc|ü-secret-ü", 0..30)) {
            let redactor = redactor();
            let whole: String = pieces.concat();
            let (shown, told) = told(&redactor, &pieces);
            let at_once = Pieces::from_start(&redactor, delta(0, &whole)).text;
            prop_assert_eq!(&shown, &at_once);
            prop_assert!(told.iter().all(|text| !text.contains("aabaabaac") && !text.contains("aacbbbcc")));
            prop_assert!(redactor.raw(whole).starts_with(&shown));
        }
    }
}
