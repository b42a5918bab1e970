//! What a tool does, in a word, by the names that several agents share. An agent with names of its own has its
//! own list.

use tenure_event::ToolKind;

/// By the tool's name.
pub(crate) fn kind(tool: &str) -> ToolKind {
    match tool {
        "bash" | "shell" | "execute" => ToolKind::Execute,
        "read" | "list" | "view_image" => ToolKind::Read,
        "edit" | "write" | "patch" | "apply_patch" | "multiedit" | "text_editor" => ToolKind::Edit,
        "glob" | "grep" | "codesearch" | "websearch" | "tree" => ToolKind::Search,
        "webfetch" => ToolKind::Fetch,
        "task" | "todowrite" | "todoread" | "subagent" | "delegate" => ToolKind::Think,
        _ => ToolKind::Other,
    }
}
