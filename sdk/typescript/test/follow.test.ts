/** Followers over a daemon that is killed and started again. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { type FollowedEvent, isDurable } from "tenure";

import { TestDaemon, script } from "./support/daemon.js";

describe("a follower", () => {
  const daemon = new TestDaemon();
  const tenure = daemon.client();

  it("sees every event once and in order when the daemon is killed with SIGKILL, and the text adds up", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const seqs: number[] = [];
    let lost = 0;
    const following = (async () => {
      for await (const event of session.follow({ onLost: () => lost++ })) {
        if (isDurable(event)) seqs.push(event.seq);
        if (isDurable(event) && event.type === "turn.completed") return;
      }
    })();
    const n = 300;
    let text = "";
    let killed = 0;
    const result = await session.send(script({ repeat: 5, steps: [{ tool: "t" }] }, { numbered: { to: n, delay_us: 2000 } }), {
      onText: (piece) => {
        text += piece;
        const at = [40, 150][killed];
        if (at !== undefined && text.length > at * 12) {
          killed++;
          daemon.kill9();
        }
      },
    });
    await following;
    assert.equal(result.outcome, "completed", JSON.stringify(result.error));
    assert.equal(killed, 2);
    assert.ok(lost >= 1);
    assert.equal(text, result.text);
    assert.equal(text.trim().split("\n").length, n);
    assert.deepEqual(seqs, Array.from({ length: seqs.length }, (_, i) => i + 1));
  });

  it("goes on from a number, narrows by type, and follows all sessions", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir(), tags: ["mine"] });
    await session.send("hello");
    const read = async (events: AsyncIterable<FollowedEvent>, n: number) => {
      const all: FollowedEvent[] = [];
      for await (const event of events) if (all.push(event) === n) break;
      return all;
    };
    const [third] = await read(session.follow({ after: 2 }), 1);
    assert.equal(third?.seq, 3);
    const [turn] = await read(session.follow({ types: ["turn.*"] }), 1);
    assert.equal(turn?.type, "turn.started");
    const all = await read(tenure.follow({ tag: "mine" }), 3);
    assert.ok(all.every((event) => isDurable(event) && event.session_id === session.id));
  });

  it("is also one of rows of ACP, and of the bytes of one connection", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    await session.send("hello");
    for await (const row of tenure.followRows({ session: session.id })) {
      assert.equal(row.session_id, session.id);
      if (JSON.stringify(row.params).includes("agent_message_chunk")) break;
    }
    const reader = (await session.rawEvents({ after: 0, types: ["turn.completed"] })).getReader();
    const { value } = await reader.read();
    assert.match(new TextDecoder().decode(value), /event: turn\.completed\ndata: \{/);
    await reader.cancel();
  });

  it("is one of many without a warning, and a reader that stops reading holds up nobody", async () => {
    const warnings: string[] = [];
    const warned = (warning: Error) => void warnings.push(warning.message);
    process.on("warning", warned);
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const idle = session.follow({ deltas: true });
    await idle.next();
    const ids = Array.from({ length: 30 }, (_, i) => `in-${i}`);
    const results = await Promise.all(ids.map((id) => session.send(script({ text: id, chunks: 2 }), { id })));
    assert.deepEqual(results.map((result) => result.text), ids);
    await idle.return();
    process.off("warning", warned);
    assert.deepEqual(warnings, []);
  });

  it("does not start a daemon that was stopped, and gives up after its patience", async () => {
    const session = await tenure.sessions.create({ agent: "scripted", cwd: daemon.workdir() });
    const events = session.follow({ patienceMs: 200 });
    assert.equal((await events.next()).value?.seq, 1);
    daemon.cli("down");
    await assert.rejects(
      (async () => {
        for await (const event of events) void event;
      })(),
      { code: "unreachable" },
    );
    assert.equal((await daemon.client().session(session.id).get()).id, session.id);
  });
});
