/** The package in a real browser: Chromium loads its modules as they are, and talks to a daemon that lists its origin. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { TestDaemon } from "./support/daemon.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const chromium = installed();

/** Nothing but loopback is reached: all else goes to a proxy that is not there. */
const QUIET = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--proxy-server=http://127.0.0.1:9",
];

/** What a page's script says about a daemon. */
const SCRIPT = `
  const { Tenure } = await import("tenure");
  const { createApi } = await import("tenure/dialects/api");
  const { url, token, cwd } = globalThis.given;
  const tenure = new Tenure({ url, token });
  const session = await tenure.sessions.create({ agent: "scripted", cwd });
  let text = "";
  const onText = (piece) => (text += piece);
  const done = await session.send('@@[{"text":"héllo 🌍","chunks":4},{"ask":"ok?"}]@@', { onText, onAsk: () => "allow" });
  await session.files.write("a.bin", new Uint8Array([1, 2, 3]));
  const bytes = [...(await session.files.read("a.bin"))];
  const conflict = await session.files.write("a.bin", "x", { ifMatch: "absent" }).catch((error) => error.code);
  let out = "";
  for await (const piece of session.execStream({ shell: "echo out" }))
    if (piece.type === "stdout") out += new TextDecoder().decode(piece.bytes);
  const stop = new AbortController();
  const waits = '@@[{"text":"a"},{"gate":"never"}]@@';
  const aborted = await session.send(waits, { signal: stop.signal, onText: () => stop.abort() }).catch((error) => error.name);
  await session.interrupt();
  const api = createApi({ agent: "scripted", tenure });
  let hear;
  const heard = new Promise((resolve) => (hear = resolve));
  const unlisten = await api.listen("claude-output", ({ payload }) => hear(JSON.parse(payload.content).content));
  await session.send("bye");
  unlisten();
  const refused = await new Tenure({ url, token: "wrong" }).info().catch((error) => error.code);
  return { text, whole: done.parts.map((part) => part.text ?? "").join("") === text, bytes, conflict, out, aborted, heard: await heard, refused };`;

describe("in a browser", { skip: chromium === undefined && "chromium is not installed" }, () => {
  it("creates, sends, streams, reads files, aborts and listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const daemon = new TestDaemon(`[http]\norigins = ["${origin}"]\n`);
    await daemon.client().info();
    const told = serve(server, { url: daemon.file.url, token: daemon.token, cwd: daemon.workdir() });
    const profile = `--user-data-dir=${join(daemon.scratch, "chromium")}`;
    const browser: ChildProcess = spawn(chromium ?? "", [...QUIET, profile, `${origin}/`], { stdio: "ignore" });
    try {
      const gone = once(browser, "exit").then(() => assert.fail("the browser ended without a word"));
      const said = JSON.parse(await Promise.race([told, gone])) as Record<string, unknown>;
      assert.deepEqual(said, {
        text: "héllo 🌍allowed (allow_once)",
        whole: true,
        bytes: [1, 2, 3],
        conflict: "conflict",
        out: "out\n",
        aborted: "AbortError",
        heard: "bye",
        refused: "unauthorized",
      });
    } finally {
      browser.removeAllListeners("exit");
      const ended = once(browser, "exit");
      browser.kill("SIGKILL");
      await ended;
      server.close();
      server.closeAllConnections();
    }
  });
});

/** Serves the package and a page that runs the script; gives what the page says. */
function serve(server: Server, given: object): Promise<string> {
  const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { exports: Record<string, { default?: string }> };
  const imports: Record<string, string> = { "#platform": "/dist/platform/browser.js" };
  for (const [name, { default: file }] of Object.entries(exports)) {
    if (file !== undefined) imports[join("tenure", name)] = file.slice(1);
  }
  const page = `<!doctype html><meta charset="utf-8"><script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module">
      globalThis.given = ${JSON.stringify(given)};
      const said = await (async () => {${SCRIPT}})().catch((error) => ({ error: String(error.stack ?? error) }));
      await fetch("/said", { method: "POST", body: JSON.stringify(said) });
    </script>`;
  return new Promise((resolve) => {
    server.on("request", (request, answer) => {
      if (request.url === "/said") {
        let text = "";
        request.setEncoding("utf8").on("data", (more: string) => (text += more));
        request.on("end", () => {
          answer.end();
          resolve(text);
        });
      } else if (request.url === "/") {
        answer.setHeader("content-type", "text/html").end(page);
      } else if (request.url?.startsWith("/dist/") && !request.url.includes("..")) {
        answer.setHeader("content-type", "text/javascript").end(readFileSync(join(root, request.url)));
      } else {
        answer.writeHead(404).end();
      }
    });
  });
}

function installed(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      execFileSync(name, ["--version"], { stdio: "ignore" });
      return name;
    } catch {
      continue;
    }
  }
  if (process.env["CI"]) throw new Error("chromium is not installed: cargo xtask test installs it on Debian");
  return undefined;
}
