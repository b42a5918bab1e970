//! Whether an answer is what a form's schema asks for.
//!
//! Forms are not JSON Schema: MCP allows an object of texts, numbers, yes or no, and choices of one or several, with bounds and four
//! formats (elicitation, revision 2025-11-25), and that much of it is known here. What else a schema says (`pattern`, `$ref`, …) is
//! left to the server that asked, which checks the answer itself. A test compares this with a validator of the whole language.

use serde_json::{Map, Number, Value};

/// What does not fit, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The way to it from the form, with dots; empty for the form itself.
    pub(super) place: String,
    pub(super) why: String,
}

impl Misfit {
    fn here<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self { place: String::new(), why: why.into() })
    }

    fn below(self, step: &str) -> Self {
        let place = if self.place.is_empty() { step.to_owned() } else { format!("{step}.{}", self.place) };
        Self { place, ..self }
    }
}

/// Whether a value fits its schema.
///
/// # Errors
/// The first thing that does not.
pub(super) fn fits(schema: &Value, value: &Value) -> Result<(), Misfit> {
    is_of_its_kind(schema, value)?;
    is_a_choice(schema, value)?;
    match value {
        Value::String(text) => text_fits(schema, text),
        Value::Number(number) => number_fits(schema, number),
        Value::Array(list) => list_fits(schema, list),
        Value::Object(fields) => fields_fit(schema, fields),
        Value::Null | Value::Bool(_) => Ok(()),
    }
}

fn is_of_its_kind(schema: &Value, value: &Value) -> Result<(), Misfit> {
    let names: Vec<&str> = match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    // A kind that nobody knows is the server's business.
    if names.is_empty() || names.iter().any(|name| is_kind(name, value).unwrap_or(true)) {
        return Ok(());
    }
    let words: Vec<&str> = names.into_iter().map(in_words).collect();
    Misfit::here(format!("give {}", words.join(" or ")))
}

fn is_kind(name: &str, value: &Value) -> Option<bool> {
    Some(match name {
        "string" => value.is_string(),
        // 7.0 is a whole number too.
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => return None,
    })
}

fn in_words(kind: &str) -> &str {
    match kind {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "an object",
        other => other,
    }
}

fn is_a_choice(schema: &Value, value: &Value) -> Result<(), Misfit> {
    if let Some(wanted) = schema.get("const")
        && !is_same(wanted, value)
    {
        return Misfit::here(format!("give {wanted}"));
    }
    if let Some(choices) = list(schema, "enum")
        && !choices.iter().any(|choice| is_same(choice, value))
    {
        return Misfit::here(format!("give one of {}", listed(choices.iter())));
    }
    for name in ["oneOf", "anyOf"] {
        if let Some(choices) = list(schema, name)
            && !choices.iter().any(|choice| fits(choice, value).is_ok())
        {
            let named: Vec<&Value> = choices.iter().filter_map(|choice| choice.get("const")).collect();
            let known = named.len() == choices.len();
            let one_of = if known { listed(named.into_iter()) } else { "what the form offers".to_owned() };
            return Misfit::here(format!("give one of {one_of}"));
        }
    }
    Ok(())
}

/// Numbers are the same whether they are written with a point or without.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => one == other,
    }
}

fn listed<'a>(choices: impl Iterator<Item = &'a Value>) -> String {
    let words: Vec<String> = choices.map(ToString::to_string).collect();
    words.join(", ")
}

fn text_fits(schema: &Value, text: &str) -> Result<(), Misfit> {
    let length = text.chars().count() as u64;
    within(schema, ["minLength", "maxLength"], length, "characters")?;
    let format = schema.get("format").and_then(Value::as_str).unwrap_or_default();
    let (is_one, example) = match format {
        "email" => (is_email(text), "an address such as ada@example.com"),
        "uri" => (is_uri(text), "a URI such as https://example.com/page"),
        "date" => (is_date(text), "a date such as 2026-01-31"),
        "date-time" => {
            (text.parse::<jiff::Timestamp>().is_ok(), "a time such as 2026-01-31T09:30:00Z, with its zone")
        }
        _ => return Ok(()),
    };
    if is_one { Ok(()) } else { Misfit::here(format!("give {example}")) }
}

/// Two rows of words with dots between them; the first may be in quotes. Whoever sends mail there will find out the rest.
fn is_email(text: &str) -> bool {
    let Some((who, at)) = text.rsplit_once('@') else { return false };
    let words = |row: &str, marks: &str| {
        let may = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
        row.split('.').all(|word| !word.is_empty() && word.chars().all(may))
    };
    let is_quoted = who.len() > 2 && who.starts_with('"') && who.ends_with('"');
    (is_quoted || words(who, "!#$%&'*+/=?^_`{|}~-")) && words(at, "-")
}

