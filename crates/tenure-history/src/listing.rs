//! A list without an index: every reader scans, every conversation is described, each stands once, the one that was
//! written last comes first.

use std::collections::HashMap;

use crate::{Conversation, Found, ReadError, Reader, Sighting, Warning, WarningKind};

/// Threads that make a list, at most.
const AT_ONCE: usize = 4;
/// Conversations that are worth a thread.
const SHARE: usize = 64;

/// What there is.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Newest first; of equal times the greater id, as Claude Code's own list has it.
    pub items: Vec<Conversation>,
    /// What was left out.
    pub warnings: Vec<Warning>,
}

/// Lists everything that the readers find.
#[must_use]
pub fn list(readers: &[&dyn Reader]) -> Listing {
    let mut listing = Listing::default();
    for reader in readers {
        let (found, warnings) = scan(*reader);
        listing.warnings.extend(warnings);
        for (found, described) in found.iter().zip(describe_all(*reader, &found)) {
            match described {
                Ok(entry) => listing.items.extend(entry),
                Err(error) => {
                    listing.warnings.push(Warning::of(&found.path, WarningKind::Unreadable, error));
                }
            }
        }
    }
    listing.items.sort_by(|a, b| {
        let by_id = || b.native_id.cmp(&a.native_id);
        b.updated_at.cmp(&a.updated_at).then_with(|| a.agent.cmp(&b.agent)).then_with(by_id)
    });
    listing
}

/// Their entries, in the same order. Whoever asks waits for it, so all processors take part.
fn describe_all(reader: &dyn Reader, found: &[Found]) -> Vec<Result<Option<Conversation>, ReadError>> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE);
    let share = found.len().div_ceil(workers).max(SHARE);
    let part = |part: &[Found]| part.iter().map(|found| reader.describe(found)).collect::<Vec<_>>();
    if found.len() <= share {
        return part(found);
    }
    std::thread::scope(|scope| {
        let parts: Vec<_> = found.chunks(share).map(|found| scope.spawn(move || part(found))).collect();
        let join = |part: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
            part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        parts.into_iter().flat_map(join).collect()
    })
}

/// What a reader finds, each conversation once: of two copies the one that was written last.
#[must_use]
pub fn scan(reader: &dyn Reader) -> (Vec<Found>, Vec<Warning>) {
    let (mut all, mut warnings): (Vec<Found>, Vec<Warning>) = (Vec::new(), Vec::new());
    let mut places: HashMap<String, usize> = HashMap::new();
    reader.scan(&mut |sighting| match sighting {
        Sighting::Warning(warning) => warnings.push(warning),
        Sighting::Found(found) => match places.get(&found.native_id) {
            Some(&at) if all[at].modified >= found.modified => {}
            Some(&at) => all[at] = found,
            None => {
                places.insert(found.native_id.clone(), all.len());
                all.push(found);
            }
        },
    });
    (all, warnings)
}
