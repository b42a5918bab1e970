//! What a call of the model used. The program computes costs from its own table of prices; a
//! model without one costs nothing there, which is not known here.

use serde_json::Value;
use tenure_event::{CostBasis, Usage};

use super::field;
use crate::json::f64_at;

/// Reads a usage; nothing if it counts nothing.
pub(super) fn read(usage: &Value) -> Option<Usage> {
    let count = |key| field::count(usage, key).unwrap_or_default();
    let cost = f64_at(usage, &["cost", "total"]).filter(|cost| cost.is_finite() && *cost > 0.0);
    let by_provider = usage.get("cost").is_some_and(|cost| field::flag(cost, "totalFromProvider"));
    let read = Usage {
        input_tokens: count("input"),
        output_tokens: count("output"),
        reasoning_tokens: count("reasoning"),
        cache_read_tokens: count("cacheRead"),
        cache_write_tokens: count("cacheWrite"),
        cost_usd: cost,
        cost_basis: match cost {
            None => CostBasis::Unknown,
            Some(_) if by_provider => CostBasis::Reported,
            Some(_) => CostBasis::Estimated,
        },
    };
    (read.tokens() > 0 || read.cost_usd.is_some()).then_some(read)
}

/// Adds a call to what a turn used.
pub(super) fn add(total: &mut Option<Usage>, call: Usage) {
    match total {
        Some(total) => total.add(&call),
        None => *total = Some(call),
    }
}
