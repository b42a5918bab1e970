/** Daemons as they should not be: newer than the client, cut off in a frame, repeating themselves, or speaking nonsense. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { Tenure, isDurable, isTenureError } from "tenure";

/** Something that answers `/healthz` as a daemon does, and the n-th other request as is said. */
async function fake(...answers: ((answer: ServerResponse) => void)[]) {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    if (request.url === "/healthz") return answer.end('{"status":"ok","version":"99.0.0"}');
    const next = answers[asked.length];
    asked.push(request.url ?? "");
    if (next) next(answer);
    else answer.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const tenure = new Tenure({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: "t" });
  const end = () => {
    tenure.close();
    server.close();
    server.closeAllConnections();
  };
  return { tenure, asked, end };
}

const stream = (answer: ServerResponse) => answer.writeHead(200, { "content-type": "text/event-stream" });
const frame = (seq: number, type: string) => {
  const event = { session_id: "s", seq, gseq: seq, ts: "2026-01-01T00:00:00Z", type, data: { new_field: 1 } };
  return `id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`;
};

describe("an odd daemon", () => {
  it("that is newer, is cut off in a frame and repeats itself loses and repeats no event", async () => {
    const { tenure, asked, end } = await fake(
      (answer) => {
        const half = frame(3, "turn.started").slice(0, 40);
        stream(answer).write(`${frame(1, "session.created")}: a comment\n\n${frame(2, "moon.risen")}event: moon.dimmed\ndata: {"type":"moon.dimmed"}\n\n${half}`, () =>
          answer.destroy(),
        );
      },
      (answer) => answer.writeHead(503, { "content-type": "application/problem+json" }).end('{"code":"not_ready","detail":"starting"}'),
      (answer) => stream(answer).end(`${frame(2, "moon.risen")}${frame(3, "turn.started")}\r\n`),
      (answer) => stream(answer).end(frame(4, "session.destroyed").replaceAll("\n", "\r\n")),
    );
    const seen: string[] = [];
    const lost: string[] = [];
    for await (const event of tenure.session("s").follow({ onLost: (why) => lost.push(why) })) {
      seen.push(`${isDurable(event) ? event.seq : "-"} ${event.type as string}`);
    }
    assert.deepEqual(seen, ["1 session.created", "2 moon.risen", "- moon.dimmed", "3 turn.started", "4 session.destroyed"]);
    assert.deepEqual(asked.map((url) => new URL(url, "http://x").searchParams.get("after")), ["0", "2", "2", "3"]);
    assert.equal(lost.length, 2);
    end();
  });

  it("that speaks nonsense is told by code", async () => {
    const { tenure, end } = await fake(
      (answer) => stream(answer).end("id: 1\ndata: {nonsense\n\n"),
      (answer) => answer.end("nonsense"),
      (answer) => answer.writeHead(500).end("<html>"),
      (answer) => answer.writeHead(418, { "content-type": "application/problem+json" }).end('{"code":"teapot","detail":"short and stout"}'),
    );
    const unintelligible = (e: unknown) => isTenureError(e, "unintelligible");
    await assert.rejects(tenure.session("s").follow().next(), unintelligible);
    await assert.rejects(tenure.info(), unintelligible);
    await assert.rejects(tenure.info(), unintelligible);
    await assert.rejects(tenure.info(), (e) => isTenureError(e) && (e.code as string) === "teapot" && e.status === 418);
    end();
  });

  it("that does not come back ends the follower after its patience, and a wait by its signal before", async () => {
    const { tenure, end } = await fake((answer) => stream(answer).write(frame(1, "session.created")), (answer) => stream(answer).write(": nothing more\n\n"));
    const events = tenure.session("s").follow({ patienceMs: 50 });
    assert.equal((await events.next()).value?.seq, 1);
    const waiting = tenure.session("s").follow({ signal: AbortSignal.timeout(50) }).next();
    await assert.rejects(waiting, { name: "TimeoutError" });
    const next = events.next();
    end();
    await assert.rejects(next, (e) => isTenureError(e, "usage", "unreachable"));
  });

  it("that is old and lacks a path, or refuses a field, says so by code", async () => {
    const problem = (status: number, body: object) => (answer: ServerResponse) =>
      answer.writeHead(status, { "content-type": "application/problem+json" }).end(JSON.stringify(body));
    const { tenure, end } = await fake(
      problem(404, { code: "not_found", detail: "there is no GET /v1/search here" }),
      problem(400, { code: "invalid", detail: "unknown field `restart`", field: "restart" }),
    );
    await assert.rejects(async () => await tenure.history.search("x"), (e) => isTenureError(e, "not_found") && /v1\/search/.test(e.message));
    await assert.rejects(tenure.sessions.create({ agent: "a", restart: "never" }), (e) => isTenureError(e, "invalid") && e.field === "restart");
    end();
  });

  it("is no reason to hide what a callback throws, nor to go on after it", async () => {
    const { tenure, asked, end } = await fake(
      (answer) => stream(answer).write(frame(1, "session.created")),
      (answer) => stream(answer).end(frame(1, "session.created")),
      (answer) => stream(answer).write(": nothing\n\n"),
    );
    const mine = new Error("mine");
    const throwing = () => {
      throw mine;
    };
    await assert.rejects(tenure.session("s").follow({ onConnected: throwing }).next(), mine);
    const lost = tenure.session("s").follow({ onLost: throwing });
    assert.equal((await lost.next()).value?.seq, 1);
    await assert.rejects(lost.next(), mine);
    assert.equal(asked.length, 2);
    const late = tenure.session("s").follow({ onConnected: async () => Promise.reject(mine) });
    await assert.rejects(late.next(), mine);
    end();
  });

  it("that is slow to start keeps no program alive whose client was closed", () => {
    const scratch = mkdtempSync(join(tmpdir(), "tenure-ts-slow-"));
    const slow = join(scratch, "slow");
    writeFileSync(slow, "#!/bin/sh\nexec sleep 30\n", { mode: 0o755 });
    const program = `
      import { Tenure } from "tenure";
      const [, home, binary] = process.argv;
      const tenure = new Tenure({ home, binary });
      setTimeout(() => tenure.close(), 200);
      await tenure.info().catch((error) => console.log(error.code));`;
    const cwd = fileURLToPath(new URL("..", import.meta.url));
    const words = ["--input-type=module", "--eval", program, join(scratch, "home"), slow];
    assert.equal(execFileSync(process.execPath, words, { cwd, encoding: "utf8", timeout: 15_000 }), "usage\n");
    rmSync(scratch, { recursive: true });
  });
});
