/**
 * The shape of a `SessionHandle`: a client, its agents, and handles of their sessions.
 * The page docs/dialects/handle.md says what each call is in Tenure.
 */
import type { CreateSession, Permissions } from "../generated/api.js";
import type { Session } from "../session.js";
import type { Tenure } from "../tenure.js";
import { type Client as TenureClient, client, only, present, refusal, text } from "./common.js";
import { type MessageInput, type PermissionReply, type SendResult, type TodoItem, type Tokens, type WithParts, inputOf, todoOf, tokensOf, withParts } from "./handle/shapes.js";
import { type AgentEvent, type StreamCallbacks, agentEvents, sendWithCallbacks } from "./handle/stream.js";
import { type Moment, isFresh, moment } from "./status.js";

export type { AgentEvent, StreamCallbacks } from "./handle/stream.js";
export type {
  MessageInput,
  MessageInputPart,
  Part,
  PermissionReply,
  PermissionRequest,
  SendResult,
  TodoItem,
  Tokens,
  ToolState,
  WithParts,
} from "./handle/shapes.js";

/** What a session's directory is called in this dialect. */
const WORKSPACE = "/workspace";
/** The exit code of a command whose time was over. */
const TIMED_OUT = 124;

/** An agent and how its sessions are made. */
export interface AgentConfig {
  /** The agent's name in Tenure, for example `claude`. */
  readonly agent: string;
  readonly model?: string;
  /** A directory to work in; else each session gets a new one. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly instructions?: string;
  readonly permissions?: Permissions;
  /** Files that are kept as artifacts whenever a turn has ended. */
  readonly artifacts?: CreateSession["artifacts"];
  /** Offers the agent a tool by which it keeps artifacts itself; only for agents that take tool servers. */
  readonly artifactTool?: boolean;
}

/** What `createSession` takes. */
export interface CreateOptions {
  readonly title?: string;
}

/** What `getInfo` gives; times in milliseconds since 1970. */
export interface SessionInfo {
  readonly id: string;
  readonly title: string;
  readonly status: "idle" | "busy" | "compacting" | "error";
  readonly parentId?: string;
  readonly timeCreated: number;
  readonly timeUpdated: number;
}

/** What a command gave. */
export interface ShellResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 124 if its time was over; 128 and more if a signal ended it. */
  readonly exitCode: number;
}

/** What a session has used. */
export interface SessionMetrics {
  readonly sessionId: string;
  readonly messages: number;
  readonly steps: number;
  readonly toolCalls: number;
  readonly toolUsage: Record<string, number>;
  readonly tokens: Tokens;
  /** US dollars; NaN where nobody knows. */
  readonly cost: number;
}

/** Makes a client of the daemon of this machine, or of the one that is named. */
export function createClient(options?: TenureClient): Client {
  return new Client(client(options));
}

/** Agents and sessions of one daemon. */
export class Client {
  /** The client underneath. */
  readonly tenure: Tenure;

  constructor(tenure: Tenure) {
    this.tenure = tenure;
  }

  /** An agent by its name, or with how its sessions are made. */
  agent(config: string | AgentConfig): Agent {
    return new Agent(this.tenure, typeof config === "string" ? { agent: config } : config);
  }

  /** A session that exists, without asking whether it does. */
  session(id: string): SessionHandle {
    return new SessionHandle(this.tenure.session(text("session", "id", id)));
  }
}

/** An agent that can be given sessions. */
export class Agent {
  readonly #tenure: Tenure;
  readonly #config: AgentConfig;

  constructor(tenure: Tenure, config: AgentConfig) {
    only("agent", config, ["agent", "model", "cwd", "env", "instructions", "permissions", "artifacts", "artifactTool"], "config");
    text("agent", "agent", config.agent);
    this.#tenure = tenure;
    this.#config = config;
  }

  /** Starts a session. */
  async createSession(options: CreateOptions = {}): Promise<SessionHandle> {
    only("createSession", options, ["title"]);
    const { instructions, cwd, artifactTool, ...config } = this.#config;
    const place = cwd === undefined ? { workspace: { scratch: true } } : { cwd };
    const more = instructions === undefined ? {} : { instructions: { append: instructions } };
    return new SessionHandle(await this.#tenure.sessions.create({ ...config, ...place, ...more, artifact_tool: artifactTool, title: options.title }));
  }
}

/** A conversation with an agent. */
export class SessionHandle {
  /** The session's id. */
  readonly id: string;
  readonly #session: Session;
  #root: Promise<string> | undefined;

  constructor(session: Session) {
    this.id = session.id;
    this.#session = session;
  }

