/** Errors by code: daemons that are absent, foreign, or do not trust the caller. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { join } from "node:path";

import { Tenure, TenureError, isTenureError } from "tenure";
import { createClient } from "tenure/dialects/handle";

import { TestDaemon, first, kind, script } from "./support/daemon.js";

describe("errors", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();

  it("tell a daemon that is not there from one that cannot be started", async () => {
    const nowhere = join(daemon.scratch, "nowhere");
    const none = new Tenure({ home: nowhere, start: false });
    await assert.rejects(none.info(), (e) => isTenureError(e, "unreachable") && /tenure up/.test(e.message));
    const no = new Tenure({ home: nowhere, binary: join(nowhere, "tenure") });
    await assert.rejects(no.info(), (e) => isTenureError(e, "not_started") && /TENURE_BIN/.test(e.message));
    const bad = new Tenure({ home: nowhere, binary: "/bin/false" });
    await assert.rejects(bad.info(), (e) => isTenureError(e, "not_started"));
  });

  it("show the token to nobody who has the address of a daemon that was killed", async () => {
    const home = join(daemon.scratch, "killed");
    mkdirSync(home);
    const asked: unknown[] = [];
    const stranger = createServer((request) => asked.push(request.headers)).listen(0, "127.0.0.1");
    await new Promise((ready) => stranger.once("listening", ready));
    const { port } = stranger.address() as { port: number };
    writeFileSync(join(home, "token"), "secret\n");
    writeFileSync(join(home, "daemon.json"), JSON.stringify({ url: `http://127.0.0.1:${port}`, socket: join(home, "tenure.sock"), pid: 1 }));
    const client = new Tenure({ home, start: false });
    await assert.rejects(client.info(), (e) => isTenureError(e, "unreachable"));
    assert.deepEqual(asked, []);
    client.close();
    stranger.close();
  });

  it("tell something that is no daemon", async () => {
    const server = createServer((_, answer) => answer.end("hello")).listen(0, "127.0.0.1");
    await new Promise((ready) => server.once("listening", ready));
    const { port } = server.address() as { port: number };
    const client = new Tenure({ url: `http://127.0.0.1:${port}` });
    await assert.rejects(client.info(), (e) => isTenureError(e, "unintelligible"));
    client.close();
    server.close();
  });

  it("carry what the daemon says: code, status, field, agent", async () => {
    const agent = tenure.sessions.create({ agent: "nobody", cwd: daemon.scratch });
    await assert.rejects(agent, (e) => e instanceof TenureError && typeof e.status === "number" && /nobody/.test(e.message));
    const field = tenure.sessions.create({ agent: "scripted", cwd: daemon.scratch, colour: "red" } as never);
    await assert.rejects(field, (e) => isTenureError(e, "invalid") && e.field === "colour");
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const compact = session.compact();
    await assert.rejects(compact, (e) => isTenureError(e, "unsupported") && e.agent === "scripted" && !!e.capability);
    await assert.rejects(tenure.session("").get(), (e) => isTenureError(e, "usage"));
  });

  it("over TCP need the token; one that is wrong or too narrow is refused by code", async () => {
    await tenure.info();
    const { url } = daemon.file;
    const right = new Tenure({ url, token: daemon.token });
    assert.equal((await right.info()).pid, daemon.file.pid);
    const wrong = new Tenure({ url, token: "wrong" });
    await assert.rejects(wrong.info(), (e) => isTenureError(e, "unauthorized") && e.status === 401);
    const { token } = await right.tokens.create("reader", "read");
    const reader = new Tenure({ url, token });
    await reader.info();
    await assert.rejects(reader.processes.reap(), (e) => isTenureError(e, "forbidden"));
    for (const client of [right, wrong, reader]) client.close();
  });

  it("of two answers to one ask the second is a conflict", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const sending = session.send(script({ ask: "may I?" }), {
      onAsk: async (ask) => {
        assert.equal((await tenure.asks()).length, 1);
        await tenure.answer(ask.id, "deny");
        await assert.rejects(session.answer(ask.id, "allow"), (e) => isTenureError(e, "conflict"));
      },
    });
    assert.match((await sending).text, /denied|cancelled/);
  });

  it("are none where a callback's answer comes too late: somebody else was first, or the ask is gone", async () => {
    const other = daemon.client();
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const late = await session.send(script({ ask: "may I?" }), {
      onAsk: async (ask) => {
        await other.answer(ask.id, "deny");
        return "allow";
      },
    });
    assert.match(late.text, /denied/);
    const gone = await session.send(script({ ask: "may I?", withdraw_after_ms: 1 }), {
      onAsk: async () => {
        await first(session.follow(), kind("ask.withdrawn"));
        return "allow";
      },
    });
    assert.match(gone.text, /withdrawn/);
    const handle = createClient(tenure).session(session.id);
    const replied = await handle.send(script({ ask: "may I?" }), {
      onPermission: async (request) => {
        await other.answer(request.id, "deny");
        return "once";
      },
    });
    assert.match(replied.text, /denied/);
  });

  it("a closed client rejects what waits, and nothing keeps the program alive", async () => {
    const client = daemon.client();
    const session = await client.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const waiting = session.send(script({ gate: "never" }));
    setImmediate(() => client.close());
    await assert.rejects(waiting, /closed/);
  });
});
