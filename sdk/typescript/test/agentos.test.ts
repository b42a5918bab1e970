/** The agentos dialect: what its document tells, on the scripted agent. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

import { isTenureError } from "tenure";
import { type PermissionRequestEvent, type SessionEvent, agentOs } from "tenure/dialects/agentos";

import { TestDaemon, first, kind, script } from "./support/daemon.js";

interface Update {
  readonly update: { readonly sessionUpdate: string; readonly content?: { readonly text?: string } };
}
const updates = (events: readonly SessionEvent[]) => events.map((one) => (one.event.params as Update).update);

describe("the agentos dialect", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();
  const vm = agentOs({ key: "one", tenure });

  it("hears a session before it exists, streams, and replies with a stop reason", async () => {
    const heard: SessionEvent[] = [];
    const off = vm.on("sessionEvent", (event) => void heard.push(event));
    const session = await vm.createSession("scripted", { env: { KEY: "value" } });
    assert.deepEqual([session.agentType, typeof session.agentInfo?.name], ["scripted", "string"]);
    assert.ok(session.capabilities?.modes?.length);
    const reply = await vm.sendPrompt(session.sessionId, script({ text: "one", chunks: 3 }, { env: "KEY" }, { env: "HOME" }, { env: "LANG" }));
    assert.deepEqual(reply.response, { jsonrpc: "2.0", result: { stopReason: "end_turn" } });
    const home = (await tenure.sessions.get("vm-one")).workspace.path;
    assert.equal(reply.text, `onevalue${home}(unset)`);
    const stored = await vm.getSessionEvents(session.sessionId);
    while (!updates(heard).some((update) => update.content?.text === "(unset)")) await new Promise(setImmediate);
    off();
    assert.ok(heard.every((event) => event.sessionId === session.sessionId && event.event.method === "session/update"));
    const text = updates(heard).filter((update) => update.sessionUpdate === "agent_message_chunk");
    assert.equal(text.map((update) => update.content?.text).join(""), reply.text);
    assert.ok(stored.every((row) => row.sessionId === session.sessionId && Number.isInteger(row.createdAt)));
  });

  it("replays after a number, from a session that runs no agent too", async () => {
    const { sessionId } = await vm.createSession("scripted");
    await vm.sendPrompt(sessionId, "hello");
    const all = await vm.getSequencedEvents(sessionId);
    const middle = all[1]?.sequenceNumber ?? 0;
    const rest = await vm.getSequencedEvents(sessionId, { since: middle });
    assert.deepEqual(rest, all.filter((one) => one.sequenceNumber > middle));
    await vm.closeSession(sessionId);
    const stored = await vm.getSessionEvents(sessionId);
    assert.deepEqual(stored.map((row) => [row.seq, row.event]), all.map((one) => [one.sequenceNumber, one.notification]));
    assert.ok((await vm.listPersistedSessions()).some((one) => one.sessionId === sessionId && one.status === "closed"));
    await vm.resumeSession(sessionId);
    assert.equal((await vm.sendPrompt(sessionId, "again")).text, "You said: again");
    await vm.destroySession(sessionId);
    assert.equal((await vm.listPersistedSessions()).some((one) => one.sessionId === sessionId), false);
  });

  it("runs several sessions over one filesystem, apart from those of another key", async () => {
    const [a, b] = [await vm.createSession("scripted"), await vm.createSession("scripted", { cwd: "/home/user/project" })];
    await vm.sendPrompt(a.sessionId, script({ write: "project/shared.txt", text: "S" }));
    const read = await vm.sendPrompt(b.sessionId, script("pwd", { fs_read: "shared.txt" }));
    assert.match(read.text, /\/projectfs_read shared\.txt: S$/);
    const other = agentOs({ key: "two", tenure });
    const { sessionId } = await other.createSession("scripted");
    await assert.rejects(vm.sendPrompt(sessionId, "x"), (e) => isTenureError(e, "not_found"));
    assert.deepEqual((await other.listPersistedSessions()).map((one) => one.sessionId), [sessionId]);
    const again = agentOs({ key: "one", tenure: daemon.client() });
    assert.ok((await again.listPersistedSessions()).some((one) => one.sessionId === a.sessionId));
    await assert.rejects(vm.createSession("scripted", { cwd: "/etc" }), (e) => isTenureError(e, "usage") && e.field === "cwd");
  });

  it("cancels, changes model, mode and thought level, and tells a failure", async () => {
    const { sessionId } = await vm.createSession("scripted");
    const running = vm.sendPrompt(sessionId, script({ gate: "never" }));
    await first(tenure.session(sessionId).follow(), kind("turn.started"));
    await vm.cancelPrompt(sessionId);
    assert.equal((await running).response.result?.stopReason, "cancelled");
    await vm.setMode(sessionId, "plan");
    assert.equal((await vm.getModes(sessionId)).currentModeId, "plan");
    const options = await vm.getConfigOptions(sessionId);
    const byId = (id: string) => options.find((option) => option.id === id);
    await vm.setModel(sessionId, byId("model")?.options.at(-1)?.value ?? "");
    await vm.setThoughtLevel(sessionId, byId("thought_level")?.options[0]?.value ?? "");
    const failed = await vm.sendPrompt(sessionId, script({ error: "it broke" }));
    assert.match(failed.response.error?.message ?? "", /it broke/);
  });

  it("asks for permissions by event", async () => {
    const { sessionId } = await vm.createSession("scripted");
    const asked: PermissionRequestEvent[] = [];
    const off = vm.on("permissionRequest", (event) => {
      asked.push(event);
      void vm.respondPermission(event.sessionId, event.request.permissionId, "once");
    });
    const reply = await vm.sendPrompt(sessionId, script({ ask: "may I?" }));
    off();
    assert.match(reply.text, /allowed/);
    assert.deepEqual([asked.length, asked[0]?.sessionId, asked[0]?.request.title], [1, sessionId, "may I?"]);
  });

  it("tells the console of a handler whose promise rejects, and goes on", async (test) => {
    const complained = test.mock.method(console, "error", () => undefined);
    const { sessionId } = await vm.createSession("scripted");
    const heard: string[] = [];
    const off = vm.on("sessionEvent", async ({ event }) => {
      heard.push(event.method);
      return Promise.reject(new Error("a late one"));
    });
    await vm.sendPrompt(sessionId, "hello");
    while (heard.length < 2) await new Promise(setImmediate);
    off();
    await new Promise(setImmediate);
    const lines = complained.mock.calls.map((call) => String(call.arguments[0]));
    assert.deepEqual(lines, heard.map(() => "a handler of sessionEvent threw: a late one"));
  });

  it("passes tool servers on and refuses what it does not know by name", async () => {
    const session = await vm.createSession("scripted", {
      mcpServers: [
        { type: "local", command: "true", args: ["/home/user"], env: {} },
        { type: "remote", url: "http://127.0.0.1:9/sse", headers: { Authorization: "Bearer my-token" } },
      ],
      additionalInstructions: "Always write tests first.",
      skipOsInstructions: true,
    });
    const told = JSON.parse(readFileSync(join(daemon.home, "sessions", session.sessionId, "private.json"), "utf8")) as {
      readonly mcp_servers: readonly { readonly type: string; readonly args?: readonly string[] }[];
      readonly instructions: unknown;
    };
    const real = (await tenure.sessions.get("vm-one")).workspace.path;
    assert.deepEqual(told.mcp_servers.map((server) => [server.type, server.args]), [["stdio", [real]], ["sse", undefined]]);
    assert.deepEqual(told.instructions, { append: "Always write tests first." });
    const usage = (field: string) => (e: unknown) => isTenureError(e, "usage") && e.field === field;
    await assert.rejects(vm.createSession("scripted", { colour: "red" } as never), usage("colour"));
    await assert.rejects(vm.createSession("scripted", { mcpServers: [{ type: "odd" } as never] }), usage("mcpServers"));
    assert.throws(() => agentOs({ key: "a/b" }), usage("key"));
    assert.throws(() => vm.on("nothing" as "sessionEvent", () => undefined), (e) => isTenureError(e, "usage"));
  });
});
