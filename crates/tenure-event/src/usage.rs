//! Counted tokens and what they cost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a cost figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostBasis {
    /// The agent said so.
    Reported,
    /// Computed from a price table.
    Estimated,
    /// Not known; never shown as zero.
    #[default]
    Unknown,
}

/// Tokens by kind and their cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Tokens sent to the model, without cached ones.
    #[serde(default)]
    pub input_tokens: u64,
    /// Tokens that the model wrote.
    #[serde(default)]
    pub output_tokens: u64,
    /// Of these, tokens of reasoning, where told.
    #[serde(default)]
    pub reasoning_tokens: u64,
    /// Tokens read from the provider's cache.
    #[serde(default)]
    pub cache_read_tokens: u64,
    /// Tokens written to the provider's cache.
    #[serde(default)]
    pub cache_write_tokens: u64,
    /// Cost in US dollars, absent when not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Where the cost comes from.
    #[serde(default)]
    pub cost_basis: CostBasis,
}

impl Usage {
    /// Adds another count. A cost stays known only while every addend's cost is known
    /// or the addend counted nothing.
    pub fn add(&mut self, other: &Self) {
        let was_empty = self.tokens() == 0 && self.cost_usd.is_none();
        let other_empty = other.tokens() == 0 && other.cost_usd.is_none();
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        if other_empty {
            return;
        }
        match (self.cost_usd, other.cost_usd) {
            (Some(a), Some(b)) => self.cost_usd = Some(a + b),
            (None, Some(b)) if was_empty => (self.cost_usd, self.cost_basis) = (Some(b), other.cost_basis),
            _ => (self.cost_usd, self.cost_basis) = (None, CostBasis::Unknown),
        }
    }

    /// Tokens that went through the context window: sent, written, and taken from or put into the provider's cache.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.input_tokens
            .saturating_add(self.output_tokens)
            .saturating_add(self.cache_read_tokens)
            .saturating_add(self.cache_write_tokens)
    }
}

/// Use of the model's context window, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContextUse {
    /// Tokens in the window now.
    pub used: u64,
    /// Size of the window, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}
