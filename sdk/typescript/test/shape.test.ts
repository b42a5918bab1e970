/** What the package is made of: types that are those of the committed document, and no Node in a browser's bundle. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { TestDaemon, binary } from "./support/daemon.js";

const root = fileURLToPath(new URL("..", import.meta.url));
interface Manifest {
  readonly exports: Record<string, string | { readonly default: string }>;
  readonly imports: { readonly "#platform": { readonly browser: string } };
  readonly dependencies?: object;
}
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;

describe("the package", () => {
  it("has types that are made from the committed document", () => {
    try {
      execFileSync("npm", ["run", "--silent", "generate", "--", "--check"], { cwd: root, stdio: "pipe" });
    } catch {
      assert.fail("src/generated/api.ts is stale: npm run generate");
    }
  });

  it("needs no other package, and nothing of Node in a browser", () => {
    assert.equal(manifest.dependencies, undefined);
    const seen = new Set<string>();
    const walk = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      const text = readFileSync(file, "utf8");
      assert.doesNotMatch(text, /\bprocess\.(env|argv|platform|pid|on|exit)\b|\bBuffer\.|\brequire\(/, file);
      for (const [, name] of text.matchAll(/(?:from|import)\s*\(?["']([^"']+)["']/g)) {
        if (name === undefined || name.startsWith("/")) continue;
        if (name === "#platform") walk(join(root, manifest.imports["#platform"].browser));
        else if (name.startsWith(".")) walk(join(dirname(file), name));
        else assert.fail(`${file} imports ${name}`);
      }
    };
    const entries = Object.values(manifest.exports).flatMap((entry) => (typeof entry === "string" ? [] : [entry.default]));
    for (const entry of entries) walk(join(root, entry));
    assert.ok(seen.size > 10);
  });

  it("works with fetch alone, as browsers have it", async () => {
    const daemon = new TestDaemon();
    await daemon.client().info();
    const { url } = daemon.file;
    const program = `
      import { Tenure } from "tenure";
      const tenure = new Tenure({ url: ${JSON.stringify(url)}, token: ${JSON.stringify(daemon.token)} });
      const session = await tenure.sessions.create({ agent: "scripted", cwd: ${JSON.stringify(daemon.workdir())} });
      let text = "";
      const result = await session.send("hello", { onText: (piece) => (text += piece) });
      console.log(JSON.stringify({ text, result: result.text }));
      await new Tenure({ home: "/nowhere" }).info().catch((error) => console.log(error.code));`;
    const words = ["--conditions=browser", "--input-type=module", "--eval", program];
    const out = execFileSync(process.execPath, words, { cwd: root, encoding: "utf8" });
    assert.equal(out, '{"text":"You said: hello","result":"You said: hello"}\nusage\n');
  });

  it("runs the first program of its README", () => {
    const daemon = new TestDaemon();
    const [, first] = readFileSync(join(root, "README.md"), "utf8").match(/```ts\n([^]*?)```/) ?? [];
    assert.ok(first);
    const env = { ...process.env, TENURE_HOME: daemon.home, TENURE_BIN: binary };
    const words = ["--input-type=module", "--eval", first.replace('"claude"', '"scripted"')];
    const out = execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", env });
    assert.equal(out, "You said: Say what this project is, in one sentence.\ncompleted\n");
  });

  it("keeps no program alive that has nothing to wait for, however its calls have ended", () => {
    const daemon = new TestDaemon();
    const program = `
      import { Tenure } from "tenure";
      import { createPlugin } from "tenure/dialects/plugin";
      import { agentOs } from "tenure/dialects/agentos";
      const [, binary] = process.argv;
      const tenure = new Tenure({ home: ${JSON.stringify(daemon.home)}, binary });
      const cwd = ${JSON.stringify(daemon.workdir())};
      const session = await tenure.sessions.create({ agent: "scripted", cwd });
      const codes = [];
      const told = (error) => codes.push(error.code ?? error.name ?? error);
      for await (const event of session.follow()) if (event.seq === 1) break;
      const waits = '@@[{"text":"a"},{"gate":"never"}]@@';
      const stop = new AbortController();
      await session.send(waits, { signal: stop.signal, onText: () => stop.abort("stopped") }).catch(told);
      await session.interrupt();
      await session.send("x", { onText: () => { throw "thrown"; } }).catch(told);
      await session.exec({ shell: "sleep 60" }, { signal: AbortSignal.timeout(50) }).catch(told);
      for await (const piece of session.execStream({ shell: "sleep 60" })) break;
      const { url } = await import("node:fs").then((fs) => JSON.parse(fs.readFileSync(${JSON.stringify(join(daemon.home, "daemon.json"))})));
      await new Tenure({ url, token: "wrong" }).info().catch(told);
      await new Tenure({ socket: "/nowhere" }).info().catch(told);
      createPlugin({ agent: "scripted", cwd, tenure }).ctx.sessions.onStatusChange(session.id, () => undefined)();
      agentOs({ key: "k", tenure }).on("sessionEvent", () => undefined)();
      console.log(codes.join(" "), (await session.send("bye")).text);`;
    const words = ["--input-type=module", "--eval", program, binary];
    const out = execFileSync(process.execPath, words, { cwd: root, encoding: "utf8", timeout: 20_000 });
    assert.equal(out, "stopped thrown 23 unauthorized unreachable You said: bye\n");
  });
});
