//! Labelled points in the code at which a process kills itself when a crash test asks for it:
//! `crash_point!("log.begun")`. `cargo xtask crash --labels` goes through all of them.
//!
//! Without the feature `armed` a point is no code at all, and this crate is empty; with it no release build
//! is possible. Points decide nothing and change nothing: a process that is not told to die passes them by.

#[cfg(all(feature = "armed", not(debug_assertions)))]
compile_error!("crash points are for tests; a release build must not have them: leave the feature out");

#[cfg(feature = "armed")]
mod armed;

#[cfg(feature = "armed")]
pub use armed::{VARIABLE, pass};

/// A point at which this process dies if it was ordered to, see the crate's documentation. The label must
/// stand in the table of the crash run.
#[cfg(feature = "armed")]
#[macro_export]
macro_rules! crash_point {
    ($label:literal) => {
        $crate::pass($label)
    };
}

/// A point at which nothing happens: crash points are not built in.
#[cfg(not(feature = "armed"))]
#[macro_export]
macro_rules! crash_point {
    ($label:literal) => {};
}

/// Lets a program that is started with an empty environment have crash points too, if they are built in.
#[inline]
pub fn inherit(command: &mut std::process::Command) {
    #[cfg(feature = "armed")]
    armed::inherit(command);
    #[cfg(not(feature = "armed"))]
    let _ = command;
}
