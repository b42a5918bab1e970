//! Which calls are made to fail: classes of calls by program and file, and within a class the n-th call with an error.
//! How a call is made to fail is not known here.

use std::fmt;

use super::super::dice::Dice;

/// Calls that belong together: what they do, and to which files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) name: &'static str,
    pub(super) calls: &'static str,
    /// Relative to the home; empty for all files whatever. `$` is the daemon's process id.
    pub(super) files: &'static [&'static str],
    pub(super) errors: &'static [&'static str],
}

const LOG: &[&str] = &["tenure.db", "tenure.db-wal", "tenure.db-shm", "tenure.db-journal"];
const HOME: &[&str] = &[
    "lock",
    "token",
    "token.new-$",
    "daemon.json",
    "daemon.new-$",
    "sessions",
    "sessions/s0",
    "sessions/s0/blobs",
    "sessions/s0/private.tmp",
    "sessions/s0/private.json",
    "sessions/s0/start-1.tmp",
    "sessions/s0/start-2.tmp",
    "sessions/s0/start-1.json",
    "sessions/s0/start-2.json",
    "sessions/s0/handshake.tmp",
    "sessions/s0/handshake.json",
];
const SHIM: &[&str] = &[
    "sessions/s0/g1",
    "sessions/s0/g1/shim.log",
    "sessions/s0/g1/shim.json",
    "sessions/s0/g1/shim.part",
    "sessions/s0/g1/exit.part",
    "sessions/s0/g1/exit.json",
    "sessions/s0/g1/lock",
    "sessions/s0/g1/spool",
    "sessions/s0/g1/spool/00000000000000000000.seg",
    "sessions/s0/g2",
    "sessions/s0/g2/shim.part",
    "sessions/s0/g2/exit.part",
    "sessions/s0/g2/spool/00000000000000000000.seg",
];
const SPOOL: &[&str] = &[
    "sessions/s0/g1/spool/00000000000000000000.seg",
    "sessions/s0/g1/stderr.0",
    "sessions/s0/g2/spool/00000000000000000000.seg",
    "sessions/s0/g2/stderr.0",
];

/// All classes. Names of blobs cannot be known: the classes without files have them.
pub(super) const CLASSES: &[Class] = &[
    Class {
        name: "log: write",
        calls: "pwrite64,write,ftruncate,fallocate",
        files: LOG,
        errors: &["ENOSPC", "EIO"],
    },
    Class { name: "log: flush", calls: "fsync,fdatasync", files: LOG, errors: &["ENOSPC", "EIO"] },
    Class { name: "log: open, unlink", calls: "openat,unlink", files: LOG, errors: &["EIO", "EROFS"] },
    Class { name: "log: read", calls: "pread64,read", files: LOG, errors: &["EIO"] },
    Class { name: "any flush", calls: "fsync,fdatasync", files: &[], errors: &["ENOSPC", "EIO"] },
    Class {
        name: "any rename, link",
        calls: "rename,renameat,renameat2,link,linkat",
        files: &[],
        errors: &["ENOSPC", "EIO", "EROFS"],
    },
    Class { name: "home: write", calls: "write", files: HOME, errors: &["ENOSPC", "EIO"] },
    Class {
        name: "home: open, mkdir",
        calls: "openat,mkdir,unlink,chmod,ftruncate",
        files: HOME,
        errors: &["ENOSPC", "EIO", "EROFS"],
    },
    Class { name: "spool: write", calls: "pwrite64", files: SPOOL, errors: &["ENOSPC", "EIO"] },
    Class {
        name: "shim: write, size",
        calls: "write,pwrite64,fallocate,ftruncate",
        files: SHIM,
        errors: &["ENOSPC", "EIO"],
    },
    Class {
        name: "shim: open, mkdir",
        calls: "openat,mkdir,mkdirat,unlinkat,renameat",
        files: SHIM,
        errors: &["ENOSPC", "EIO", "EROFS"],
    },
];

/// One trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub(super) class: &'static Class,
    pub(super) error: &'static str,
    /// The first call of a thread that fails, from 1.
    pub(super) nth: u32,
    /// It goes on failing until the fault is lifted; else it fails once.
    pub(super) lasting: bool,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { class, error, nth, lasting } = self;
        let how = if *lasting { "from call" } else { "at call" };
        write!(out, "{}, {error} {how} {nth}", class.name)
    }
}

/// Every case, given how many calls of each class the busiest thread of an unhurt life makes; in random order.
pub(super) fn cases(calls: &[u32], dice: &mut Dice) -> Vec<Case> {
    let mut cases = Vec::new();
    for (class, most) in CLASSES.iter().zip(calls) {
        for error in class.errors {
            for nth in 1..=*most {
                cases.extend([false, true].map(|lasting| Case { class, error, nth, lasting }));
            }
        }
    }
    for at in (1..cases.len()).rev() {
        let other = usize::try_from(dice.below(at as u64 + 1)).unwrap_or(0);
        cases.swap(at, other);
    }
    cases
}

/// A few cases of each class: so many rounds over all classes, the cheap ones as often as the many-called ones.
pub(super) fn fair(cases: Vec<Case>) -> Vec<Case> {
    let mut by_class: Vec<Vec<Case>> = CLASSES.iter().map(|_| Vec::new()).collect();
    for case in cases {
        if let Some(at) = CLASSES.iter().position(|class| class == case.class) {
            by_class[at].push(case);
        }
    }
    let most = by_class.iter().map(Vec::len).max().unwrap_or(0);
    (0..most)
        .flat_map(|n| by_class.iter().filter_map(move |of| of.get(n).copied()).collect::<Vec<_>>())
        .collect()
}