  /** Sends a message, calls back while the agent answers, and gives the result when its turn has ended. */
  async send(input: string | MessageInput, callbacks: StreamCallbacks = {}): Promise<SendResult> {
    const reply = (id: string, given: PermissionReply) => this.replyToPermission(id, given);
    return sendWithCallbacks(this.#session, inputOf("send", input), callbacks, reply);
  }

  /** Sends a message and yields what happens; the last is `done`. Leaving the loop leaves the turn running. */
  stream(input: string | MessageInput): AsyncIterable<AgentEvent> {
    return agentEvents(this.#session, inputOf("stream", input));
  }

  /** Ends the running turn. */
  async abort(): Promise<void> {
    await this.#session.interrupt();
  }

  /** Has the agent compact its context. */
  async summarize(): Promise<void> {
    await this.#session.compact();
  }

  /** Takes the conversation back to a message; all after it is removed. */
  async revert(messageId: string): Promise<void> {
    await this.#session.rewind({ to: { message: text("revert", "messageId", messageId) }, scope: "conversation" });
  }

  /** Runs a command where the session works, without its agent. */
  async shell(command: string, opts: { timeout?: number; cwd?: string } = {}): Promise<ShellResult> {
    only("shell", opts, ["timeout", "cwd"], "opts");
    const root = await this.#workspace();
    const shell = text("shell", "command", command).replace(/(?<![\w./~-])\/workspace(?![\w.-])/g, () => root);
    const cwd = opts.cwd === undefined ? undefined : await this.#path(opts.cwd);
    const done = await this.#session.exec({ shell, cwd, timeout_ms: opts.timeout });
    const code = done.timed_out ? TIMED_OUT : (done.exit_code ?? 128 + (done.signal ?? 0));
    return { stdout: done.stdout, stderr: done.stderr, exitCode: code };
  }

  /** A file's text. */
  async getFile(path: string): Promise<string> {
    return this.#session.files.text(await this.#path(path));
  }

  /** A file's bytes. */
  async getFileBuffer(path: string): Promise<ArrayBuffer> {
    return (await this.#session.files.read(await this.#path(path))).buffer;
  }

  /** An artifact's text. */
  async getArtifact(key: string): Promise<string> {
    return new TextDecoder().decode(await this.getArtifactBuffer(key));
  }

  /** An artifact's bytes. */
  async getArtifactBuffer(key: string): Promise<ArrayBuffer> {
    return (await this.#session.artifacts.read(text("getArtifact", "key", key))).buffer;
  }

  /** What the session is. */
  async getInfo(): Promise<SessionInfo> {
    const session = present(await this.#session.get());
    return {
      id: session.id,
      title: session.title ?? session.first_input ?? "",
      status: STATUS[moment(session, { fresh: isFresh(session) })],
      ...(session.parent == null ? {} : { parentId: session.parent.session_id }),
      timeCreated: Date.parse(session.created_at),
      timeUpdated: Date.parse(session.updated_at),
    };
  }

  /** Everything that was said. */
  async getMessages(): Promise<WithParts[]> {
    const all: WithParts[] = [];
    for await (const message of this.#session.messages()) all.push(withParts(this.id, message));
    return all;
  }

  /** What it has used. */
  async getMetrics(): Promise<SessionMetrics> {
    const metrics = await this.#session.metrics();
    return {
      sessionId: this.id,
      messages: metrics.messages,
      steps: metrics.steps,
      toolCalls: metrics.tool_calls,
      toolUsage: { ...(metrics.tool_usage as Record<string, number>) },
      tokens: tokensOf(metrics.usage),
      cost: metrics.usage.cost_usd ?? NaN,
    };
  }

  /** The agent's list of things to do. */
  async getTodos(): Promise<TodoItem[]> {
    return (await this.#session.todos()).map(todoOf);
  }

  /** Changes title and archived mark. */
  async update(opts: { title?: string; archived?: boolean }): Promise<void> {
    only("update", opts, ["title", "archived"], "opts");
    await this.#session.update(opts);
  }

  /** Ends the session and removes it with its sandbox. A directory that was given stays. */
  async end(): Promise<void> {
    await this.#session.destroy();
  }

  /** Answers a permission request. */
  async replyToPermission(requestId: string, reply: PermissionReply, message?: string): Promise<void> {
    if (!["once", "always", "reject"].includes(reply)) throw refusal("replyToPermission", `takes once, always or reject, not \`${String(reply)}\``, "reply");
    await this.#session.answer(text("replyToPermission", "requestId", requestId), { decision: reply, message });
  }

  /** Runs one of the agent's own commands; gives the text of its answer. */
  async runCommand(name: string, args?: string | Record<string, unknown>): Promise<string> {
    return (await this.#session.command(text("runCommand", "name", name), args)).text;
  }

  /** The session's events as the daemon sends them, after an event's id. Cancel the stream to let go of it. */
  async events(lastEventId: string | number = 0): Promise<ReadableStream<Uint8Array>> {
    const after = Number(lastEventId);
    if (!Number.isSafeInteger(after) || after < 0) throw refusal("events", `wants an event's id, not \`${lastEventId}\``, "lastEventId");
    return this.#session.rawEvents({ after, deltas: true });
  }

  /** Where it really works. Fixed from its creation on. */
  #workspace(): Promise<string> {
    const known = this.#session.created?.cwd;
    this.#root ??= known === undefined ? this.#session.get().then((session) => session.cwd) : Promise.resolve(known);
    this.#root.catch(() => (this.#root = undefined));
    return this.#root;
  }

  async #path(path: string): Promise<string> {
    text("this call", "path", path);
    if (path !== WORKSPACE && !path.startsWith(`${WORKSPACE}/`)) return path;
    return (await this.#workspace()) + path.slice(WORKSPACE.length);
  }
}

const STATUS: Record<Moment, SessionInfo["status"]> = {
  archived: "idle",
  creating: "busy",
  failed: "error",
  closed: "idle",
  destroyed: "idle",
  paused: "idle",
  rested: "idle",
  fell: "error",
  first_queued: "busy",
  running: "busy",
  waits_for_person: "busy",
  waits_for_limit: "busy",
  compacting: "compacting",
  interrupting: "busy",
  stalled: "busy",
  tasks_running: "busy",
  idle_failed: "error",
  idle_limit: "idle",
  idle_interrupted: "idle",
  idle: "idle",
};
