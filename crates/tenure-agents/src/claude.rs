//! The codec of Claude Code: stream-json with control requests.
