/**
 * The shape of sessions that live in one virtual machine: here one shared workspace, whose sessions carry the tag
 * `vm:KEY`. The page docs/dialects/agentos.md says what each call is in Tenure.
 */
import { TenureError, isTenureError, sentence } from "../errors.js";
import type { Capabilities, McpServerConfig, Permissions, Session as SessionData } from "../generated/api.js";
import type { Session } from "../session.js";
import type { Tenure } from "../tenure.js";
import { VmEvents, type VmEventName, type VmHandlers } from "./agentos/events.js";
import { type ConfigOption, type Modes, type PromptReply, configOptions, modesOf, replyOf } from "./agentos/shapes.js";
import { type Client, client, only, refusal, text } from "./common.js";

export type { PermissionRequestEvent, SessionEvent, VmEventName, VmHandlers } from "./agentos/events.js";
export type { ConfigOption, Modes, PromptReply } from "./agentos/shapes.js";

/** Which workspace. */
export interface AgentOsOptions {
  /** The same key is the same workspace, also in another program: 1 to 60 of `A-Z a-z 0-9 . _ -`. */
  readonly key: string;
  /** What its directory is called in paths; `/home/user` if left out. */
  readonly root?: string;
  readonly permissions?: Permissions;
  /** The client, or how to make one. */
  readonly tenure?: Client;
}

/** A tool server, run beside the agent or reached from there. */
export type VmMcpServer =
  | {
      readonly type: "local";
      readonly name?: string;
      readonly command: string;
      readonly args?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    }
  | { readonly type: "remote"; readonly name?: string; readonly url: string; readonly headers?: Readonly<Record<string, string>> };

/** What `createSession` takes. */
export interface VmSessionOptions {
  /** The agent's environment. Of the host's only `PATH` is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** The root if left out. */
  readonly cwd?: string;
  readonly mcpServers?: readonly VmMcpServer[];
  /** Added to the agent's instructions. */
  readonly additionalInstructions?: string;
  /** Leaves out what Tenure adds to the agent's instructions of its own, which is nothing so far. */
  readonly skipOsInstructions?: boolean;
}

/** What `createSession` gives. */
export interface VmSession {
  readonly sessionId: string;
  readonly agentType: string;
  readonly capabilities: Capabilities | null;
  readonly agentInfo: { readonly name: string; readonly version?: string | null } | null;
}

/** A row of `getSequencedEvents`. */
export interface SequencedEvent {
  readonly sequenceNumber: number;
  readonly notification: { readonly jsonrpc: "2.0"; readonly method: string; readonly params: unknown };
}

/** A row of `getSessionEvents`. */
export interface StoredEvent {
  readonly sessionId: string;
  readonly seq: number;
  readonly event: SequencedEvent["notification"];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A row of `listPersistedSessions`. */
export interface PersistedSession {
  readonly sessionId: string;
  readonly agentType: string;
  readonly title: string | null;
  readonly status: SessionData["lifecycle"];
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Opens a workspace by its key; it is made at the first use. */
export function agentOs(options: AgentOsOptions): AgentOs {
  only("agentOs", options, ["key", "root", "permissions", "tenure"]);
  if (!/^[A-Za-z0-9._-]{1,60}$/.test(text("agentOs", "key", options.key))) {
    throw refusal("agentOs", "wants a `key` of 1 to 60 letters, digits, dots, underscores and hyphens", "key");
  }
  return new AgentOs(options);
}

/** One workspace and its sessions. */
export class AgentOs {
  /** The client underneath. */
  readonly tenure: Tenure;
  readonly #key: string;
  readonly #root: string;
  readonly #permissions: Permissions | undefined;
  readonly #events: VmEvents;
  #holder: Promise<{ readonly session: Session; readonly id: string; readonly path: string }> | undefined;

  constructor(options: AgentOsOptions) {
    this.tenure = client(options.tenure);
    this.#key = options.key;
    this.#root = (options.root ?? "/home/user").replace(/\/+$/, "");
    this.#permissions = options.permissions;
    this.#events = new VmEvents(this.tenure, this.#tag);
  }

