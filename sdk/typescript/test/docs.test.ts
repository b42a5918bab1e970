/** The programs of the documentation: each is compiled strictly and run as it stands, `claude` and `pi` being scripted. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { TestDaemon, binary } from "./support/daemon.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const docs = join(root, "../../docs");
// Below the package, so that `tenure` is the package itself.
const folder = join(root, ".test/docs");

interface Example {
  readonly name: string;
  readonly text: string;
}

function examples(file: string): Example[] {
  const blocks = [...readFileSync(file, "utf8").matchAll(/```ts\n([^]*?)```/g)];
  return blocks.map(([, text = ""], at) => ({ name: `${basename(file, ".md")}-${at + 1}`, text }));
}

const pages = readdirSync(join(docs, "dialects")).filter((name) => name !== "README.md");
const all = [join(docs, "typescript.md"), ...pages.map((name) => join(docs, "dialects", name))].flatMap(examples);

describe("the documentation", () => {
  const agent = (name: string) => `[agents.${name}]\nprotocol = "scripted"\ncommand = [${JSON.stringify(binary)}, "scripted-agent"]\n`;
  const daemon = new TestDaemon(agent("claude") + agent("pi"));
  const work = daemon.workdir();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  after(() => rmSync(folder, { recursive: true, force: true }));
  for (const { name, text } of all) {
    const placed = text.replaceAll(/"\/path\/to\/[^"]*"/g, JSON.stringify(work)).replaceAll('"sonnet"', '"scripted-1"');
    writeFileSync(join(folder, `${name}.ts`), `${placed}\nexport {};\n`);
  }

  it("has examples", () => assert.ok(all.length > 10));

  it("compiles them strictly", () => {
    const options = { strict: true, target: "es2023", module: "nodenext", moduleResolution: "nodenext", types: ["node"], skipLibCheck: true };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: all.map(({ name }) => `${name}.ts`) }));
    try {
      execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", folder], { encoding: "utf8", stdio: "pipe" });
    } catch (error) {
      assert.fail((error as { stdout?: string }).stdout ?? String(error));
    }
  });

  for (const { name } of all) {
    it(`runs ${name}`, () => {
      const env = { ...process.env, TENURE_HOME: daemon.home, TENURE_BIN: binary, ANTHROPIC_API_KEY: "k" };
      execFileSync(process.execPath, [join(folder, `${name}.js`)], { cwd: work, env, encoding: "utf8", timeout: 60_000, stdio: "pipe" });
    });
  }
});
