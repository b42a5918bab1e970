/** The plugin dialect: what its document's samples do, on the scripted agent. */
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { isTenureError } from "tenure";
import { createPlugin } from "tenure/dialects/plugin";

import { TestDaemon, first, kind, script } from "./support/daemon.js";

describe("a plugin", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();
  const told: string[] = [];
  const tell = (level: string) => (message: string) => void told.push(`${level} ${message}`);
  const log = { debug: tell("debug"), info: tell("info"), warn: tell("warn"), error: tell("error") };
  const project = mkdtempSync(join(daemon.scratch, "project-"));
  const { ctx, AgentMC } = createPlugin({
    agent: "scripted",
    cwd: daemon.workdir(),
    projects: { "proj-abc-123": project },
    tenure,
    log,
  });

  it("creates in a project, says more, lists messages, stops and tells each change of the status", async () => {
    const { sessionId } = await ctx.sessions.create({ prompt: script({ gate: "go" }, { text: "first" }), projectId: "proj-abc-123" });
    ctx.log.info(`Created session: ${sessionId}`);
    assert.deepEqual(told, [`info Created session: ${sessionId}`]);
    const session = await tenure.sessions.get(sessionId);
    assert.deepEqual([session.project.id, session.project.path], ["proj-abc-123", project]);
    await first(tenure.session(sessionId).follow(), kind("turn.started"));
    const seen: string[] = [];
    let inside = true;
    const ended = new Promise<void>((resolve) => {
      const unsubscribe = ctx.sessions.onStatusChange(sessionId, (status) => {
        assert.equal(inside, false);
        seen.push(status);
        if (status === "ended") {
          unsubscribe();
          resolve();
        }
      });
      inside = false;
    });
    assert.equal(await ctx.sessions.getStatus(sessionId), "running");
    await tenure.session(sessionId).files.write("go", "");
    await first(tenure.session(sessionId).follow(), kind("turn.completed"));
    assert.equal(await ctx.sessions.getStatus(sessionId), "needs_input");
    await ctx.sessions.sendMessage(sessionId, "second");
    await first(tenure.session(sessionId).follow(), (e) => kind("turn.completed")(e) && e.seq > 12);
    const messages = await ctx.sessions.getMessages(sessionId);
    assert.deepEqual(messages.map((m) => m.role), ["user", "assistant", "user", "assistant"]);
    assert.deepEqual(Object.keys(messages[0] ?? {}), ["id", "role", "text", "timestamp"]);
    await ctx.sessions.stop(sessionId);
    await ended;
    assert.equal(await ctx.sessions.getStatus(sessionId), "ended");
    assert.deepEqual(seen, ["needs_input", "running", "needs_input", "ended"]);
    await ctx.sessions.sendMessage(sessionId, "once more");
    const third = await first(tenure.session(sessionId).follow({ after: messages.length }), (e) => kind("message.completed")(e) && e.data.role === "assistant" && /once more/.test(JSON.stringify(e.data)));
    assert.ok(third);
  });

  it("starts the process without a prompt, waits for answers as `needs_input`, is paused, archived and destroyed", async () => {
    const { sessionId } = await ctx.sessions.create({});
    const session = tenure.session(sessionId);
    await first(session.follow(), kind("process.started"));
    await session.enqueue(script({ ask: "may I?" }));
    await first(session.follow(), (e) => kind("session.activity_changed")(e) && e.data.activity?.state === "waiting");
    assert.equal(await ctx.sessions.getStatus(sessionId), "needs_input");
    await session.interrupt();
    await session.suspend();
    assert.equal(await ctx.sessions.getStatus(sessionId), "paused");
    await session.update({ archived: true });
    assert.equal(await ctx.sessions.getStatus(sessionId), "archived");
    await session.destroy();
    await assert.rejects(ctx.sessions.sendMessage(sessionId, "x"), (e) => isTenureError(e, "destroyed"));
    await assert.rejects(ctx.sessions.getStatus(sessionId), (e) => isTenureError(e, "not_found"));
  });

  it("tells a crash as an error, and a handler that throws to the log", async () => {
    const { sessionId } = await ctx.sessions.create({});
    const session = tenure.session(sessionId);
    const failed = new Promise<void>((resolve) => {
      ctx.sessions.onStatusChange(sessionId, (status) => {
        if (status === "error") resolve();
        throw new Error("a bad handler");
      });
    });
    await ctx.sessions.getStatus(sessionId);
    await ctx.sessions.sendMessage(sessionId, script({ exit: 3 }));
    await failed;
    assert.equal(await ctx.sessions.getStatus(sessionId), "error");
    assert.ok(told.some((line) => /^error .*a bad handler/.test(line)));
    await session.close();
  });

  it("tells the log of a handler whose promise rejects, and calls it again", async () => {
    const { sessionId } = await ctx.sessions.create({});
    const ended = new Promise<void>((resolve) => {
      ctx.sessions.onStatusChange(sessionId, async (status) => {
        if (status === "ended") resolve();
        return Promise.reject(new Error(`a late one: ${status}`));
      });
    });
    await ctx.sessions.getStatus(sessionId);
    await ctx.sessions.sendMessage(sessionId, "hello");
    await first(tenure.session(sessionId).follow(), kind("turn.completed"));
    await ctx.sessions.stop(sessionId);
    await ended;
    await new Promise(setImmediate);
    for (const status of ["running", "ended"]) assert.ok(told.some((line) => line === `error a handler of onStatusChange threw: a late one: ${status}`), status);
  });

  it("has a frontend with its own signatures", async () => {
    const { sessionId } = await AgentMC.session.create({ prompt: "hello" });
    await first(tenure.session(sessionId).follow(), kind("turn.completed"));
    await AgentMC.session.sendMessage(sessionId, { text: "more" });
    await AgentMC.session.rename(sessionId, "Security Audit - Round 2");
    assert.equal((await tenure.sessions.get(sessionId)).title, "Security Audit - Round 2");
    const [row] = await AgentMC.session.getMessages(sessionId);
    assert.deepEqual([row?.role, row?.content], ["user", "hello"]);
    assert.equal(await AgentMC.session.launchWithDraft({ projectId: "proj-abc-123", draftText: "Refactor it." }), undefined);
    const [draft] = (await tenure.sessions.list({ project: "proj-abc-123" })).items;
    assert.deepEqual([draft?.draft, draft?.process ?? null, draft?.first_input ?? null], ["Refactor it.", null, null]);
    await AgentMC.session.stop(sessionId);
    assert.equal(await AgentMC.session.getStatus(sessionId), "ended");
  });

  it("takes a directory that is a project already as that one, and an id that means another directory as a conflict", async () => {
    const [used, other] = [daemon.workdir(), daemon.workdir()];
    const before = (await tenure.sessions.create({ agent: "scripted", cwd: used, start: false })).created?.project;
    const { ctx } = createPlugin({ agent: "scripted", cwd: used, projects: { mine: used, "proj-abc-123": other }, tenure, log });
    const { sessionId } = await ctx.sessions.create({ projectId: "mine" });
    assert.deepEqual((await tenure.sessions.get(sessionId)).project, before);
    await assert.rejects(ctx.sessions.create({ projectId: "proj-abc-123" }), (e) => isTenureError(e, "conflict"));
  });

  it("misses no change that comes right after `onStatusChange`", async () => {
    const { sessionId } = await ctx.sessions.create({});
    await first(tenure.session(sessionId).follow(), (e) => kind("session.activity_changed")(e) && e.data.activity?.state === "idle");
    const seen: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const unsubscribe = ctx.sessions.onStatusChange(sessionId, (status) => {
        seen.push(status);
        if (status !== "ended") return;
        unsubscribe();
        resolve();
      });
    });
    await ctx.sessions.stop(sessionId);
    await ended;
    assert.deepEqual(seen, ["ended"]);
  });

  it("refuses what the other side takes, and what nobody knows, by name", async () => {
    const usage = (name: RegExp) => (e: unknown) => isTenureError(e, "usage") && name.test(e.message);
    await assert.rejects(ctx.sessions.create({ projectId: "proj-x" }), usage(/proj-x/));
    await assert.rejects(AgentMC.session.create({ projectId: "proj-abc-123" } as never), usage(/projectId/));
    await assert.rejects(ctx.sessions.sendMessage("s", { text: "x" } as never), usage(/sendMessage/));
    await assert.rejects(AgentMC.session.sendMessage("s", "x" as never), usage(/sendMessage/));
    assert.deepEqual(Object.keys(AgentMC.session).includes("onStatusChange"), false);
    assert.deepEqual(["rename", "launchWithDraft"].some((name) => name in ctx.sessions), false);
    await assert.rejects(ctx.sessions.getStatus("nobody"), (e) => isTenureError(e, "not_found"));
    const lacks = (field: string) => (e: unknown) => isTenureError(e, "usage") && e.field === field && e.message.includes(`\`${field}\``);
    const [here, there] = [ctx.sessions, AgentMC.session] as unknown as Record<string, (...words: unknown[]) => Promise<unknown>>[];
    for (const call of [here?.["create"], there?.["create"], there?.["launchWithDraft"]]) await assert.rejects(call!(), lacks("opts"));
    await assert.rejects(there!["sendMessage"]!("s"), lacks("opts"));
    await assert.rejects(there!["sendMessage"]!("s", null), lacks("opts"));
    await assert.rejects(here!["sendMessage"]!("s"), (e) => isTenureError(e, "usage") && e.field === "text");
    assert.throws(() => createPlugin(undefined as never), lacks("options"));
    await assert.rejects(ctx.sessions.stop("nobody"), (e) => isTenureError(e, "not_found"));
  });
});