  /** Hears of all sessions of this workspace, also of those that do not exist yet. Gives the way to stop. */
  on<Name extends VmEventName>(event: Name, handler: VmHandlers[Name]): () => void {
    return this.#events.on(event, handler);
  }

  /** Starts an agent in the workspace. */
  async createSession(type: string, options: VmSessionOptions = {}): Promise<VmSession> {
    only("createSession", options, ["env", "cwd", "mcpServers", "additionalInstructions", "skipOsInstructions"]);
    const agent = text("createSession", "type", type);
    const machine = await this.#machine();
    const cwd = options.cwd === undefined ? undefined : await this.#directory(options.cwd, machine);
    await this.#events.ready();
    const session = await this.tenure.sessions.create({
      agent,
      ...(cwd === undefined || cwd === machine.path ? { workspace: machine.id } : { cwd }),
      tags: [this.#tag],
      env: { HOME: machine.path, ...options.env },
      inherit_env: ["PATH"],
      permissions: this.#permissions,
      mcp_servers: options.mcpServers?.map((server, at) => this.#mcp(server, at, machine.path)),
      skip_default_instructions: options.skipOsInstructions,
      instructions: options.additionalInstructions === undefined ? undefined : { append: options.additionalInstructions },
      wait: "live",
    });
    const { created } = session;
    return {
      sessionId: session.id,
      agentType: agent,
      capabilities: created?.capabilities ?? null,
      agentInfo: created?.agent_info ?? null,
    };
  }

  /** Says something, and waits for the end of the turn. */
  async sendPrompt(sessionId: string, prompt: string): Promise<PromptReply> {
    const session = await this.#session(sessionId);
    await this.#events.ready();
    let said = "";
    const result = await session.send(text("sendPrompt", "prompt", prompt), { onText: (piece) => (said += piece) });
    return replyOf(result, said);
  }

  /** Ends the running turn. */
  async cancelPrompt(sessionId: string): Promise<void> {
    await (await this.#session(sessionId)).interrupt();
  }

  /** Brings the process of a session back. */
  async resumeSession(sessionId: string): Promise<void> {
    await (await this.#session(sessionId)).resume();
  }

  /** Ends the process; everything that was said stays. */
  async closeSession(sessionId: string): Promise<void> {
    await (await this.#session(sessionId)).close();
  }

  /** Removes the session and all that was said. The workspace's files stay. */
  async destroySession(sessionId: string): Promise<void> {
    await (await this.#session(sessionId)).destroy();
  }

  /** Changes the model of a live session. */
  async setModel(sessionId: string, model: string): Promise<void> {
    await (await this.#session(sessionId)).config({ model: text("setModel", "model", model) });
  }

  /** Changes its mode. */
  async setMode(sessionId: string, mode: string): Promise<void> {
    await (await this.#session(sessionId)).config({ mode: text("setMode", "mode", mode) });
  }

  /** Changes how hard it thinks. */
  async setThoughtLevel(sessionId: string, level: string): Promise<void> {
    await (await this.#session(sessionId)).config({ effort: text("setThoughtLevel", "level", level) });
  }

  /** Its modes, and the one in force. */
  async getModes(sessionId: string): Promise<Modes> {
    return modesOf(await (await this.#session(sessionId)).get());
  }

  /** What can be set on it: model, mode, thought level. */
  async getConfigOptions(sessionId: string): Promise<ConfigOption[]> {
    return configOptions(await (await this.#session(sessionId)).get());
  }

  /** Answers a permission request. */
  async respondPermission(sessionId: string, permissionId: string, reply: "once" | "always" | "reject"): Promise<void> {
    if (!["once", "always", "reject"].includes(reply)) throw refusal("respondPermission", "takes once, always or reject", "reply");
    await (await this.#session(sessionId)).answer(text("respondPermission", "permissionId", permissionId), { decision: reply });
  }

  /** Its events after a number, for going on where one was. */
  async getSequencedEvents(sessionId: string, options: { since?: number } = {}): Promise<SequencedEvent[]> {
    only("getSequencedEvents", options, ["since"]);
    const rows: SequencedEvent[] = [];
    const session = await this.#session(sessionId);
    for await (const row of session.rows({ after: options.since ?? 0 })) {
      if (row.seq == null) continue;
      rows.push({ sequenceNumber: row.seq, notification: { jsonrpc: "2.0", method: row.method, params: row.params } });
    }
    return rows;
  }

  /** All its events as they are stored; no agent needs to run. */
  async getSessionEvents(sessionId: string): Promise<StoredEvent[]> {
    const rows: StoredEvent[] = [];
    const session = await this.#session(sessionId);
    for await (const row of session.rows()) {
      if (row.seq == null) continue;
      const event = { jsonrpc: "2.0", method: row.method, params: row.params } as const;
      rows.push({ sessionId: session.id, seq: row.seq, event, createdAt: Date.parse(row.ts) });
    }
    return rows;
  }

  /** Its sessions, closed ones too, newest activity first. */
  async listPersistedSessions(): Promise<PersistedSession[]> {
    const rows: PersistedSession[] = [];
    for await (const session of this.tenure.sessions.list({ tag: this.#tag, archived: "any" })) {
      rows.push({
        sessionId: session.id,
        agentType: session.agent,
        title: session.title ?? session.first_input ?? null,
        status: session.lifecycle,
        createdAt: Date.parse(session.created_at),
        updatedAt: Date.parse(session.updated_at),
      });
    }
    return rows;
  }

  get #tag(): string {
    return `vm:${this.#key}`;
  }

  /** A session of this workspace, and of no other. */
  async #session(id: string): Promise<Session> {
    const session = this.tenure.session(text("this call", "sessionId", id));
    const data = await session.get();
    if (data.lifecycle !== "destroyed" && !data.tags.includes(this.#tag)) {
      throw new TenureError("not_found", `session ${id} is not one of ${this.#tag}`, { sessionId: id });
    }
    return session;
  }

  /** The workspace. A session that never starts holds it, so that it outlives those that work in it. */
  #machine(): Promise<{ session: Session; id: string; path: string }> {
    this.#holder ??= (async () => {
      const body = { id: `vm-${this.#key}`, agent: "scripted", start: false, workspace: { scratch: true } } as const;
      const session = await this.tenure.sessions.create({ ...body, tags: [`vm-root:${this.#key}`], title: `The files of ${this.#tag}` });
      const { workspace } = session.created ?? (await session.get());
      return { session, id: workspace.id, path: workspace.path };
    })();
    this.#holder.catch(() => (this.#holder = undefined));
    return this.#holder;
  }

  /** A path in the workspace as it really is. */
  #path(path: string, real: string): string {
    if (path === this.#root || path.startsWith(`${this.#root}/`)) return real + path.slice(this.#root.length);
    return path;
  }

  /** A directory to work in; made where it is missing. */
  async #directory(cwd: string, machine: { session: Session; path: string }): Promise<string> {
    const path = this.#path(cwd, machine.path).replace(/\/+$/, "");
    if (path !== machine.path && !path.startsWith(`${machine.path}/`)) {
      throw refusal("createSession", `works below ${this.#root}: ${cwd} is outside`, "cwd");
    }
    if (path !== machine.path) {
      await machine.session.files.makeDirectory(path).catch((error: unknown) => {
        if (!isTenureError(error, "conflict")) throw new TenureError("usage", `${cwd}: ${sentence(error)}`, { field: "cwd", cause: error });
      });
    }
    return path;
  }

  #mcp(server: VmMcpServer, at: number, real: string): McpServerConfig {
    const name = server.name ?? `mcp-${at + 1}`;
    if (server.type === "local") {
      only("createSession", server, ["type", "name", "command", "args", "env"]);
      const args = server.args?.map((arg) => this.#path(arg, real));
      return { name, type: "stdio", command: this.#path(server.command, real), args, env: server.env };
    }
    if (server.type !== "remote") throw refusal("createSession", "knows tool servers of type local and remote", "mcpServers");
    only("createSession", server, ["type", "name", "url", "headers"]);
    const sse = new URL(server.url).pathname.endsWith("/sse");
    return { name, type: sse ? "sse" : "http", url: server.url, headers: server.headers };
  }
}
