//! Git worktrees as workspaces: made for a session, shown, merged, discarded.
//!
//! One lies in `workspaces/ID` below the home, beside it `ID.json`: what it belongs to, and what is under way with it.
//! The repository is changed in four places only: its list of worktrees, the branch that was made for one, objects
//! that nothing names yet, and the branch that a merge was asked into, with the files where that branch is checked
//! out. Nobody's index, files or other branches are touched, and no hook runs.
//!
//! Each change is written down before it begins. Whoever finds one that was broken off finishes it or takes it back:
//! every call here begins with that ([`desk::Open`]), and so does the daemon's start ([`recover`]).
//!
//! To make one for a new session: `Node::locate` with `workspace: {worktree: {…}}` does all of it and gives a
//! `Spot::Worktree`; [`make::make`] alone gives a [`make::Made`], which is taken back when it is dropped unless its
//! workspace's row has come into the log by then.
//!
//! It is not for `directory` and `scratch` workspaces, and knows nothing of what sessions do in one.

mod commit;
mod desk;
mod diff;
mod discard;
mod git;
mod index;
mod land;
mod make;
mod merge;
mod record;
mod recover;
mod remove;
mod restore;
mod unsaved;

pub(crate) use desk::{Desk, is_leaving, shown};
pub(crate) use diff::diff;
pub(crate) use discard::{discard, release};
pub(crate) use make::{Made, Wanted, make};
pub(crate) use merge::merge;
pub(crate) use recover::recover;
pub(crate) use remove::take_away;
