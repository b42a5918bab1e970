//! The built-in scripted agent: a real process that speaks ACP and does what the prompt says.
