//! What `/help` says.

/// The script language in a few lines.
pub(crate) const SHORT: &str = "\
I am the scripted agent: I do what a script in the prompt says, so that clients can be tried without a model. \
A script is a JSON array between @@[ and ]@@, one step per element, for example:

@@[{\"think\": \"Let me see.\"}, {\"tool\": \"List files\", \"output\": \"a.txt\"}, {\"ask\": \"Delete a.txt?\"}, {\"text\": \"Done.\"}]@@

Some steps: text, think, tool, read, write, ask, plan, usage, title, sleep_ms, gate, fork, flood, exit, stop, error. \
The documentation of the crate tenure-scripted lists them all. Without a script I say back what you said.";
