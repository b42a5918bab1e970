//! One codec per agent protocol: agent lines to signals, commands to agent lines.
