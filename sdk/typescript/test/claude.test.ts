/** A real agent: Claude Code against a scripted model, over a daemon that is killed while a tool waits for its answer. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

import { isDurable } from "tenure";

import { TestDaemon, claude } from "./support/daemon.js";

const scratch = mkdtempSync(join(tmpdir(), "tenure-ts-claude-"));
const agent = await claude(scratch);
after(() => {
  agent?.end();
  rmSync(scratch, { recursive: true, force: true });
});

describe("Claude Code", { skip: agent === undefined && "it is not installed: cargo xtask install-agents" }, () => {
  const daemon = new TestDaemon(agent?.config);
  const tenure = daemon.client();

  it("asks for a tool, is allowed after the daemon was killed, and says what it said", async () => {
    const cwd = daemon.workdir();
    const session = await tenure.sessions.create({ agent: "claude", cwd, wait: "live" });
    const tool = { tools: [{ name: "Bash", input: { command: "echo made > made.txt", description: "makes a file" } }] };
    const prompt = `Please. @@${JSON.stringify([tool, { text: "It is made." }])}@@`;
    let text = "";
    const tools: string[] = [];
    const result = await session.send(prompt, {
      onText: (piece) => (text += piece),
      onTool: (tool, phase) => tools.push(`${phase} ${tool.tool}`),
      onAsk: (ask) => {
        assert.equal(ask.tool, "Bash");
        daemon.kill9();
        return "allow";
      },
    });
    assert.equal(result.outcome, "completed", JSON.stringify(result.error));
    assert.equal(text, "It is made.");
    assert.deepEqual(tools, ["started Bash", "completed Bash"]);
    assert.equal(await session.files.text("made.txt"), "made\n");
    const seqs: number[] = [];
    for await (const event of session.follow()) {
      if (isDurable(event)) seqs.push(event.seq);
      if (event.type === "turn.completed") break;
    }
    assert.deepEqual(seqs, seqs.map((_, i) => i + 1));
    writeFileSync(join(cwd, "more"), "");
    const second = await session.send(`And? @@${JSON.stringify([{ text: "That is all." }])}@@`);
    assert.equal(second.text, "That is all.");
  });
});
