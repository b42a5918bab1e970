// What the official SDK lists and reads, as one JSON object on stdout:
// {sessions: [...], messages: {id: [...]}, subagents: {id: {agent: [...]}}, milliseconds}.
// `node sdk.mjs SDK_FOLDER list|all`; the corpus is named by CLAUDE_CONFIG_DIR.
import { join } from "node:path";

const [folder, what] = process.argv.slice(2);
const sdk = await import(join(folder, "sdk.mjs"));
// What is timed is the second call: the program is warm and the files are in the page cache.
if (what === "list") await sdk.listSessions();
const begun = performance.now();
const sessions = await sdk.listSessions();
const milliseconds = performance.now() - begun;
const [messages, subagents] = [{}, {}];
if (what === "all") {
  for (const { sessionId } of sessions) {
    messages[sessionId] = await sdk.getSessionMessages(sessionId);
    subagents[sessionId] = {};
    for (const agent of await sdk.listSubagents(sessionId)) {
      subagents[sessionId][agent] = await sdk.getSubagentMessages(sessionId, agent);
    }
  }
}
process.stdout.write(JSON.stringify({ sessions, messages, subagents, milliseconds }));
