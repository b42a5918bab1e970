//! Words that a later version may add to: an enum of those that are known, which keeps the others as they are.
//!
//! For what a daemon tells. What it is told has closed words: there an unknown one is a mistake, and refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The longest word, in bytes. Longer ones are refused: they would have to be cut.
const LONGEST: usize = 47;

/// A word that this version does not know.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Word {
    length: u8,
    bytes: [u8; LONGEST],
}

impl Word {
    /// Keeps a word; none if it is longer than 47 bytes or no word of ours could be like it: small letters, digits and
    /// `_`. A text that stands in the place of a word, such as the mark of a secret, is none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let is_ours = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if text.is_empty() || !text.bytes().all(is_ours) {
            return None;
        }
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { length: u8::try_from(text.len()).ok()?, bytes })
    }

    /// The word as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Word;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a word of small letters, digits and `_`, of at most {LONGEST} bytes")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Word, E> {
                Word::new(text).ok_or_else(|| E::invalid_length(text.len(), &self))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Makes an enum of words, each with its name on the wire. Its document tells those that are known.
#[macro_export]
#[doc(hidden)]
macro_rules! words {
    (
        #[doc = $about:literal]
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)* }
    ) => {
        #[doc = $about]
        $(#[$meta])*
        pub enum $name {
            $($(#[$of])* $variant,)*
            /// A word that this version does not know, from a later one. No daemon of this version sends it.
            Other($crate::Word),
        }

        impl $name {
            /// The word used on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word.as_str(),
                }
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let word = <$crate::Word as ::serde::Deserialize>::deserialize(from)?;
                Ok(match word.as_str() {
                    $($word => Self::$variant,)*
                    _ => Self::Other(word),
                })
            }
        }

        impl ::utoipa::PartialSchema for $name {
            fn schema() -> ::utoipa::openapi::RefOr<::utoipa::openapi::schema::Schema> {
                use ::utoipa::openapi::schema::{ObjectBuilder, Type};
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .description(Some($about.trim()))
                    .enum_values(Some([$($word),*]))
                    .build()
                    .into()
            }
        }

        impl ::utoipa::ToSchema for $name {}
    };
}

#[cfg(test)]
mod tests {
    use crate::{Axes, Kind, Lifecycle, Outcome, Word};

    #[test]
    fn a_word_is_kept_whole_or_not_at_all() {
        for text in ["teapot", "waits_for_2", &"x".repeat(47)] {
            assert_eq!(Word::new(text).expect("a word").as_str(), text);
        }
        for text in ["", "däne 🦀", "two words", "[API_KEY]", &"x".repeat(48)] {
            assert_eq!(Word::new(text), None, "{text}");
        }
        assert_ne!(Word::new("tea"), Word::new("teapot"));
    }

    #[test]
    fn words_of_a_later_version_are_read_and_written_as_they_are() {
        let text = r#"{"lifecycle":"dreaming","activity":{"state":"napping","reason":"moon","since":"2026-11-20T00:00:00.000Z"},"last_outcome":"bored","archived":false,"health":{"state":"odd","why":"weather"},"tasks_running":0,"suspended_by":"cat"}"#;
        let axes: Axes = serde_json::from_str(text).expect("readable");
        assert!(matches!(axes.lifecycle, Lifecycle::Other(word) if word.as_str() == "dreaming"), "{axes:?}");
        assert_eq!(axes.last_outcome.map(|outcome| outcome.as_str().to_owned()).as_deref(), Some("bored"));
        assert_eq!(serde_json::to_string(&axes).ok().as_deref(), Some(text));
        for (word, known) in [("\"completed\"", Outcome::Completed), ("\"crashed\"", Outcome::Crashed)] {
            assert_eq!(serde_json::from_str::<Outcome>(word).ok(), Some(known));
            assert_eq!(serde_json::to_string(&known).ok().as_deref(), Some(word));
        }
        for wrong in ["7".to_owned(), "null".to_owned(), format!("\"{}\"", "x".repeat(48))] {
            assert!(serde_json::from_str::<Outcome>(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_end_of_a_turn_is_one_however_it_went() {
        let data = r#"{"turn_id":"trn_1","input_ids":["i1"],"outcome":"bored"}"#;
        let kind = Kind::read("turn.completed", data);
        assert!(matches!(kind, Kind::TurnCompleted(_)), "{kind:?}");
        assert_eq!(kind.data_json().ok().as_deref(), Some(data));
    }
}
