//! How many descriptors this process may open: as many as the system allows, once asked for. What it starts gets the
//! limit back that it began with: there are programs that call `select`, or walk all numbers up to the limit.

use std::io;
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More is never of use here, and some systems allow a thousand times that.
const ENOUGH: u64 = 1 << 20;

/// The soft limit that was found, if it was raised.
static FOUND: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of descriptors to the hard one, or to a million. Gives what holds now; a system that refuses
/// leaves it as it was.
pub fn raise_descriptor_limit() -> u64 {
    let found = getrlimit(Resource::Nofile);
    let soft = found.current.unwrap_or(ENOUGH);
    let wanted = found.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    if wanted <= soft {
        return soft;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: found.maximum })
    {
        tracing::warn!(%error, "the limit of open files stays at {soft}");
        return soft;
    }
    FOUND.get_or_init(|| soft);
    wanted
}

/// The soft limit that children are to have, if it is another than ours.
pub(crate) fn limit_for_children() -> Option<u64> {
    FOUND.get().copied()
}

/// Sets the soft limit of this process, for itself and for what it starts. One system call, so that it may be called
/// between fork and exec.
pub(crate) fn set_soft_limit(soft: u64) -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = maximum.map_or(soft, |hard| soft.min(hard));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum })?)
}
