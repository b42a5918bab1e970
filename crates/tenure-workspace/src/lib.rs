//! The files of a workspace, confined to its root.
