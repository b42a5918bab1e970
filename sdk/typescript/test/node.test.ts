/** What belongs to no single session: workspaces and worktrees, projects, processes, agents, tokens, the daemon itself. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

import { isTenureError } from "tenure";

import { TestDaemon, script } from "./support/daemon.js";

describe("a daemon", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();

  it("makes worktrees, shows what was done in them, merges and discards", async () => {
    const repo = daemon.workdir();
    const git = (...words: string[]) => execFileSync("git", words, { cwd: repo, stdio: "pipe" });
    git("init", "--quiet");
    git("config", "user.name", "t");
    git("config", "user.email", "t@example.com");
    git("commit", "--quiet", "--allow-empty", "--message", "first");
    const session = await tenure.sessions.create({ agent: "scripted", workspace: { worktree: { repo } } });
    await session.send(script({ write: "new.txt", text: "N\n" }));
    const { id } = session.created?.workspace ?? assert.fail();
    assert.ok((await tenure.workspaces.get(id)).worktree?.branch);
    const diff = await tenure.workspaces.diff(id);
    assert.deepEqual([diff.uncommitted, diff.files.map((file) => file.path)], [true, ["new.txt"]]);
    const plan = await tenure.workspaces.merge(id, { commit: "add it", dry_run: true });
    assert.equal(plan.dry_run, true);
    const ids: string[] = [];
    for await (const workspace of tenure.workspaces.list({ limit: 1 })) ids.push(workspace.id);
    assert.ok(ids.includes(id));
    await session.close();
    await assert.rejects(tenure.workspaces.discard(id), (e) => isTenureError(e, "conflict"));
    assert.equal((await tenure.workspaces.discard(id, { force: true })).lost.files_total, 1);
  });

  it("has projects, processes, agents, tokens, limits, and tells what it is", async () => {
    const path = daemon.workdir();
    const project = await tenure.projects.register({ id: "proj", path });
    assert.equal((await tenure.projects.register({ id: "proj", path })).id, project.id);
    const other = tenure.projects.register({ id: "proj", path: daemon.workdir() });
    await assert.rejects(other, (e) => isTenureError(e, "conflict"));
    assert.ok((await tenure.projects.list()).some((one) => one.id === "proj"));
    const session = await tenure.sessions.create({ agent: "scripted", project: "proj", limits: { turns: 1 } });
    assert.equal((await session.send("one")).outcome, "completed");
    assert.equal((await session.config()).limits.turns_used, 1);
    await session.config({ limits: { turns: 5 } });
    assert.equal((await session.send("two")).outcome, "completed");
    assert.equal((await session.config()).limits.turns_used, 2);
    assert.ok((await tenure.processes.list()).some((one) => one.session_id === session.id && one.state === "running"));
    await session.close();
    assert.ok((await tenure.processes.reap()).some((one) => one.session_id === session.id));
    assert.ok((await tenure.agents()).some((agent) => agent.name === "scripted" && agent.installed));
    const { token } = await tenure.tokens.create("narrow", "read");
    assert.ok(token.length > 20 && (await tenure.tokens.list()).some((one) => one.name === "narrow"));
    await tenure.tokens.remove("narrow");
    assert.equal((await tenure.health()).version, (await tenure.info()).version);
  });
});
