/** A daemon in a scratch home, found, started, killed and cleared away. Tests see it as a user's program does. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { type FollowedEvent, Tenure, type TenureOptions, isDurable } from "tenure";

const project = fileURLToPath(new URL("../../../../", import.meta.url));

/** The program under test. */
export const binary = process.env["TENURE_BIN"] ?? join(project, "target/debug/tenure");

for (const name of Object.keys(process.env)) if (name.startsWith("TENURE_")) delete process.env[name];

/** A scratch home; its daemon is started by the first client that asks. */
export class TestDaemon {
  readonly scratch = mkdtempSync(join(tmpdir(), "tenure-ts-"));
  readonly home = join(this.scratch, "home");
  readonly #clients: Tenure[] = [];
  #made = 0;

  constructor(config = "") {
    for (const name of ["home", "user"]) mkdirSync(join(this.scratch, name), { mode: 0o700 });
    // The daemon inherits it from whoever starts it.
    process.env["HOME"] = join(this.scratch, "user");
    writeFileSync(join(this.home, "config.toml"), config);
    after(() => this.#end());
  }

  client(options: TenureOptions = {}): Tenure {
    const client = new Tenure({ home: this.home, binary, ...options });
    this.#clients.push(client);
    return client;
  }

  /** A new empty directory. */
  workdir(): string {
    const dir = join(this.scratch, `work-${++this.#made}`);
    mkdirSync(dir);
    return dir;
  }

  /** A file of another tool, below the user's home. */
  leave(path: string, lines: readonly unknown[]): void {
    const file = join(this.scratch, "user", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }

  get file(): { url: string; socket: string; pid: number } {
    return JSON.parse(readFileSync(join(this.home, "daemon.json"), "utf8")) as never;
  }

  get token(): string {
    return readFileSync(join(this.home, "token"), "utf8").trim();
  }

  kill9(): void {
    process.kill(this.file.pid, "SIGKILL");
  }

  cli(...words: string[]): string {
    return execFileSync(binary, ["--home", this.home, ...words], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  #end(): void {
    for (const client of this.#clients) client.close();
    try {
      this.cli("up", "--detach");
      this.cli("down", "--all");
    } finally {
      rmSync(this.scratch, { recursive: true, force: true });
    }
  }
}

/** A prompt for the scripted agent. */
export function script(...steps: unknown[]): string {
  return `@@${JSON.stringify(steps)}@@`;
}

/** The first event that fits. */
export async function first<T extends FollowedEvent>(
  events: AsyncIterable<FollowedEvent>,
  fits: ((event: FollowedEvent) => event is T) | ((event: FollowedEvent) => boolean),
): Promise<T> {
  for await (const event of events) if (fits(event)) return event as T;
  throw new Error("the events ended before");
}

/** Waits for a durable event of a kind. */
export function kind<K extends string>(name: K) {
  return (event: FollowedEvent): event is Extract<FollowedEvent, { type: K }> => isDurable(event) && event.type === name;
}

/** Claude Code as the lockfile of tests/agents pins it, asking a scripted model; `undefined` where it is not installed. */
export async function claude(scratch: string): Promise<{ config: string; end: () => void } | undefined> {
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  const program = join(project, `tests/agents/node_modules/@anthropic-ai/claude-code-linux-${arch}/claude`);
  try {
    execFileSync("test", ["-x", program]);
  } catch {
    if (process.env["CI"]) throw new Error(`${program} is not there: cargo xtask install-agents`);
    return undefined;
  }
  const model = spawn(join(project, "target/debug/tenure-model"), [], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await line(model);
  const home = join(scratch, "claude");
  mkdirSync(join(home, "tmp"), { recursive: true });
  const env = {
    HOME: home,
    PATH: "/usr/local/bin:/usr/bin:/bin",
    TMPDIR: join(home, "tmp"),
    CLAUDE_CONFIG_DIR: join(home, ".claude"),
    CLAUDE_CODE_TMPDIR: join(home, "tmp"),
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: "sk-ant-not-a-key",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
  };
  const pairs = Object.entries(env).map(([name, value]) => `${name} = ${JSON.stringify(value)}`);
  const config = `[history.claude]\nroots = [${JSON.stringify(join(home, ".claude"))}]\n[agents.claude]\nprotocol = "claude"\ncommand = [${JSON.stringify(program)}]\ninherit_env = []\nenv = { ${pairs.join(", ")} }\n`;
  return { config, end: () => void model.kill() };
}

function line(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.setEncoding("utf8").on("data", (more: string) => {
      text += more;
      if (text.includes("\n")) resolve(text.trim());
    });
    child.on("error", reject);
    child.on("exit", () => reject(new Error("the model ended")));
  });
}
