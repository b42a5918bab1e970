//! Records of one line, read no further than is wanted: the members that somebody asks for are kept as the text they
//! stand in, everything else is stepped over. A member of a wrong type reads as absent, and of two with one
//! name the last counts, as it does for the programs that wrote them.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;
use tenure_event::Timestamp;

/// A member's text, if the record has it.
pub(crate) type Field<'a> = Option<&'a RawValue>;

/// Declares a record: its members by their names in the file.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $key:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default)]
        pub(crate) struct $name<'a> {
            $(pub(crate) $field: $crate::fields::Field<'a>,)*
        }

        impl<'de: 'a, 'a> serde::Deserialize<'de> for $name<'a> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor<'a>(std::marker::PhantomData<&'a ()>);
                impl<'de: 'a, 'a> serde::de::Visitor<'de> for Visitor<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name<'a>, A::Error> {
                        let mut record = $name::default();
                        while let Some($crate::fields::Key(key)) = map.next_key()? {
                            match key.as_ref() {
                                $($key => record.$field = Some(map.next_value()?),)*
                                _ => {
                                    map.next_value::<serde::de::IgnoredAny>()?;
                                }
                            }
                        }
                        Ok(record)
                    }
                }
                deserializer.deserialize_map(Visitor(std::marker::PhantomData))
            }
        }
    };
}

pub(crate) use record;

/// A member's name, borrowed where it stands unescaped.
pub(crate) struct Key<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Key<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

/// Reads one line as a record; none if it is no object. Bytes that are no UTF-8 are replaced, as others do.
pub(crate) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// The line as text; what is no UTF-8 in it is replaced.
pub(crate) fn line_text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.trim_ascii())
}

/// A text.
pub(crate) fn text<'a>(field: Field<'a>) -> Option<Cow<'a, str>> {
    let raw = field?.get();
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(inside.into()) }
}

/// A text that is owned and says something.
pub(crate) fn word(field: Field<'_>) -> Option<String> {
    text(field).filter(|text| !text.is_empty()).map(Cow::into_owned)
}

/// `true`, and nothing else.
pub(crate) fn flag(field: Field<'_>) -> bool {
    field.is_some_and(|raw| raw.get() == "true")
}

/// Anything at all but null.
pub(crate) fn value(field: Field<'_>) -> Option<Value> {
    let raw = field?.get();
    if raw == "null" { None } else { serde_json::from_str(raw).ok() }
}

/// An object as a record of its own.
pub(crate) fn object<'a, T: serde::Deserialize<'a>>(field: Field<'a>) -> Option<T> {
    let raw = field?.get();
    if raw.starts_with('{') { serde_json::from_str(raw).ok() } else { None }
}

/// The times that can be one, in milliseconds since 1970: from 2000 to 2200.
const POSSIBLE: std::ops::Range<i64> = 946_684_800_000..7_258_118_400_000;

/// A point in time, unless it cannot be one.
pub(crate) fn possible(ms: i64) -> Option<Timestamp> {
    POSSIBLE.contains(&ms).then(|| Timestamp::from_millis(ms))
}

/// A point in time as RFC 3339, unless it cannot be one.
pub(crate) fn time(field: Field<'_>) -> Option<Timestamp> {
    possible(text(field)?.parse::<Timestamp>().ok()?.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    record!(
        /// For the test.
        Probe { kind: "type", at: "timestamp", body: "body" }
    );

    #[test]
    fn members_are_found_whatever_stands_around_them() {
        let line = r#"{"x": {"type": "no"}, "type": "a\u0062", "type": "last", "body": {"type": "in"}, "timestamp": 5}"#;
        let probe: Probe<'_> = parse(line).unwrap();
        assert_eq!(text(probe.kind).as_deref(), Some("last"));
        assert_eq!(time(probe.at), None);
        let inner: Probe<'_> = object(probe.body).unwrap();
        assert_eq!(word(inner.kind).as_deref(), Some("in"));
        assert!(parse::<Probe<'_>>("[1]").is_none());
        assert!(parse::<Probe<'_>>("{\"type\":").is_none());
    }

    #[test]
    fn times_that_cannot_be_are_none() {
        for (given, good) in [
            ("\"2026-11-20T01:52:33.725Z\"", true),
            ("\"1970-01-01T00:00:00Z\"", false),
            ("\"9999-01-01T00:00:00Z\"", false),
            ("\"yesterday\"", false),
        ] {
            let line = format!("{{\"timestamp\":{given}}}");
            let probe: Probe<'_> = parse(&line).unwrap();
            assert_eq!(time(probe.at).is_some(), good, "{given}");
        }
    }
}
