//! The usage that an answer reports. Invented figures, unless the step gives its own.

use serde_json::{Map, Value, json};

use crate::script::Step;

/// Token counts under Anthropic's names, in tokens.
#[derive(Debug, Clone)]
pub(super) struct Usage(Map<String, Value>);

impl Usage {
    pub(super) fn of(step: &Step) -> Self {
        let mut fields = Map::new();
        for (name, tokens) in [
            ("input_tokens", 100),
            ("output_tokens", 10),
            ("cache_creation_input_tokens", 0),
            ("cache_read_input_tokens", 0),
        ] {
            fields.insert(name.to_owned(), json!(tokens));
        }
        fields.extend(step.usage.clone().unwrap_or_default());
        Self(fields)
    }

    fn tokens(&self, name: &str) -> u64 {
        self.0.get(name).and_then(Value::as_u64).unwrap_or(0)
    }

    pub(super) fn anthropic(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// At the start of a stream nearly nothing has been said yet.
    pub(super) fn anthropic_start(&self) -> Value {
        let mut fields = self.0.clone();
        fields.insert("output_tokens".to_owned(), json!(1));
        Value::Object(fields)
    }

    pub(super) fn chat(&self) -> Value {
        let (input, output) = (self.tokens("input_tokens"), self.tokens("output_tokens"));
        json!({
            "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output,
            "prompt_tokens_details": {"cached_tokens": self.tokens("cache_read_input_tokens")},
        })
    }

    pub(super) fn responses(&self) -> Value {
        let (input, output) = (self.tokens("input_tokens"), self.tokens("output_tokens"));
        json!({
            "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
            "input_tokens_details": {"cached_tokens": self.tokens("cache_read_input_tokens")},
            "output_tokens_details": {"reasoning_tokens": 0},
        })
    }
}
