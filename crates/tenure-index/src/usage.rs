//! Counting tokens and what they cost. What several conversations carry along, because one was forked from another, is
//! counted once, for the one that had it first.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params_from_iter;
use tenure_event::{CostBasis, Timestamp, Usage};

use crate::list::Conditions;
use crate::{IndexError, Looker, Prices};

/// What the rows are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A day, in the time zone that was asked for.
    Day,
    /// A model.
    Model,
    /// A project.
    Project,
    /// An agent.
    Agent,
    /// A conversation, as `AGENT/NATIVE_ID`.
    Conversation,
}

/// What to count. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageWant {
    /// A row for each of these.
    pub by: By,
    /// Of this agent.
    pub agent: Option<String>,
    /// Of any of these projects.
    pub projects: Vec<String>,
    /// Of conversations that worked in any of these directories.
    pub cwds: Vec<String>,
    /// Of this model.
    pub model: Option<String>,
    /// Used at this time or later.
    pub since: Option<Timestamp>,
    /// Used before this time.
    pub until: Option<Timestamp>,
    /// Seconds east of UTC at which days begin.
    pub offset_seconds: i32,
}

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageRow {
    /// The day (`2026-11-20`), model, project, agent or conversation; none for what has none.
    pub key: Option<String>,
    /// Calls of a model.
    pub calls: u64,
    /// Tokens, and the whole cost where all of it is known.
    pub usage: Usage,
    /// What is known of the cost, in US dollars.
    pub known_cost_usd: f64,
    /// Models whose price is not known, so that the cost is not either.
    pub unpriced: Vec<String>,
}

/// What all rows come to.
pub type UsageTotal = UsageRow;

#[derive(Default)]
struct Sum {
    calls: u64,
    usage: Usage,
    known: f64,
    estimated: bool,
    unpriced: BTreeSet<String>,
}

impl Looker {
    /// Rows by their key, days oldest first, all others by tokens; and their sum.
    ///
    /// # Errors
    /// The database fails.
    pub fn usage(
        &self,
        want: &UsageWant,
        prices: &Prices,
    ) -> Result<(Vec<UsageRow>, UsageTotal), IndexError> {
        let key = match want.by {
            By::Day => format!("date(u.ts_ms / 1000 + {}, 'unixepoch')", want.offset_seconds),
            By::Model => "u.model".to_owned(),
            By::Project => "c.project".to_owned(),
            By::Agent => "u.agent".to_owned(),
            By::Conversation => "u.agent || '/' || c.native_id".to_owned(),
        };
        let conditions = narrow(want);
        let sql = format!(
            "SELECT {key} AS key, u.model, u.cost_usd IS NOT NULL, count(*), sum(u.input), sum(u.output), sum(u.reasoning),
                 sum(u.cache_read), sum(u.cache_write), sum(u.cost_usd)
             FROM counted u JOIN conversations c ON c.id = u.conversation
             WHERE NOT EXISTS (SELECT 1 FROM counted first JOIN conversations f ON f.id = first.conversation
                 WHERE first.agent = u.agent AND first.key = u.key AND first.conversation <> u.conversation
                     AND (json_extract(f.entry, '$.created_at'), f.id) < (json_extract(c.entry, '$.created_at'), c.id)){}
             GROUP BY 1, 2, 3",
            conditions.sql
        );
        let mut select = self.db.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(conditions.values))?;
        let (mut sums, mut total) = (BTreeMap::<Option<String>, Sum>::new(), Sum::default());
        while let Some(row) = rows.next()? {
            let tokens = |at: usize| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
            let usage = Usage {
                input_tokens: tokens(4)?,
                output_tokens: tokens(5)?,
                reasoning_tokens: tokens(6)?,
                cache_read_tokens: tokens(7)?,
                cache_write_tokens: tokens(8)?,
                cost_usd: row.get(9)?,
                cost_basis: CostBasis::Reported,
            };
            let model: Option<String> = row.get(1)?;
            let usage = prices.priced(model.as_deref(), usage);
            for sum in [sums.entry(row.get(0)?).or_default(), &mut total] {
                sum.add(tokens(3)?, model.as_deref(), &usage);
            }
        }
        let mut rows: Vec<UsageRow> = sums.into_iter().map(|(key, sum)| sum.row(key)).collect();
        if want.by != By::Day {
            rows.sort_by_key(|row| std::cmp::Reverse(row.usage.tokens()));
        }
        Ok((rows, total.row(None)))
    }
}

fn narrow(want: &UsageWant) -> Conditions {
    let mut conditions = Conditions::default();
    for (condition, value) in [("u.agent = ?", &want.agent), ("u.model = ?", &want.model)] {
        if let Some(value) = value {
            conditions.and(condition, value.clone());
        }
    }
    conditions.any("c.cwd", &want.cwds);
    conditions.any("c.project", &want.projects);
    if let Some(since) = want.since {
        conditions.and("u.ts_ms >= ?", since.as_millis());
    }
    if let Some(until) = want.until {
        conditions.and("u.ts_ms < ?", until.as_millis());
    }
    conditions
}

impl Sum {
    fn add(&mut self, calls: u64, model: Option<&str>, usage: &Usage) {
        self.calls += calls;
        self.usage.add(usage);
        match usage.cost_usd {
            Some(cost) => self.known += cost,
            None => {
                self.unpriced.insert(model.unwrap_or("unknown").to_owned());
            }
        }
        self.estimated |= usage.cost_basis == CostBasis::Estimated;
    }

    fn row(self, key: Option<String>) -> UsageRow {
        let mut usage = self.usage;
        let whole = self.unpriced.is_empty();
        usage.cost_usd = whole.then_some(self.known);
        usage.cost_basis = match (whole, self.estimated) {
            (false, _) => CostBasis::Unknown,
            (true, true) => CostBasis::Estimated,
            (true, false) => CostBasis::Reported,
        };
        UsageRow {
            key,
            calls: self.calls,
            usage,
            known_cost_usd: self.known,
            unpriced: self.unpriced.into_iter().collect(),
        }
    }
}