/// With a scheme, and in the characters that a URI is made of.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    let scheme_of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let uri_of =
        |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}');
    begins && scheme.chars().all(scheme_of) && rest.chars().all(uri_of)
}

fn is_date(text: &str) -> bool {
    let shape =
        |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape) && text.parse::<jiff::civil::Date>().is_ok()
}

fn number_fits(schema: &Value, number: &Number) -> Result<(), Misfit> {
    type Within = fn(&f64, &f64) -> bool;
    const BOUNDS: [(&str, &str, Within); 4] = [
        ("minimum", "at least", f64::ge),
        ("maximum", "at most", f64::le),
        ("exclusiveMinimum", "more than", f64::gt),
        ("exclusiveMaximum", "less than", f64::lt),
    ];
    let Some(number) = number.as_f64() else { return Ok(()) };
    for (name, words, is_within) in BOUNDS {
        if let Some(bound) = schema.get(name).and_then(Value::as_f64)
            && !is_within(&number, &bound)
        {
            return Misfit::here(format!("give {words} {bound}"));
        }
    }
    Ok(())
}

fn list_fits(schema: &Value, list: &[Value]) -> Result<(), Misfit> {
    within(schema, ["minItems", "maxItems"], list.len() as u64, "of them")?;
    let Some(of) = schema.get("items") else { return Ok(()) };
    list.iter()
        .enumerate()
        .try_for_each(|(at, one)| fits(of, one).map_err(|misfit| misfit.below(&at.to_string())))
}

fn fields_fit(schema: &Value, fields: &Map<String, Value>) -> Result<(), Misfit> {
    let wanted = list(schema, "required").into_iter().flatten().filter_map(Value::as_str);
    for name in wanted {
        if !fields.contains_key(name) {
            return Err(Misfit { place: name.to_owned(), why: "it is wanted".to_owned() });
        }
    }
    let Some(known) = schema.get("properties").and_then(Value::as_object) else { return Ok(()) };
    fields.iter().try_for_each(|(name, value)| match known.get(name) {
        Some(field) => fits(field, value).map_err(|misfit| misfit.below(name)),
        None => Ok(()),
    })
}

fn within(schema: &Value, [least, most]: [&str; 2], count: u64, of: &str) -> Result<(), Misfit> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    match (bound(least), bound(most)) {
        (Some(least), _) if count < least => Misfit::here(format!("give at least {least} {of}")),
        (_, Some(most)) if count > most => Misfit::here(format!("give at most {most} {of}")),
        _ => Ok(()),
    }
}

