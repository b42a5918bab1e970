/** Sessions from creation to destruction, on the scripted agent. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type Callbacks, type TurnEvent, isTenureError } from "tenure";

import { TestDaemon, first, kind, script } from "./support/daemon.js";

describe("a session", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();
  const create = () => tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });

  it("is created by a client that starts the daemon, and answers", async () => {
    const session = await create();
    const result = await session.send("hello");
    assert.equal(result.outcome, "completed");
    assert.equal(result.text, "You said: hello");
    assert.equal((await session.get()).lifecycle, "live");
    const ids: string[] = [];
    for await (const one of tenure.sessions.list({ agent: "scripted", limit: 1 })) ids.push(one.id);
    assert.ok(ids.includes(session.id));
  });

  it("calls back with text, thoughts, tools and asks, and takes an answer from the callback", async () => {
    const session = await create();
    const told = { text: "", thought: "", tools: [] as string[], asks: [] as string[] };
    const prompt = script(
      { think: "let me see" },
      { text: "héllo 🌍 wörld", chunks: 4 },
      { write: "a.txt", text: "A", ask: true },
    );
    const result = await session.send(prompt, {
      onText: (text) => (told.text += text),
      onThought: (text) => (told.thought += text),
      onTool: (tool, phase) => told.tools.push(`${phase} ${tool.state}`),
      onAsk: async (ask) => {
        told.asks.push(ask.kind);
        return await Promise.resolve("allow");
      },
    });
    assert.equal(result.outcome, "completed");
    assert.match(told.text, /^héllo 🌍 wörld/);
    assert.equal(told.thought, "let me see");
    assert.deepEqual(told.asks, ["permission"]);
    assert.ok(told.tools.includes("completed completed"), String(told.tools));
    assert.equal(await session.files.text("a.txt"), "A");
  });

  it("rejects a call whose callback throws, and goes on by itself", async () => {
    const session = await create();
    const mine = new Error("mine");
    const sending = session.send(script({ text: "one", chunks: 2 }), {
      id: "thrown",
      onText: () => {
        throw mine;
      },
    });
    await assert.rejects(sending, mine);
    const again = await session.send(script({ text: "one", chunks: 2 }), { id: "thrown" });
    assert.equal(again.outcome, "completed");
    assert.equal((await session.messages()).items.filter((m) => m.role === "user").length, 1);
  });

  it("rejects a call at once whose answer to an ask fails or is refused, and leaves the ask open", async () => {
    const session = await create();
    const mine = new Error("mine");
    const invalid = (e: unknown) => isTenureError(e, "invalid");
    const cases: [NonNullable<Callbacks["onAsk"]>, Error | ((error: unknown) => boolean)][] = [
      [() => Promise.reject(mine), mine],
      [async () => Promise.reject(mine), mine],
      [() => { throw mine; }, mine],
      [() => "perhaps" as never, invalid],
      [() => "" as never, invalid],
      [() => ({ decision: "allow", option_id: "nobody's" }), invalid],
      [() => false as never, (e) => isTenureError(e, "usage") && e.field === "onAsk"],
    ];
    for (const [at, [onAsk, expected]] of cases.entries()) {
      const id = `failing-${at}`;
      // An abort would interrupt the turn; this is none.
      await assert.rejects(session.send(script({ ask: "may I?" }), { id, onAsk, onAbort: "interrupt" }), expected);
      assert.equal((await session.asks({ state: "open" })).length, 1, id);
      const again = await session.send(script({ ask: "may I?" }), { id, onAsk: () => "allow" });
      assert.match(again.text, /allowed/);
    }
  });

  it("gives the result though a callback still thinks about an ask that somebody else has answered", async () => {
    const session = await create();
    const result = await session.send(script({ ask: "may I?" }), {
      onAsk: (ask) => session.answer(ask.id, "deny").then(() => new Promise<never>(() => undefined)),
    });
    assert.match(result.text, /denied/);
  });

  it("rejects a call of which a callback's promise rejects, and waits for those that do not", async () => {
    const session = await create();
    const mine = new Error("mine");
    const waits = script({ text: "one" }, { gate: "never" });
    await assert.rejects(session.send(waits, { onText: () => Promise.reject(mine) }), mine);
    await session.interrupt();
    await assert.rejects(session.send(waits, { onEvent: async () => Promise.reject(mine) }), mine);
    await session.interrupt();
    await assert.rejects(session.send(waits, { onConnected: async () => Promise.reject(mine) }), mine);
    await session.interrupt();
    let [begun, done] = [0, 0];
    await session.send("hello", {
      onEvent: async () => {
        begun++;
        await session.get();
        done++;
      },
    });
    assert.deepEqual([begun > 0, done], [true, begun]);
    const stop = new AbortController();
    const endless = session.send("hello", {
      signal: stop.signal,
      onText: () => new Promise(() => undefined),
      onEvent: ({ type }) => void (type === "turn.completed" && setImmediate(() => stop.abort())),
    });
    await assert.rejects(endless, { name: "AbortError" });
  });

  it("takes the same input once, whoever sends it again", async () => {
    const session = await create();
    const [a, b] = await Promise.all([session.send("x", { id: "same" }), session.send("x", { id: "same" })]);
    assert.equal(a.turn_id, b.turn_id);
    await assert.rejects(session.send("y", { id: "same" }), (e) => isTenureError(e, "conflict"));
  });

  it("streams a turn; a loop that is left leaves the turn running", async () => {
    const session = await create();
    const seen: TurnEvent["type"][] = [];
    for await (const event of session.stream(script({ text: "hi" }))) seen.push(event.type);
    assert.equal(seen.at(-1), "result");
    assert.ok(seen.includes("text"));
    for await (const event of session.stream(script({ text: "a" }, { gate: "go" }, { text: "b" }))) {
      if (event.type === "text") break;
    }
    assert.equal((await session.get()).activity?.state, "running");
    await session.files.write("go", "");
    const done = await first(session.follow({ after: 0 }), (e) => kind("turn.completed")(e) && e.seq > 10);
    assert.ok(done);
  });

  it("ends waits on abort: leaves the turn, or interrupts it when told to", async () => {
    const session = await create();
    const leave = new AbortController();
    const sending = session.send(script({ text: "a" }, { gate: "never" }), {
      signal: leave.signal,
      onText: () => leave.abort(new Error("enough")),
    });
    await assert.rejects(sending, /enough/);
    assert.equal((await session.get()).activity?.state, "running");
    await session.interrupt();
    const stop = new AbortController();
    const other = session.send(script({ text: "a" }, { gate: "never" }), {
      signal: stop.signal,
      onAbort: "interrupt",
      onText: () => stop.abort(),
    });
    await assert.rejects(other, { name: "AbortError" });
    const ended = await first(session.follow(), (e) => kind("turn.completed")(e) && e.data.outcome === "interrupted");
    assert.ok(ended);
    await assert.rejects(session.get({ signal: AbortSignal.abort() }), { name: "AbortError" });
  });

  it("has queue, control, todos, tasks, metrics, commands and configuration", async () => {
    const session = await create();
    const running = session.send(script({ gate: "go" }, { text: "done" }));
    await first(session.follow(), kind("turn.started"));
    const receipt = await session.enqueue("second");
    await session.edit(receipt.input_id, "changed");
    assert.equal((await session.inputs())[0]?.input_id, receipt.input_id);
    await session.cancel(receipt.input_id);
    await session.files.write("go", "");
    assert.equal((await running).text, "done");
    assert.deepEqual(await session.todos(), []);
    assert.deepEqual(await session.tasks(), []);
    const page = await tenure.request("get", "/v1/sessions/{id}/inputs", [session.id], { query: { limit: 1 } });
    assert.equal(page.items.length, 1);
    assert.equal((await session.metrics()).turns, 1);
    assert.equal((await session.command("echo", "words")).text, "words");
    assert.equal((await session.config({ mode: "plan" })).mode, "plan");
    assert.ok((await session.capabilities())?.modes?.some((mode) => mode.id === "plan"));
    const [seqs, rows] = [[] as number[], [] as string[]];
    for await (const event of session.events({ limit: 3 })) seqs.push(event.seq);
    for await (const row of session.rows()) rows.push(row.method);
    assert.deepEqual([seqs.length > 6, seqs.at(-1), new Set(rows).size], [true, seqs.length, 1]);
    assert.match(await session.transcript({ format: "jsonl" }), /"role":"assistant"/);
    assert.equal((await session.process()).state, "running");
    await session.suspend();
    assert.equal((await session.get()).lifecycle, "suspended");
    await session.resume();
    await session.update({ title: "a title", tags: ["t"], archived: true });
    assert.equal((await session.get()).title, "a title");
    await session.close();
    await assert.rejects(session.send("x"), (e) => isTenureError(e, "closed") && e.status === 409);
  });

  it("rejects a wait for an input that is taken back", async () => {
    const session = await create();
    const running = session.send(script({ gate: "go" }));
    await first(session.follow(), kind("turn.started"));
    const second = session.send("second", { id: "second" });
    const refused = assert.rejects(second, (e) => isTenureError(e, "cancelled"));
    await first(session.follow(), (e) => kind("input.admitted")(e) && e.data.input_id === "second");
    await session.cancel("second");
    await refused;
    await session.files.write("go", "");
    await running;
  });

  it("runs commands, moves files, keeps artifacts and checkpoints", async () => {
    const session = await create();
    const done = await session.exec({ shell: "echo out; echo err >&2; exit 3" });
    assert.deepEqual([done.exit_code, done.stdout, done.stderr], [3, "out\n", "err\n"]);
    const pieces: string[] = [];
    for await (const piece of session.execStream({ command: ["printf", "a\\nb"] })) {
      if (piece.type === "stdout") pieces.push(new TextDecoder().decode(piece.bytes));
      if (piece.type === "ended") assert.equal(piece.result.exit_code, 0);
    }
    assert.equal(pieces.join(""), "a\nb");
    const much = await session.exec({ shell: "head -c 1500000 /dev/zero | tr '\\0' x" }, { signal: new AbortController().signal });
    assert.deepEqual([much.stdout.length, much.truncated, much.exit_code], [1 << 20, true, 0]);
    const late = session.exec({ shell: "echo $$ > pid; sleep 60" }, { signal: AbortSignal.timeout(300) });
    await assert.rejects(late, { name: "TimeoutError" });
    // Whoever goes away takes the command along.
    while ((await session.exec({ shell: "kill -0 $(cat pid)" })).exit_code === 0) await new Promise(setImmediate);
    const bytes = new Uint8Array([0, 255, 10, 13]);
    await session.files.write("dir/b.bin", bytes);
    assert.deepEqual(await session.files.read("dir/b.bin"), bytes);
    assert.equal((await session.files.stat("dir/b.bin")).bytes, 4);
    const names: string[] = [];
    for await (const entry of session.files.list("dir")) names.push(entry.name);
    assert.deepEqual(names, ["b.bin"]);
    assert.equal((await session.files.find("**/*.bin")).items.length, 1);
    await assert.rejects(session.files.write("dir/b.bin", "x", { ifMatch: "absent" }), (e) => isTenureError(e, "conflict"));
    await assert.rejects(session.files.read("../x"), (e) => isTenureError(e, "forbidden"));
    const version = await session.artifacts.keep("report", { path: "dir/b.bin" });
    assert.equal(version.version, 1);
    assert.deepEqual(await session.artifacts.read("report"), bytes);
    assert.equal((await session.artifacts.list()).length, 1);
    const point = await session.checkpoints.create("before");
    await session.files.remove("dir", { recursive: true });
    const plan = await session.checkpoints.restore(point.id, { dry_run: true });
    assert.equal(plan.dry_run, true);
  });

  it("is destroyed: its followers end, all else is `destroyed` or `not_found`", async () => {
    const session = await create();
    await session.send("hello");
    const types: string[] = [];
    const following = (async () => {
      for await (const event of session.follow()) types.push(event.type);
    })();
    await session.destroy();
    await following;
    assert.equal(types.at(-1), "session.destroyed");
    await assert.rejects(session.send("x"), (e) => isTenureError(e, "destroyed") && e.status === 410);
    await assert.rejects(tenure.session("nope").get(), (e) => isTenureError(e, "not_found"));
  });
});
