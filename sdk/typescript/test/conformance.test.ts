/** The conformance suite of `sdk/conformance`, carried out with this client. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { type FollowedEvent, type Session, Tenure, isDurable, isTenureError } from "tenure";

import { type Case, type Step, filled, fits, known } from "./support/conformance.js";
import { TestDaemon, claude } from "./support/daemon.js";

const cases = fileURLToPath(new URL("../../conformance/cases", import.meta.url));
const tools = fileURLToPath(new URL("../../conformance/tools.mjs", import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), "tenure-ts-conformance-"));
const agent = await claude(scratch);
after(() => {
  agent?.end();
  rmSync(scratch, { recursive: true, force: true });
});

const LIMIT_MS = 60_000;
// Requests are made of data: their types are what is put to the test.
type Any = any;

for (const file of readdirSync(cases).sort()) {
  describe(`conformance: ${file.replace(".json", "")}`, () => {
    for (const one of JSON.parse(readFileSync(join(cases, file), "utf8")) as Case[]) {
      for (const name of Object.keys(one.agents)) {
        const skip = name === "claude" && agent === undefined && "Claude Code is not installed: cargo xtask install-agents";
        it(`${one.name} (${name})`, { skip }, () => new Run(one, name).run());
      }
    }
  });
}

/** A follower and what it got. */
class Follower {
  readonly got: FollowedEvent[] = [];
  readonly #stop = new AbortController();
  readonly #session: Session;
  readonly #after: number;
  #passed = 0;
  #ended = false;
  #failed: unknown;
  #tell: () => void = () => undefined;

  constructor(session: Session, options: { after?: number; types?: string[]; deltas?: boolean }) {
    this.#session = session;
    this.#after = options.after ?? 0;
    void this.#read(options);
  }

