//! The labels, and who dies there. A test holds the table against the code.

/// Who passes a label, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// The daemon, while it works.
    Work,
    /// The daemon, while it starts and takes up what was there.
    Start,
    /// A shim.
    Shim,
}

/// One point of the code.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) name: &'static str,
    pub(super) who: Who,
    /// The first, or a later passage up to this one.
    pub(super) up_to: u64,
}

macro_rules! labels {
    ($($who:ident { $($name:literal up to $n:literal,)* })*) => {
        /// All of them.
        pub(super) const ALL: &[Label] = &[$($(Label { name: $name, who: Who::$who, up_to: $n },)*)*];
    };
}

labels! {
    Work {
        "spool.before_read" up to 30,
        "spool.read" up to 30,
        "spool.stored" up to 30,
        "commit.before" up to 30,
        "log.begun" up to 30,
        "log.events" up to 30,
        "log.row" up to 60,
        "log.applied" up to 30,
        "log.committed" up to 30,
        "log.rung" up to 30,
        "log.answered" up to 30,
        "commit.after" up to 30,
        "command.before" up to 8,
        "command.after" up to 8,
        "link.written" up to 8,
        "link.heard" up to 30,
        "act.before" up to 3,
        "act.after" up to 3,
        "reply.before" up to 10,
        "reply.after" up to 10,
        "create.directory" up to 2,
        "create.private" up to 2,
        "create.stored" up to 2,
        "create.replied" up to 2,
        "start.before_record" up to 2,
        "start.recorded" up to 2,
        "start.spawned" up to 2,
        "start.told" up to 2,
        "start.heard" up to 2,
        "start.joined" up to 2,
        "exit.before" up to 2,
        "exit.stored" up to 2,
        "destroy.stored" up to 2,
        "destroy.erased" up to 2,
        "checkpoint.pack_written" up to 2,
        "checkpoint.pack_kept" up to 2,
        "checkpoint.tree_kept" up to 3,
        "checkpoint.by_hand" up to 2,
        "checkpoint.taken" up to 2,
        "checkpoint.stored" up to 2,
        "rewind.guarded" up to 2,
        "rewind.written_down" up to 2,
        "rewind.beside" up to 8,
        "rewind.step" up to 15,
        "rewind.all_steps" up to 2,
        "rewind.carried_out" up to 2,
        "rewind.made" up to 2,
        "rewind.stored" up to 2,
        "fork.marked" up to 1,
        "fork.copied" up to 1,
        "fork.born" up to 1,
        "fork.telling" up to 1,
        "fork.told" up to 1,
        "fork.known" up to 1,
        "worktree.written_down" up to 1,
        "worktree.branched" up to 1,
        "worktree.added" up to 1,
        "merge.locked" up to 2,
        "merge.written_down" up to 2,
        "merge.files" up to 2,
        "merge.moved" up to 2,
        "merge.index" up to 2,
        "merge.settled" up to 2,
        "merge.committed" up to 1,
        "discard.written_down" up to 1,
        "discard.taken_away" up to 1,
        "discard.forgotten" up to 1,
        "discard.branch_gone" up to 1,
        "limit.paused" up to 1,
        "limit.raised" up to 1,
    }
    Start {
        "up.locked" up to 1,
        "up.log_open" up to 1,
        "up.waking" up to 4,
        "up.woken" up to 1,
        "up.told" up to 1,
        "attach.before" up to 3,
        "attach.found" up to 3,
        "attach.joined" up to 3,
        "attach.announced" up to 3,
        "replay.rebuilding" up to 1,
        "spool.before_read" up to 4,
        "spool.read" up to 4,
        "spool.stored" up to 4,
        "log.row" up to 12,
        "log.applied" up to 4,
        "log.committed" up to 4,
        "leftovers.unborn" up to 1,
        "leftovers.destroyed" up to 1,
    }
    Shim {
        "shim.locked" up to 1,
        "shim.agent_started" up to 1,
        "shim.written_down" up to 1,
        "shim.reported" up to 1,
        "shim.read" up to 10,
        "shim.spooled" up to 10,
        "shim.told" up to 20,
        "shim.command_taken" up to 3,
        "shim.command_written" up to 3,
        "shim.agent_ended" up to 1,
        "shim.exit_recorded" up to 1,
    }
}
