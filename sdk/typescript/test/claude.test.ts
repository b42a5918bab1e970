/** A real agent: Claude Code against a scripted model, over a daemon that is killed while a tool waits for its answer. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { isDurable, isTenureError } from "tenure";
import { createApi } from "tenure/dialects/api";

import { TestDaemon, claude, first, kind } from "./support/daemon.js";

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

  it("is forked at a turn, rewound, and continued by the api dialect when only the program knows the conversation", async () => {
    const api = createApi({ tenure });
    const cwd = daemon.workdir();
    const session = await tenure.sessions.create({ agent: "claude", cwd, input: `One? @@${JSON.stringify([{ text: "First." }])}@@`, wait: "finished" });
    const [, answer] = (await session.messages()).items;
    await session.send(`Two? @@${JSON.stringify([{ text: "Second." }])}@@`);
    const fork = await session.fork({ at: { message: answer?.id ?? "" }, title: "a fork" });
    const third = `Three? @@${JSON.stringify([{ text: "Third." }])}@@`;
    assert.equal((await fork.send(third)).text, "Third.");
    const texts = async (of: typeof session) => (await of.messages()).items.filter((m) => m.role === "assistant").map((m) => m.text);
    assert.deepEqual([await texts(session), await texts(fork)], [["First.", "Second."], ["First.", "Third."]]);
    assert.equal((await fork.get()).parent?.session_id, session.id);
    await session.rewind({ to: { message: answer?.id ?? "" }, scope: "conversation" });
    assert.deepEqual(await texts(session), ["First."]);
    assert.deepEqual((await session.messages({ branch: "all" })).items.filter((m) => m.role === "assistant").length, 2);

    const native = (await fork.get()).native_id ?? assert.fail();
    for (const one of [session, fork]) await one.destroy();
    await tenure.history.index({ wait_ms: 30_000 });
    const project = (await api.listProjects()).find((one) => one.path === cwd) ?? assert.fail();
    assert.ok(project.sessions.includes(native));
    assert.equal((await api.loadSessionHistory(native, project.id)).at(-1)?.content, "Third.");
    await api.resumeClaudeCode(cwd, native, `Four? @@${JSON.stringify([{ text: "Fourth." }])}@@`);
    const [running] = (await api.listRunningClaudeSessions()).filter((one) => one.project_path === cwd);
    assert.ok(running && running.memory_mb > 10, "the process is measured");
    await first(tenure.session(running.session_id).follow(), kind("turn.completed"));
    await tenure.history.index({ wait_ms: 30_000 });
    const said = (await api.loadSessionHistory(running.session_id, project.id)).filter((row) => row.role === "assistant");
    assert.deepEqual(said.map((row) => row.content), ["First.", "Third.", "Fourth."], "what was said before it was taken up, too");
    const shown = (await tenure.session(running.session_id).messages()).items;
    assert.deepEqual(shown.map((m) => m.origin ?? "ours"), ["native", "native", "native", "native", "ours", "ours"]);
    const row = (await api.getProjectSessions(project.id)).find((one) => one.id === running.session_id);
    assert.match(row?.first_message ?? "", /^One\?/);
    await api.cancelClaudeExecution(running.session_id);
    await tenure.session(running.session_id).destroy();
    await tenure.history.index({ wait_ms: 30_000 });
    await api.continueClaudeCode(cwd, `Five? @@${JSON.stringify([{ text: "Fifth." }])}@@`);
    const [again] = (await api.listRunningClaudeSessions()).filter((one) => one.project_path === cwd);
    const ids = again && (await tenure.sessions.get(again.session_id)).native_id;
    assert.equal(ids, native);
  });

  it("has tool servers that are set, told, disabled, enabled, connected again and taken away", async () => {
    const session = await tenure.sessions.create({ agent: "claude", cwd: daemon.workdir(), wait: "live" });
    const mine = async () => (await session.mcp.list()).find((server) => server.name === "mine");
    const args = [fileURLToPath(new URL("../../conformance/tools.mjs", import.meta.url))];
    const set = await session.mcp.set({ mcp_servers: [{ name: "mine", type: "stdio", command: process.execPath, args }] });
    assert.deepEqual(set, { added: ["mine"], removed: [], errors: {} });
    const told = await mine();
    assert.deepEqual([told?.status, told?.tools], ["connected", ["echo"]]);
    await session.mcp.disable("mine");
    assert.equal((await mine())?.status, "disabled");
    await session.mcp.enable("mine");
    await session.mcp.reconnect("mine");
    assert.equal((await mine())?.status, "connected");
    await assert.rejects(session.mcp.reconnect("nobody"), (e) => isTenureError(e, "not_found"));
    assert.deepEqual((await session.mcp.set({ mcp_servers: [] })).removed, ["mine"]);
    assert.equal(await mine(), undefined);
    await session.close();
  });
});
