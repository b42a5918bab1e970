// What Pi's own session manager lists and replays, as one JSON object on stdout:
// {sessions: [...], messages: {id: [...]}}.
// `node pi.mjs PI_FOLDER`; the files are named by PI_CODING_AGENT_DIR. Opening one may rewrite it, so give it a copy.
import { join } from "node:path";

const [folder] = process.argv.slice(2);
const { SessionManager } = await import(join(folder, "dist/bundle/index.js"));
const sessions = await SessionManager.listAll();
const messages = {};
for (const { id, path } of sessions) {
  messages[id] = SessionManager.open(path).buildSessionContext().messages;
}
process.stdout.write(JSON.stringify({ sessions, messages }));
