/** The api dialect: what its document's samples do, on the scripted agent. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { isTenureError } from "tenure";
import { type ApiEvent, type EventName, createApi } from "tenure/dialects/api";

import { TestDaemon, binary, first, kind, script } from "./support/daemon.js";

const MODEL = "scripted-1";

describe("the api dialect", () => {
  const bad = `[agents.bad]\nprotocol = "scripted"\ncommand = [${JSON.stringify(binary)}, "scripted-agent", "--fail-start", "no luck"]\n`;
  const daemon = new TestDaemon(bad);
  const tenure = daemon.client();
  const api = createApi({ agent: "scripted", tenure });
  /** Waits for an event that fits. */
  const next = <Name extends string>(name: Name, fits: (event: ApiEvent<EventName<Name>>) => boolean = () => true) => {
    const { promise, resolve, reject } = withResolvers<ApiEvent<EventName<Name>>>();
    const listening = api.listen(name, (event) => {
      if (!fits(event)) return;
      resolve(event);
      listening.then((unlisten) => unlisten(), reject);
    });
    return { listening, promise };
  };

  it("manages sessions: starts, finds the new one, hears its output, says more, stops it", async () => {
    const path = daemon.workdir();
    await api.executeClaudeCode(path, "be quick", MODEL);
    const running = await api.listRunningClaudeSessions();
    const session = running.find((one) => one.project_path === path);
    assert.ok(session);
    assert.ok(["running", "completing"].includes(session.status));
    assert.deepEqual([typeof session.pid, session.model, typeof session.memory_mb, typeof session.runtime_seconds], ["number", MODEL, "number", "number"]);
    const heard: string[] = [];
    const unlisten = await api.listen("claude-output", (event) => {
      assert.equal(event.event, "claude-output");
      if (event.payload.sessionId === session.session_id) heard.push(event.payload.content);
    });
    const done = next(`claude-complete:${session.session_id}`);
    await done.listening;
    await api.resumeClaudeCode(path, session.session_id, script({ text: "one", chunks: 2 }, { text: "two" }), session.model);
    const { payload } = await done.promise;
    assert.deepEqual(payload, { sessionId: session.session_id, success: true, status: "completed" });
    const all = heard.flatMap((text) => text.split("\n").filter((line) => line.trim()).map((line) => JSON.parse(line) as Record<string, string>));
    // The first turn's end may have been heard too.
    const rows = all.slice(all.findLastIndex((row) => row["role"] === "user"));
    assert.deepEqual(rows.map((row) => row["role"]), ["user", "assistant", "assistant"]);
    assert.deepEqual(rows.slice(1).map((row) => row["content"]), ["one", "two"]);
    assert.deepEqual(Object.keys(rows[0] ?? {}), ["role", "content", "timestamp"]);
    unlisten();
    await api.cancelClaudeExecution(session.session_id);
    assert.equal((await api.listRunningClaudeSessions()).some((one) => one.session_id === session.session_id), false);
    await api.cancelClaudeExecution(session.session_id);
  });

  it("works through a batch: a task is over when its session is not listed any more", async () => {
    const path = daemon.workdir();
    for (const task of ["first task", script({ exit: 0 }), script({ ask: "may I?", withdraw_after_ms: 1 }, { text: "on" })]) {
      // An agent that ends in its turn has begun it nevertheless.
      await api.executeClaudeCode(path, task, MODEL);
      for (;;) {
        const active = (await api.listRunningClaudeSessions()).find((one) => one.project_path === path);
        if (!active) break;
        const output = await api.getClaudeSessionOutput(active.session_id);
        assert.ok(output.split("\n").filter((line) => line.trim()).every((line) => typeof (JSON.parse(line) as { content: unknown }).content === "string"));
        const id = active.session_id;
        await first(tenure.session(id).follow({ types: ["session.suspended"] }), kind("session.suspended"));
      }
    }
    assert.equal((await api.listProjects()).find((project) => project.path === path)?.sessions.length, 3);
  });

  it("tells each change of the status once, errors, and completion", async () => {
    const path = daemon.workdir();
    const seen: string[] = [];
    const unlisten = [
      await api.listen("claude-status", ({ payload }) => void seen.push(`${payload.status}`)),
      await api.listen("claude-error", ({ payload }) => void seen.push(`error ${payload.code}`)),
      await api.listen("claude-complete", ({ payload }) => void seen.push(`complete ${payload.success}`)),
    ];
    const over = next("claude-complete");
    await over.listening;
    await api.executeClaudeCode(path, script({ error: "it broke" }), MODEL);
    await over.promise;
    unlisten.forEach((stop) => stop());
    assert.equal(seen[0], "initializing");
    assert.deepEqual(seen.filter((line) => line.includes("initializing")).length, 1);
    assert.deepEqual(seen.slice(-4).map((line) => line.replace(/error .*/, "error")), ["running", "error", "failed", "complete false"]);
  });

  it("goes on telling after the daemon was killed", async () => {
    const path = daemon.workdir();
    await api.executeClaudeCode(path, script({ gate: "go" }, { text: "after" }), MODEL);
    const [running] = (await api.listRunningClaudeSessions()).filter((one) => one.project_path === path);
    assert.ok(running);
    const heard: string[] = [];
    const unlisten = await api.listen(`claude-output:${running.session_id}`, ({ payload }) => void heard.push(payload.content));
    const complete = next(`claude-complete:${running.session_id}`);
    await complete.listening;
    daemon.kill9();
    await tenure.session(running.session_id).files.write("go", "");
    assert.equal((await complete.promise).payload.success, true);
    assert.equal((JSON.parse(heard.join("")) as { content: string }).content, "after");
    unlisten();
  });

  it("cancels all that it lists, also where an ask is open, and no unknown one", async () => {
    const path = daemon.workdir();
    await api.executeClaudeCode(path, script({ ask: "may I?" }), MODEL);
    await api.executeClaudeCode(path, script({ gate: "never" }), MODEL);
    const [newer, older] = (await api.listRunningClaudeSessions()).filter((one) => one.project_path === path);
    assert.ok(newer && older && newer.started_at >= older.started_at);
    const cancelled = next("claude-status", ({ payload }) => payload.sessionId === newer.session_id && payload.status === "cancelled");
    await cancelled.listening;
    await assert.rejects(api.cancelClaudeExecution("nobody"), (e) => isTenureError(e, "not_found"));
    assert.equal((await api.listRunningClaudeSessions()).length >= 2, true);
    const ids = await api.cancelClaudeExecution();
    assert.ok([newer, older].every((one) => ids.includes(one.session_id)));
    await cancelled.promise;
    assert.deepEqual(await api.listRunningClaudeSessions(), []);
    assert.ok((await api.cleanupFinishedProcesses()).includes(newer.session_id));
    assert.deepEqual(await api.cleanupFinishedProcesses(), []);
  });

  it("continues the newest session of a project, resumes by either id, and rejects where nothing is", async () => {
    const path = daemon.workdir();
    await assert.rejects(api.continueClaudeCode(path, "go on", MODEL), (e) => isTenureError(e, "not_found"));
    await api.executeClaudeCode(path, "hello", MODEL);
    const [running] = (await api.listRunningClaudeSessions()).filter((one) => one.project_path === path);
    assert.ok(running);
    const id = running.session_id;
    await api.cancelClaudeExecution(id);
    await api.continueClaudeCode(path, "go on", MODEL);
    const native = (await tenure.sessions.get(id)).native_id;
    assert.ok(native);
    await api.resumeClaudeCode(path, native, "and on", MODEL);
    await tenure.session(id).send("last");
    const said = (await api.getClaudeSessionOutput(native)).trim().split("\n").map((line) => (JSON.parse(line) as { content: string }).content);
    assert.deepEqual(said.filter((text) => !text.startsWith("You said")), ["hello", "go on", "and on", "last"]);
    // One that could not be resumed is not there afterwards either.
    for (let times = 0; times < 2; times++) {
      await assert.rejects(api.resumeClaudeCode(path, "session-uuid-123", "hi", MODEL), (e) => isTenureError(e) && (e.code as string) === "resume_failed");
    }
    await assert.rejects(api.cancelClaudeExecution("session-uuid-123"), (e) => isTenureError(e, "not_found"));
  });

  it("explores history", async () => {
    const path = daemon.workdir();
    await api.executeClaudeCode(path, "hello history", MODEL);
    const project = (await api.listProjects()).find((one) => one.path === path);
    assert.ok(project);
    const [session] = await api.getProjectSessions(project.id);
    assert.ok(session);
    assert.equal(new Date(session.created_at * 1000).getFullYear(), new Date().getFullYear());
    assert.deepEqual([session.first_message, session.project_path], ["hello history", path]);
    await tenure.session(session.id).send("more");
    const history = await api.loadSessionHistory(session.id, project.id);
    assert.equal(history.length, 4);
    assert.ok(history.at(-1)?.timestamp);
    await assert.rejects(api.loadSessionHistory("nobody", project.id), (e) => isTenureError(e, "not_found"));
    await assert.rejects(api.getProjectSessions("nobody"), (e) => isTenureError(e, "not_found"));
  });

  it("rejects if the agent does not start, and names that do not exist", async () => {
    const broken = createApi({ agent: "bad", tenure });
    await assert.rejects(broken.executeClaudeCode(daemon.workdir(), "x"), (e) => isTenureError(e, "agent_exited") && /no luck/.test(e.message));
    await assert.rejects(api.listen("claude-nonsense", () => undefined), (e) => isTenureError(e, "usage"));
  });

  it("sees only its own with scope `own`", async () => {
    const own = createApi({ agent: "scripted", scope: "own", tenure });
    const other = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir(), input: script({ gate: "never" }) });
    await first(other.follow(), kind("turn.started"));
    assert.ok((await api.listRunningClaudeSessions()).some((one) => one.session_id === other.id));
    assert.equal((await own.listRunningClaudeSessions()).some((one) => one.session_id === other.id), false);
    await other.kill();
  });

  it("lets the program end once nobody listens, with the default api of this machine", async () => {
    const program = `
      import { api } from "tenure/dialects/api";
      const { listen, once } = await import("tenure/dialects/api/event");
      const unlisten = await listen("claude-output", () => undefined);
      const off = await once("claude-status", () => undefined);
      unlisten();
      off();
      console.log(Array.isArray(await api.listRunningClaudeSessions()));`;
    const cwd = join(fileURLToPath(new URL("..", import.meta.url)));
    const env = { ...process.env, TENURE_HOME: daemon.home, TENURE_BIN: binary };
    const words = ["--input-type=module", "--eval", program];
    assert.equal(execFileSync(process.execPath, words, { cwd, env, encoding: "utf8", timeout: 20_000 }), "true\n");
  });
});

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

/** Compiled only: what callers may write about types. */
export async function types(): Promise<void> {
  const { listen } = await import("tenure/dialects/api/event");
  await listen("claude-status", ({ payload }) => payload.status satisfies string);
  await listen("claude-complete:id", ({ payload }) => payload.success satisfies boolean);
  await listen<{ readonly sessionId: string }>("claude-output", ({ payload }) => payload.sessionId satisfies string);
}
