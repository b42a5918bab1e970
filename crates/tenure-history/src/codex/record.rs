//! A rollout's lines: their members by name.

use crate::fields::record;

record!(
    /// One line. Old ones have no payload and are it themselves.
    Line { kind: "type", at: "timestamp", payload: "payload", metadata: "metadata", id: "id" }
);
record!(
    /// What stands in a line, whatever its kind.
    Payload {
        kind: "type", id: "id", role: "role", content: "content", summary: "summary", name: "name", arguments: "arguments",
        input: "input", call: "call_id", output: "output", action: "action", cwd: "cwd", model: "model", item: "item",
        passed: "internal_chat_message_metadata_passthrough", info: "info", usage: "usage", response: "response_id",
        message: "message", status: "status", success: "success", aggregated: "aggregated_output",
        exit_code: "exit_code", result: "result", stderr: "stderr", stdout: "stdout", turns: "num_turns",
        namespace: "namespace",
    }
);
record!(
    /// The first line.
    Meta {
        id: "id", at: "timestamp", cwd: "cwd", version: "cli_version", git: "git", forked: "forked_from_id", base: "history_base",
        source: "source", parent: "parent_thread_id", originator: "originator",
    }
);
record!(
    /// The repository, and where a fork's base ends.
    Inside { branch: "branch", thread: "thread_id", end: "end_byte_offset", kinds: "content_item_kinds", compaction: "compaction_output" }
);
record!(
    /// Token counts.
    Counts { last: "last_token_usage", total: "total_token_usage" }
);
