//! Counts how often a fault with `times` has happened. One of the two things that the endpoint remembers: a
//! failed call leaves no trace in the conversation that could be counted instead.

use std::collections::HashMap;
use std::sync::Mutex;

/// The faults so far, by script and step. Two conversations with the very same script share their counts.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<(String, usize), u32>>);

impl Faults {
    /// Whether the fault of step `index` happens once more; if so it is counted.
    pub(crate) fn strikes(&self, script: &str, index: usize, times: Option<u32>) -> bool {
        let Some(times) = times else { return true };
        let mut counts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = counts.entry((script.to_owned(), index)).or_default();
        let strikes = *count < times;
        *count += u32::from(strikes);
        strikes
    }
}
