/** The past: conversations of this daemon and of other tools, listed, read, searched and counted; forks. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";

import { isTenureError } from "tenure";
import { createApi } from "tenure/dialects/api";

import { TestDaemon } from "./support/daemon.js";
import { transcript } from "./support/transcript.js";

const BEGAN = Date.parse("2026-03-01T10:00:00Z");

describe("the past", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();
  const root = join(daemon.scratch, "user", ".claude");
  const shared = daemon.workdir();
  const other = daemon.workdir();
  const old = transcript(root, { cwd: shared, said: ["what is a quokka?", "A small marsupial.", "thanks", "Gladly."], began: BEGAN });
  const alone = transcript(root, { cwd: other, said: ["hello there", "Hello."], began: BEGAN + 60_000 });

  it("lists and reads what other tools have had, beside our own", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: shared });
    await session.send("what is a wombat?");
    await tenure.history.index({ wait_ms: 30_000 });
    const found: string[] = [];
    for await (const one of tenure.history.list({ cwd: shared, limit: 1 })) found.push(one.session_id ?? one.native_id);
    assert.deepEqual(found, [session.id, old]);
    const entry = await tenure.history.get("claude", old);
    assert.deepEqual([entry.cwd, entry.first_input, entry.session_id ?? null], [shared, "what is a quokka?", null]);
    const said: string[] = [];
    for await (const message of tenure.history.messages("claude", old, { limit: 3 })) said.push(`${message.role} ${message.text}`);
    assert.deepEqual(said, ["user what is a quokka?", "assistant A small marsupial.", "user thanks", "assistant Gladly."]);
    const page = await tenure.history.messages("claude", old, { offset: 2, limit: 1 });
    assert.equal(page.items[0]?.text, "thanks");
    assert.match(await tenure.history.transcript("claude", old, { format: "markdown" }), /A small marsupial\./);
    await assert.rejects(tenure.history.get("claude", "nothing"), (e) => isTenureError(e, "not_found"));
    const [project] = (await tenure.projects.list()).filter((one) => one.path === shared);
    assert.deepEqual([project?.conversations, project?.agents], [2, ["claude", "scripted"]]);
  });

  it("finds what was said, and counts what was used", async () => {
    const hits: string[] = [];
    for await (const hit of tenure.history.search("wombat", { role: "user" })) hits.push(hit.conversation.agent);
    assert.deepEqual(hits, ["scripted"]);
    const [hit] = (await tenure.history.search("marsup*")).items;
    assert.deepEqual([hit?.conversation.native_id, hit?.role], [old, "assistant"]);
    await assert.rejects(async () => await tenure.history.search("-"), (e) => isTenureError(e, "invalid") && e.field === "q");
    const usage = await tenure.history.usage({ by: "model", agent: "claude" });
    assert.equal(usage.items[0]?.usage.input_tokens, 300);
    assert.equal((await tenure.history.rebuildIndex()).enabled, true);
    assert.equal((await tenure.history.index({ wait_ms: 30_000 })).read, 3);
  });

  it("is one history in the api dialect: a project's sessions, ours and others', each once and newest first", async () => {
    const api = createApi({ agent: "scripted", tenure });
    const projects = await api.listProjects();
    const project = projects.find((one) => one.path === shared) ?? assert.fail();
    assert.deepEqual(projects.filter((one) => one.path === other).map((one) => one.sessions), [[alone]]);
    const [ours, theirs, ...more] = await api.getProjectSessions(project.id);
    assert.ok(ours && theirs);
    assert.deepEqual([project.sessions, more], [[ours.id, theirs.id], []]);
    assert.deepEqual(theirs, {
      id: old,
      project_id: project.id,
      project_path: shared,
      created_at: BEGAN / 1000,
      first_message: "what is a quokka?",
      message_timestamp: theirs.message_timestamp,
    });
    assert.equal(Date.parse(theirs.message_timestamp ?? ""), BEGAN);
    assert.equal(project.created_at, BEGAN / 1000);
    const rows = await api.loadSessionHistory(old, project.id);
    assert.deepEqual(rows.map((row) => [row.role, row.content]).slice(0, 2), [["user", "what is a quokka?"], ["assistant", "A small marsupial."]]);
    assert.deepEqual(Object.keys(rows[0] ?? {}), ["id", "role", "content", "timestamp"]);
    assert.equal((await api.loadSessionHistory(ours.id, project.id)).length, 2);
    await assert.rejects(api.loadSessionHistory(alone, project.id), (e) => isTenureError(e, "not_found"));
    const own = createApi({ agent: "scripted", scope: "own", tenure });
    assert.deepEqual(await own.getProjectSessions(project.id), []);
    await assert.rejects(own.loadSessionHistory(old, project.id), (e) => isTenureError(e, "not_found"));
  });

  it("says which agent cannot be forked", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    await session.send("one");
    await assert.rejects(session.fork({ title: "a fork" }), (e) => isTenureError(e, "unsupported") && e.capability === "fork" && e.agent === "scripted");
    await assert.rejects(tenure.session("nope").fork(), (e) => isTenureError(e, "not_found"));
  });
});
