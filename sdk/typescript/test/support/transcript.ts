/** A conversation as Claude Code leaves it on disk, for tests of what other tools have had. */
import { randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What is in it: by turns what was asked and what was answered. */
export interface Said {
  readonly cwd: string;
  readonly said: readonly string[];
  /** When it began, in milliseconds since 1970. */
  readonly began: number;
}

/** Writes it below a configuration directory of Claude Code, and gives its id. */
export function transcript(root: string, { cwd, said, began }: Said): string {
  const sessionId = randomUUID();
  let parentUuid: string | null = null;
  const lines = said.map((text, at) => {
    const uuid = randomUUID();
    const timestamp = new Date(began + at * 1000).toISOString();
    const common = { parentUuid, isSidechain: false, userType: "external", cwd, sessionId, version: "2.1.0", gitBranch: "", uuid, timestamp };
    parentUuid = uuid;
    if (at % 2 === 0) return { ...common, type: "user", message: { role: "user", content: text } };
    const usage = { input_tokens: 100, output_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    const content = [{ type: "text", text }];
    const message = { id: `msg_${uuid}`, type: "message", role: "assistant", model: "claude-sonnet-4-5", content, stop_reason: "end_turn", usage };
    return { ...common, type: "assistant", message };
  });
  const folder = join(root, "projects", cwd.replace(/[^A-Za-z0-9]/g, "-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${sessionId}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return sessionId;
}
