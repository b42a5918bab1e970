//! What tokens cost, by model. The table has a date, may be overridden, and knows no price that it was not told: an
//! unknown price is unknown, never zero.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tenure_event::{CostBasis, Usage};

/// Prices that come with the program.
const OWN: &str = include_str!("prices.json");

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Sent, not cached.
    pub input: f64,
    /// Written by the model.
    pub output: f64,
    /// Read from the provider's cache.
    pub cache_read: f64,
    /// Written to the provider's cache; as `input` where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
}

/// Prices by the beginning of a model's name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day on which they were looked up.
    pub date: String,
    /// By name; the longest that a model's name begins with counts, at a boundary.
    pub models: BTreeMap<String, Price>,
}

impl Prices {
    /// Those that come with the program, with these put over them.
    #[must_use]
    pub fn with(over: &BTreeMap<String, Price>) -> Self {
        let empty = Self { date: String::new(), models: BTreeMap::new() };
        let mut prices: Self = serde_json::from_str(OWN).unwrap_or(empty);
        prices.models.extend(over.iter().map(|(name, price)| (name.clone(), *price)));
        prices
    }

    /// The price of a model. A name may have a provider before a slash, and a date or a variant behind it.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<&Price> {
        let exact = self.models.get(model);
        let bare = model.rsplit('/').next().unwrap_or(model);
        let begins = |name: &str| {
            bare.strip_prefix(name).is_some_and(|rest| {
                let version = rest.strip_prefix(['-', '@', ':', '[']);
                // `-mini` is another model; a date, `latest` or a bracketed variant is the same one.
                rest.is_empty()
                    || version.is_some_and(|v| v.starts_with(|c: char| c.is_ascii_digit()) && v.len() >= 8)
                    || matches!(version, Some("latest"))
                    || rest.starts_with('[')
            })
        };
        exact.or_else(|| {
            let fitting = self.models.iter().filter(|(name, _)| begins(name));
            fitting.max_by_key(|(name, _)| name.len()).map(|(_, price)| price)
        })
    }

    /// What tokens of a model cost, in US dollars; none if its price is not known.
    #[must_use]
    pub fn cost(&self, model: Option<&str>, usage: &Usage) -> Option<f64> {
        if usage.tokens() == 0 {
            return Some(0.0);
        }
        let price = self.of(model?)?;
        let millions = |tokens: u64| tokens as f64 / 1e6;
        Some(
            millions(usage.input_tokens) * price.input
                + millions(usage.output_tokens) * price.output
                + millions(usage.cache_read_tokens) * price.cache_read
                + millions(usage.cache_write_tokens) * price.cache_write.unwrap_or(price.input),
        )
    }

    /// Puts a cost to tokens that have none.
    #[must_use]
    pub fn priced(&self, model: Option<&str>, usage: Usage) -> Usage {
        match (usage.cost_usd, self.cost(model, &usage)) {
            (Some(_), _) => usage,
            (None, Some(cost)) => Usage { cost_usd: Some(cost), cost_basis: CostBasis::Estimated, ..usage },
            (None, None) => Usage { cost_basis: CostBasis::Unknown, ..usage },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_table_is_one_and_has_a_date() {
        let prices = Prices::with(&BTreeMap::new());
        assert!(prices.date.parse::<jiff::civil::Date>().is_ok(), "{}", prices.date);
        assert!(prices.models.len() > 10);
        let sane = |p: &Price| p.input > 0.0 && p.output >= p.input && p.cache_read < p.input;
        assert!(prices.models.values().all(sane));
    }

    #[test]
    fn a_name_is_found_with_provider_and_date_and_another_model_is_not_taken_for_it() {
        let price = |input| Price { input, output: input * 5.0, cache_read: input / 10.0, cache_write: None };
        let models = [("m-4", price(1.0)), ("m-4-mini", price(0.5))];
        let models = models.into_iter().map(|(name, price)| (name.to_owned(), price)).collect();
        let prices = Prices { date: "2026-11-20".into(), models };
        let input = |model: &str| prices.of(model).map(|price| price.input);
        assert_eq!(input("m-4"), Some(1.0));
        assert_eq!(input("provider/m-4-20260501"), Some(1.0));
        assert_eq!(input("m-4-latest"), Some(1.0));
        assert_eq!(input("m-4[1m]"), Some(1.0));
        assert_eq!(input("m-4-mini-2026-05-01"), Some(0.5));
        assert_eq!(input("m-4-nano"), None, "another model");
        assert_eq!(input("m-41"), None);
        assert_eq!(input("other"), None);
    }

    #[test]
    fn an_unknown_price_is_unknown_and_nothing_costs_nothing() {
        let prices = Prices::with(&BTreeMap::new());
        let used = Usage { input_tokens: 10, ..Usage::default() };
        assert_eq!(prices.cost(Some("nobody-knows-it"), &used), None);
        assert_eq!(prices.cost(None, &used), None);
        assert_eq!(prices.cost(None, &Usage::default()), Some(0.0));
        assert_eq!(prices.priced(Some("nobody-knows-it"), used).cost_usd, None);
    }
}