fn list<'a>(schema: &'a Value, name: &str) -> Option<&'a Vec<Value>> {
    schema.get(name).and_then(Value::as_array)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;
    use serde_json::json;

    use super::*;

    fn word() -> impl Strategy<Value = Value> {
        let words = vec![
            "",
            "a",
            "ab",
            "äöü",
            "red",
            "green",
            "7",
            "ada@example.com",
            "a.b+c@x-y.org",
            "a..b@x.org",
            "ada@x..org",
            "ä@example.com",
            "ada",
            "a b@c",
            "@x",
            "https://example.com/a?b=c#d",
            "mailto:ada@example.com",
            "//x",
            "no uri",
            "x:a b",
            "x:y",
            "1x:y",
            "2026-01-31",
            "2026-02-31",
            "2026-1-31",
            "2026-01-31T09:30:00Z",
            "2026-01-31T09:30:00.25+02:00",
            "2026-01-31T09:30:00",
            "2026-01-31T25:30:00Z",
        ];
        select(words).prop_map(Value::from)
    }

    fn number() -> impl Strategy<Value = Value> {
        prop_oneof![
            (-3i64..9).prop_map(Value::from),
            select(&[0.5, 7.0, -2.5, 8.25][..]).prop_map(Value::from)
        ]
    }

    fn one() -> impl Strategy<Value = Value> {
        prop_oneof![3 => word(), 3 => number(), 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)]
    }

    fn with(kind: &'static str, bounds: &[(&'static str, Option<Value>)]) -> Value {
        let mut field = json!({"type": kind});
        for (name, bound) in bounds {
            if let Some(bound) = bound {
                field[name] = bound.clone();
            }
        }
        field
    }

    fn few() -> impl Strategy<Value = Option<Value>> {
        prop::option::of((0u64..4).prop_map(Value::from))
    }

    fn bound() -> impl Strategy<Value = Option<Value>> {
        prop::option::of(number())
    }

    fn choices() -> impl Strategy<Value = Vec<&'static str>> {
        prop::sample::subsequence(vec!["red", "green", "7", "ab"], 1..=4)
    }

    fn titled(choices: &[&str]) -> Value {
        choices.iter().map(|choice| json!({"const": choice, "title": choice.to_uppercase()})).collect()
    }

    /// Every kind of field that a form may have.
    fn field() -> impl Strategy<Value = Value> {
        let format =
            prop::option::of(select(&["email", "uri", "date", "date-time"][..]).prop_map(Value::from));
        prop_oneof![
            (few(), few(), format)
                .prop_map(|(a, b, c)| with("string", &[("minLength", a), ("maxLength", b), ("format", c)])),
            (select(&["integer", "number"][..]), bound(), bound(), bound()).prop_map(|(kind, a, b, c)| with(
                kind,
                &[("minimum", a), ("maximum", b), ("exclusiveMaximum", c)]
            )),
            Just(json!({"type": "boolean"})),
            Just(json!({"type": ["string", "null"]})),
            choices().prop_map(|some| json!({"type": "string", "enum": some})),
            choices().prop_map(|some| json!({"type": "string", "oneOf": titled(&some)})),
            (choices(), few(), few()).prop_map(|(some, a, b)| {
                let mut field = with("array", &[("minItems", a), ("maxItems", b)]);
                field["items"] = json!({"anyOf": titled(&some)});
                field
            }),
            choices().prop_map(|some| json!({"type": "array", "items": {"type": "string", "enum": some}})),
        ]
    }

    fn form() -> impl Strategy<Value = Value> {
        let names = select(vec![vec!["a"], vec!["b"], vec!["a", "c"], vec![]]);
        (prop::collection::vec(field(), 3), names).prop_map(|(fields, wanted)| {
            json!({"type": "object", "properties": {"a": fields[0], "b": fields[1], "c": fields[2]}, "required": wanted})
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![4 => one(), 1 => prop::collection::vec(one(), 0..4).prop_map(Value::from)]
    }

    fn answers() -> impl Strategy<Value = Value> {
        prop::collection::hash_map(select(&["a", "b", "c"][..]), value(), 0..4)
            .prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// Whether the validator of the whole language says the same.
    fn agrees(schema: &Value, value: &Value) -> Result<(), TestCaseError> {
        let judge = jsonschema::options().should_validate_formats(true).build(schema).expect("a schema");
        let told: Vec<String> = judge.iter_errors(value).map(|error| error.to_string()).collect();
        let misfit = fits(schema, value).err();
        prop_assert_eq!(
            misfit.is_none(),
            told.is_empty(),
            "{:?}, {:?}: {} for {}",
            misfit,
            told,
            value,
            schema
        );
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_fits_a_field_fits_its_schema(field in field(), value in value()) {
            agrees(&field, &value)?;
        }

        #[test]
        fn what_fits_a_form_fits_its_schema(form in form(), answers in answers()) {
            agrees(&form, &answers)?;
        }
    }

    #[test]
    fn a_misfit_tells_its_place_and_what_to_give() {
        let form = json!({"properties": {
            "age": {"type": "integer", "minimum": 1},
            "fish": {"type": "array", "items": {"enum": ["cod", 2]}},
            "when": {"type": "string", "format": "date"},
        }, "required": ["age"]});
        let told = |answers: Value| {
            let misfit = fits(&form, &answers).expect_err("it does not fit");
            format!("{}: {}", misfit.place, misfit.why)
        };
        assert_eq!(told(json!({})), "age: it is wanted");
        assert_eq!(told(json!({"age": "x"})), "age: give a whole number");
        assert_eq!(told(json!({"age": 0})), "age: give at least 1");
        assert_eq!(told(json!({"age": 1, "fish": ["cod", 3]})), "fish.1: give one of \"cod\", 2");
        assert_eq!(told(json!({"age": 1, "when": "today"})), "when: give a date such as 2026-01-31");
    }

    #[test]
    fn what_is_no_part_of_forms_is_left_to_the_server() {
        for schema in [
            json!({"pattern": "^x$"}),
            json!({"$ref": "#"}),
            json!({"type": "date"}),
            json!({"type": 7}),
            json!(true),
        ] {
            assert_eq!(fits(&schema, &json!("y")), Ok(()));
        }
    }
}
