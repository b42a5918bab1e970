/** The handle dialect: what its document's samples do, on the scripted agent. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { isTenureError } from "tenure";
import { type AgentEvent, type Part, type StreamCallbacks, createClient } from "tenure/dialects/handle";

import { TestDaemon, first, kind, script } from "./support/daemon.js";

describe("a session handle", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();
  const client = createClient(tenure);
  const agent = client.agent("scripted");

  it("sends with callbacks and gives the whole result", async () => {
    const session = await agent.createSession({ title: "My Session" });
    const told = { text: "", thought: "", tools: [] as string[], connected: 0 };
    const tool = (how: string) => (part: Part) => void told.tools.push(`${how} ${part.tool} ${part.state?.status}`);
    const prompt = script({ think: "hm" }, { text: "A REST API", chunks: 3 }, { tool: "build" }, { tool: "test", fail: true }, { text: "done" });
    const result = await session.send(prompt, {
      onText: (delta) => (told.text += delta),
      onReasoning: (delta) => (told.thought += delta),
      onToolStart: tool("start"),
      onToolComplete: tool("complete"),
      onToolError: tool("error"),
      onConnect: () => told.connected++,
    });
    assert.equal(result.text, "A REST APIdone");
    assert.equal(told.text, result.text);
    assert.equal(told.thought, "hm");
    assert.equal(told.connected, 1);
    assert.deepEqual(told.tools.map((line) => line.split(" ")[0]), ["start", "complete", "start", "error"]);
    assert.deepEqual(result.parts.map((part) => part.type), ["reasoning", "text", "tool", "tool", "text"]);
    assert.deepEqual([typeof result.messageId, "cost" in result, "error" in result], ["string", false, false]);
    const info = await client.session(session.id).getInfo();
    assert.deepEqual([info.title, info.status, info.id], ["My Session", "idle", session.id]);
    assert.ok(Number.isInteger(info.timeCreated) && info.timeUpdated >= info.timeCreated);
    const metrics = await session.getMetrics();
    assert.deepEqual([metrics.toolCalls, metrics.cost.toFixed(4), metrics.tokens.cache.read], [2, "NaN", 0]);
    const messages = await session.getMessages();
    assert.deepEqual(messages.map((m) => m.info.role).slice(0, 2), ["user", "assistant"]);
    assert.ok(messages.every((m) => m.parts.length > 0 && Number.isInteger(m.info.time.created)));
    await session.end();
    await assert.rejects(session.send("x"), (e) => isTenureError(e, "destroyed"));
    await assert.rejects(session.getInfo(), (e) => isTenureError(e, "not_found"));
  });

  it("streams typed events; the deltas add up over a daemon that is killed", async () => {
    const session = await agent.createSession();
    let text = "";
    let killed = false;
    const types = new Set<AgentEvent["type"]>();
    for await (const event of session.stream(script({ plan: ["one", "two"] }, { numbered: { to: 200, delay_us: 2000 } }))) {
      types.add(event.type);
      if (event.type === "text-delta") text += event.delta;
      if (text.length > 500 && !killed) {
        killed = true;
        daemon.kill9();
      }
      if (event.type === "done") assert.equal(event.result.text, text);
    }
    assert.equal(text.trim().split("\n").length, 200);
    assert.deepEqual([...types], ["todos", "text-delta", "done"]);
    assert.deepEqual((await session.getTodos()).map((todo) => [todo.content, todo.status]), [["one", "pending"], ["two", "pending"]]);
  });

  it("asks for permissions in the loop and in callbacks", async () => {
    const session = await agent.createSession();
    const ask = script({ ask: { title: "install?", then_text_on_allow: "yes", then_text_on_reject: "no" } });
    const replies: string[] = [];
    let done = "";
    for await (const event of session.stream(ask)) {
      if (event.type === "permission-asked") {
        assert.ok(event.request.options.length > 0 && event.request.title === "install?");
        await session.replyToPermission(event.request.id, "once");
      }
      if (event.type === "permission-replied") replies.push(event.reply);
      if (event.type === "done") done = event.result.text;
    }
    assert.deepEqual(replies, ["once"]);
    assert.match(done, /allowed/);
    const denied = await session.send(ask, { onPermission: () => "reject" });
    assert.match(denied.text, /denied/);
    await assert.rejects(session.replyToPermission("x", "maybe" as never), (e) => isTenureError(e, "usage"));
  });

  it("rejects a send at once whose callback fails or gives what is no reply", async () => {
    const session = await agent.createSession();
    const ask = script({ ask: { title: "install?", then_text_on_allow: "yes", then_text_on_reject: "no" } });
    const mine = new Error("mine");
    const failing: [StreamCallbacks, Error | ((error: unknown) => boolean)][] = [
      [{ onPermission: async () => Promise.reject(mine) }, mine],
      [{ onPermission: () => { throw mine; } }, mine],
      [{ onPermission: () => "perhaps" as never }, (e) => isTenureError(e, "usage") && e.field === "reply"],
      [{ onPermission: async (request) => tenure.session(session.id).answer(request.id, { decision: "allow", option_id: "nobody's" }).then(() => undefined) }, (e) => isTenureError(e, "invalid")],
      [{ onConnect: async () => Promise.reject(mine) }, mine],
    ];
    for (const [callbacks, expected] of failing) {
      await assert.rejects(session.send(ask, callbacks), expected);
      await first(tenure.session(session.id).follow(), kind("ask.opened"));
      await session.abort();
    }
    await assert.rejects(session.send(script({ text: "a" }, { gate: "never" }), { onText: () => Promise.reject(mine) }), mine);
    await session.abort();
    await assert.rejects(session.send(undefined as never), (e) => isTenureError(e, "usage") && e.field === "input");
    await assert.rejects(session.update(undefined as never), (e) => isTenureError(e, "usage") && e.field === "opts");
  });

  it("has a sandbox whose directory is /workspace", async () => {
    const session = await client.agent({ agent: "scripted", artifactTool: true }).createSession();
    const result = await session.shell("mkdir -p /workspace/src && echo 'x' > /workspace/src/index.ts; cat src/index.ts; pwd >&2; exit 2");
    assert.deepEqual([result.stdout, result.exitCode], ["x\n", 2]);
    assert.equal(await session.getFile("/workspace/src/index.ts"), "x\n");
    assert.equal((await session.shell("ls", { cwd: "/workspace/src" })).stdout, "index.ts\n");
    const buffer = await session.getFileBuffer("/workspace/src/index.ts");
    assert.ok(buffer instanceof ArrayBuffer && buffer.byteLength === 2);
    assert.equal((await session.shell("sleep 20", { timeout: 100 })).exitCode, 124);
    assert.equal((await session.shell("kill -9 $$")).exitCode, 137);
    await tenure.session(session.id).artifacts.keep("report", { path: "src/index.ts" });
    assert.equal(await session.getArtifact("report"), "x\n");
    assert.equal((await session.getArtifactBuffer("report")).byteLength, 2);
    await assert.rejects(session.getFile("/etc/passwd"), (e) => isTenureError(e, "forbidden"));
    await session.end();
  });

  it("aborts, leaves, updates, runs commands, and refuses what the agent cannot do", async () => {
    const session = await agent.createSession();
    for await (const event of session.stream(script({ text: "a" }, { gate: "never" }))) if (event.type === "text-delta") break;
    assert.equal((await session.getInfo()).status, "busy");
    await session.abort();
    const info = await session.getInfo();
    assert.deepEqual([info.status, typeof info.title], ["idle", "string"]);
    const failed = await session.send(script({ error: "it broke" }));
    assert.match(JSON.stringify(failed.error), /it broke/);
    assert.equal((await session.getInfo()).status, "error");
    assert.equal(await session.runCommand("echo", "words"), "words");
    await session.update({ title: "New Title", archived: true });
    assert.equal((await session.getInfo()).title, "New Title");
    const [message] = await session.getMessages();
    const revert = session.revert(message?.info.id ?? "");
    await assert.rejects(revert, (e) => isTenureError(e, "unsupported") && e.agent === "scripted" && !!e.capability);
    await assert.rejects(session.summarize(), (e) => isTenureError(e, "unsupported"));
    await assert.rejects(session.update({ name: "x" } as never), (e) => isTenureError(e, "usage") && e.field === "name");
    const said = await session.send({ parts: [{ type: "text", text: "with a file" }, { type: "file", filename: "a.txt", text: "content" }] });
    assert.match(said.text, /with a file/);
    await assert.rejects(session.send({ parts: [{ type: "sound" } as never] }), (e) => isTenureError(e, "usage"));
  });

  it("gives the raw events after an id", async () => {
    const session = await agent.createSession();
    await session.send("hello");
    const reader = (await session.events("2")).getReader();
    const { value } = await reader.read();
    assert.match(new TextDecoder().decode(value), /^id: 3\nevent: /);
    await reader.cancel();
    await first(tenure.session(session.id).follow(), kind("turn.completed"));
  });
});