  async #read(options: object): Promise<void> {
    try {
      for await (const event of this.#session.follow({ ...options, signal: this.#stop.signal })) {
        this.got.push(event);
        this.#tell();
      }
    } catch (error) {
      this.#failed = error;
    }
    this.#ended = true;
    this.#tell();
  }

  async until(pattern: unknown): Promise<FollowedEvent | undefined> {
    for (;;) {
      while (this.#passed < this.got.length) {
        const event = this.got[this.#passed++];
        if (pattern !== null && fits(pattern, event)) return event;
      }
      if (this.#ended && pattern === null) return undefined;
      if (this.#ended) throw this.#failed ?? new Error("the follower has ended");
      await new Promise<void>((told) => (this.#tell = told));
    }
  }

  async exact(): Promise<void> {
    this.#stop.abort();
    const mine = this.got.filter(isDurable);
    const log: FollowedEvent[] = [];
    for await (const event of this.#session.events({ after: this.#after })) {
      if (event.seq <= (mine.at(-1)?.seq ?? 0)) log.push(event);
    }
    assert.deepEqual(mine.map((event) => event.seq), mine.map((_, i) => this.#after + i + 1));
    assert.deepEqual(mine, log);
  }

  end(): void {
    this.#stop.abort();
  }
}

/** One case with one agent. */
class Run {
  readonly #case: Case;
  readonly #daemon: TestDaemon;
  readonly #kept: Map<string, unknown>;
  readonly #sessions = new Map<string, string>();
  readonly #clients: Map<string, Tenure>;
  readonly #followers = new Map<string, Follower>();
  readonly #later = new Map<string, Promise<unknown>>();
  readonly #ground: Tenure;
  #address = "127.0.0.1:0";

  constructor(one: Case, name: string) {
    this.#case = one;
    this.#daemon = new TestDaemon(name === "claude" ? agent?.config : "");
    this.#kept = new Map([["agent", name], ["cwd", this.#daemon.workdir()], ["node", process.execPath], ["tools", tools]]);
    for (const [field, value] of Object.entries(one.agents[name] ?? {})) this.#kept.set(field, filled(value, this.#kept));
    this.#ground = this.#daemon.client({ start: false });
    this.#clients = new Map([["", this.#ground]]);
  }

  async run(): Promise<void> {
    this.#start();
    try {
      for (const [i, step] of this.#case.steps.entries()) {
        try {
          await this.#step(step);
        } catch (error) {
          throw new Error(`step ${i + 1}, ${JSON.stringify(step)}: ${(error as Error).message}`, { cause: error });
        }
      }
    } finally {
      for (const follower of this.#followers.values()) follower.end();
    }
  }

  /** On the address that it had, so that clients by TCP find it again. */
  #start(): void {
    this.#daemon.cli("up", "--detach", "--listen", this.#address);
    this.#address = new URL(this.#daemon.file.url).host;
  }

  async #step(step: Step): Promise<void> {
    known(step);
    const done = this.#bounded(this.#judged(step));
    if (step.later !== true) return void (await done);
    done.catch(() => undefined);
    this.#later.set(step.as ?? "", done);
  }

  async #bounded<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error("it takes over 60 s")), LIMIT_MS)));
    return Promise.race([work, late]).finally(() => clearTimeout(timer));
  }

  /** Does a step, and holds what comes of it against what is expected. */
  async #judged(step: Step): Promise<unknown> {
    const session = ["create", "fork", "adopt"].includes(step.do);
    let outcome: unknown;
    try {
      outcome = await this.#do(step);
    } catch (error) {
      if (step.fails === undefined || step.do === "race") throw error;
      this.#failed(step.fails, error);
      return undefined;
    }
    assert.ok(step.fails === undefined || step.do === "race", `it did not fail: ${JSON.stringify(outcome)}`);
    const name = step.as ?? (session ? "s" : undefined);
    if (name !== undefined) this.#kept.set(name, outcome);
    if (name !== undefined && session) this.#sessions.set(name, (outcome as { id: string }).id);
    if (step.expect !== undefined) {
      const pattern = filled(step.expect, this.#kept);
      assert.ok(fits(pattern, outcome), `${JSON.stringify(outcome)} does not fit ${JSON.stringify(pattern)}`);
    }
    return outcome;
  }

  #failed(pattern: unknown, error: unknown): void {
    if (!isTenureError(error)) throw error;
    const { code, status, field, agent, capability } = error;
    const scope = (error.data as { scope?: string } | undefined)?.scope;
    const seen = { code, status, field, agent, capability, scope };
    assert.ok(fits(filled(pattern, this.#kept), seen), `${JSON.stringify(seen)}: ${error.message}`);
  }

  async #do(step: Step): Promise<unknown> {
    const args = filled(step.with ?? {}, this.#kept) as Any;
    const tenure = this.#clients.get(step.via ?? "");
    assert.ok(tenure, `no client ${step.via}`);
    const of = step.do === "create" ? "" : (this.#sessions.get(step.on ?? "s") ?? "");
    switch (step.do) {
      case "connect": return this.#connect(step.as ?? "", args);
      case "kill_daemon": return this.#daemon.kill9();
      case "start_daemon": return this.#start();
      case "leave": return this.#daemon.leave(args.path, args.lines);
      case "join": return this.#later.get(args.of) ?? assert.fail(`nothing was begun as ${args.of}`);
      case "race": return this.#race(step);
      case "follow": return void this.#followers.set(step.as ?? "", new Follower(tenure.session(of), args));
      case "until": return this.#followers.get(args.of)?.until(args.event);
      case "exact": return this.#followers.get(args.of)?.exact();
      default: return this.#ask(step.do, tenure, of, args);
    }
  }

  async #connect(name: string, { by, token }: { by: string; token: string }): Promise<void> {
    const { url, socket } = this.#daemon.file;
    const made = async () => (await this.#ground.tokens.create(`t-${name}`, token as Any)).token;
    const secret = token === "home" ? this.#daemon.token : token === "wrong" ? "wrong" : await made();
    this.#clients.set(name, this.#daemon.client(by === "tcp" ? { url, token: secret } : { socket }));
  }

  async #race(step: Step): Promise<void> {
    const all = await Promise.allSettled((step.steps ?? []).map((one) => this.#do(one)));
    const lost = all.filter((one) => one.status === "rejected");
    assert.equal(lost.length, all.length - 1, "one must win, and one alone");
    for (const one of lost) this.#failed(step.fails, one.reason);
  }

  async #ask(what: string, tenure: Tenure, id: string, args: Any): Promise<unknown> {
    const session = id === "" ? undefined : tenure.session(id);
    switch (what) {
      case "create": return (await tenure.sessions.create(args)).created;
      case "list": return all(tenure.sessions.list(args));
      case "info": return tenure.info();
      case "agents": return tenure.agents();
      case "projects": case "processes": case "tokens": return tenure[what].list();
      case "reap": return tenure.processes.reap();
      case "create_token": return tenure.tokens.create(args.name, args.scope);
      case "remove_token": return tenure.tokens.remove(args.name);
      case "register_project": return tenure.projects.register(args);
      case "workspaces": return all(tenure.workspaces.list());
      case "workspace": return tenure.workspaces.get(args.id);
      case "diff_workspace": return tenure.workspaces.diff(args.id);
      case "merge_workspace": { const { id: of, ...how } = args; return tenure.workspaces.merge(of, how); }
      case "discard_workspace": { const { id: of, ...how } = args; return tenure.workspaces.discard(of, how); }
      case "all_asks": return tenure.asks({ state: "open" });
      case "answer": { const { ask_id, ...answer } = args; return tenure.answer(ask_id, answer); }
      case "index": return tenure.history.index(args);
      case "rebuild_index": return tenure.history.rebuildIndex();
      case "history": return all(tenure.history.list(args));
      case "adopt": { const { agent, native_id, ...body } = args; return (await tenure.history.adopt(agent, native_id, body)).created; }
      case "past": return tenure.history.get(args.agent, args.native_id);
      case "past_messages": { const { agent, native_id, ...how } = args; return all(tenure.history.messages(agent, native_id, how)); }
      case "past_transcript": return tenure.history.transcript(args.agent, args.native_id, { format: args.format });
      case "search": { const { q, ...where } = args; return all(tenure.history.search(q, where)); }
      case "usage": return tenure.history.usage(args);
      case "fork": return (await tenure.session(id).fork(args)).created;
    }
    assert.ok(session, `no session for ${what}`);
    switch (what) {
      case "get": return session.get();
      case "update": return session.update(args);
      case "destroy": return session.destroy({ keepTranscript: args.keep_transcript });
      case "send": return send(session, args);
      case "enqueue": { const { input, ...how } = args; return session.enqueue(input, how); }
      case "inputs": return session.inputs();
      case "cancel": return session.cancel(args.input_id);
      case "edit": return session.edit(args.input_id, args.input);
      case "events": return all(session.events(args));
      case "asks": return session.asks({ state: "open" });
      case "interrupt": case "suspend": case "resume": case "close": case "kill": case "clear": case "compact": return session[what](args);
      case "config": return session.config(Object.keys(args).length === 0 ? undefined : args);
      case "capabilities": case "todos": case "tasks": case "metrics": case "process": return session[what]();
      case "raw": return (await session.raw()).items;
      case "rows": return all(session.rows(args));
      case "blob": return new TextDecoder().decode(await session.blob(args.hash));
      case "mcp": return session.mcp.list();
      case "set_mcp": return session.mcp.set(args);
      case "reconnect_mcp": return session.mcp.reconnect(args.name);
      case "enable_mcp": return session.mcp.enable(args.name);
      case "disable_mcp": return session.mcp.disable(args.name);
      case "task": return session.task(args.task_id);
      case "stop_task": return session.stopTask(args.task_id);
      case "rewind": return session.rewind(args);
      case "undo_rewind": return session.undoRewind(args);
      case "command": return session.command(args.name, args.args);
      case "messages": return all(session.messages(args));
      case "transcript": return session.transcript(args);
      case "exec": return session.exec(args);
      case "exec_stream": return execStream(session, args);
      case "write_file": return session.files.write(args.path, args.text);
      case "read_file": return session.files.text(args.path);
      case "remove_file": return session.files.remove(args.path, { recursive: args.recursive });
      case "make_directory": return session.files.makeDirectory(args.path);
      case "stat_file": return session.files.stat(args.path);
      case "list_files": return all(session.files.list(args.path));
      case "find_files": return (await session.files.find(args.glob)).items;
      case "grep_files": return (await session.files.grep(args.pattern)).items;
      case "keep_artifact": return session.artifacts.keep(args.key, args.text ?? { path: args.path });
      case "read_artifact": return new TextDecoder().decode(await session.artifacts.read(args.key, args));
      case "artifacts": return session.artifacts.list();
      case "checkpoints": return all(session.checkpoints.list(args));
      case "diff_checkpoint": return session.checkpoints.diff(args.id);
      case "create_checkpoint": return session.checkpoints.create(args.label);
      case "restore_checkpoint": return session.checkpoints.restore(args.id, { dry_run: args.dry_run });
      default: throw new Error(`a step ${what}`);
    }
  }
}

async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of list) items.push(item);
  return items;
}

async function send(session: Session, { input, answers = [], ...how }: Any): Promise<unknown> {
  let [text, thought] = ["", ""];
  const tools: string[] = [];
  const left = [...answers];
  const result = await session.send(input, {
    ...how,
    onText: (piece) => (text += piece),
    onThought: (piece) => (thought += piece),
    onTool: (tool, phase) => tools.push(`${phase} ${tool.tool}`),
    onAsk: () => left.shift(),
  });
  return { text, thought, tools, result };
}

async function execStream(session: Session, request: Any): Promise<unknown> {
  const pieces = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  let result: unknown;
  for await (const piece of session.execStream(request)) {
    if (piece.type === "stdout" || piece.type === "stderr") pieces[piece.type].push(piece.bytes);
    else if (piece.type === "ended") result = piece.result;
  }
  return { stdout: Buffer.concat(pieces.stdout).toString(), stderr: Buffer.concat(pieces.stderr).toString(), result };
}
