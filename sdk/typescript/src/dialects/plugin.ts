/**
 * The shape of a plugin's session interface: a backend (`ctx`) and a frontend (`AgentMC`) that differ in small ways.
 * The page docs/dialects/plugin.md says what each call is in Tenure.
 */
import { call } from "../callbacks.js";
import type { CreateSession, Message, Permissions } from "../generated/api.js";
import { isDurable } from "../events.js";
import { isTenureError, sentence } from "../errors.js";
import type { Tenure } from "../tenure.js";
import { type Client, client, only, present, refusal, text } from "./common.js";
import { type Moment, isFresh, momentOrArchived } from "./status.js";

/** The status strings of this dialect. */
export type PluginStatus = "starting" | "running" | "needs_input" | "paused" | "ended" | "error" | "archived";

/** How sessions of a plugin are made. */
export interface PluginOptions {
  /** The agent of its sessions; `claude` if left out. */
  readonly agent?: string;
  /** Where sessions without a project work. */
  readonly cwd: string;
  /** Directories by project id. */
  readonly projects?: Readonly<Record<string, string>>;
  readonly model?: string;
  readonly permissions?: Permissions;
  /** The client, or how to make one. */
  readonly tenure?: Client;
  /** Where `ctx.log` goes; the console if left out. */
  readonly log?: PluginLog;
}

/** `ctx.log`. */
export interface PluginLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** A row of the backend's `getMessages`. */
export interface BackendMessage {
  readonly id: string;
  readonly role: string;
  readonly text: string;
  readonly timestamp: string;
}

/** A row of the frontend's `getMessages`. */
export interface FrontendMessage {
  readonly id: string;
  readonly role: string;
  readonly content: string;
  readonly timestamp: string;
}

/** `ctx.sessions`. */
export interface PluginSessions {
  create(opts: { prompt?: string; projectId?: string }): Promise<{ sessionId: string }>;
  sendMessage(sessionId: string, text: string): Promise<void>;
  getStatus(sessionId: string): Promise<PluginStatus>;
  getMessages(sessionId: string): Promise<BackendMessage[]>;
  stop(sessionId: string): Promise<void>;
  onStatusChange(sessionId: string, handler: (status: PluginStatus) => void): () => void;
}

/** `AgentMC.session`. */
export interface BridgeSession {
  create(opts: { prompt?: string }): Promise<{ sessionId: string }>;
  sendMessage(sessionId: string, opts: { text: string }): Promise<void>;
  getStatus(sessionId: string): Promise<PluginStatus>;
  getMessages(sessionId: string): Promise<FrontendMessage[]>;
  rename(sessionId: string, name: string): Promise<void>;
  stop(sessionId: string): Promise<void>;
  launchWithDraft(opts: { projectId: string; draftText: string }): Promise<void>;
}

/** Both sides of a plugin. */
export interface Plugin {
  readonly ctx: { readonly sessions: PluginSessions; readonly log: PluginLog };
  readonly AgentMC: { readonly session: BridgeSession };
  /** The client underneath. */
  readonly tenure: Tenure;
}

/** Makes a plugin's two sides over one daemon. */
export function createPlugin(options: PluginOptions): Plugin {
  only("createPlugin", options, ["agent", "cwd", "projects", "model", "permissions", "tenure", "log"]);
  const inner = new Sessions(options);
  const log = options.log ?? console;
  return { ctx: { sessions: backend(inner, log), log }, AgentMC: { session: frontend(inner) }, tenure: inner.tenure };
}

function backend(inner: Sessions, log: PluginLog): PluginSessions {
  return {
    async create(opts) {
      only("create", opts, ["prompt", "projectId"], "opts");
      return { sessionId: await inner.create(opts.prompt, opts.projectId) };
    },
    async sendMessage(sessionId, message) {
      if (typeof message !== "string") throw refusal("sendMessage", `takes a text on the backend, not ${typeof message}`, "text");
      await inner.send(sessionId, message);
    },
    getStatus: (sessionId) => inner.status(sessionId),
    async getMessages(sessionId) {
      const row = (m: Message) => ({ id: m.id, role: m.role, text: m.text, timestamp: m.ts });
      return (await inner.messages(sessionId)).map(row);
    },
    stop: (sessionId) => inner.stop(sessionId),
    onStatusChange: (sessionId, handler) => inner.watch(sessionId, handler, log),
  };
}

function frontend(inner: Sessions): BridgeSession {
  return {
    async create(opts) {
      only("create on the frontend", opts, ["prompt"], "opts");
      return { sessionId: await inner.create(opts.prompt, undefined) };
    },
    async sendMessage(sessionId, opts) {
      only("sendMessage on the frontend", opts, ["text"], "opts");
      await inner.send(sessionId, opts.text);
    },
    getStatus: (sessionId) => inner.status(sessionId),
    async getMessages(sessionId) {
      const row = (m: Message) => ({ id: m.id, role: m.role, content: m.text, timestamp: m.ts });
      return (await inner.messages(sessionId)).map(row);
    },
    async rename(sessionId, name) {
      await inner.tenure.session(sessionId).update({ title: text("rename", "name", name) });
    },
    stop: (sessionId) => inner.stop(sessionId),
    async launchWithDraft(opts) {
      only("launchWithDraft", opts, ["projectId", "draftText"], "opts");
      const draft = text("launchWithDraft", "draftText", opts.draftText);
      const place = await inner.place(text("launchWithDraft", "projectId", opts.projectId));
      await inner.tenure.sessions.create({ ...inner.spec, ...place, draft });
    },
  };
}

/** What both sides do. */
class Sessions {
  readonly tenure: Tenure;
  readonly spec: Pick<CreateSession, "agent" | "model" | "permissions">;
  readonly #options: PluginOptions;
  readonly #registered = new Map<string, Promise<string>>();
  /** What handlers begin with, until it is known. */
  readonly #beginnings = new Set<Promise<unknown>>();

  constructor(options: PluginOptions) {
    this.#options = options;
    this.tenure = client(options.tenure);
    this.spec = { agent: options.agent ?? "claude", model: options.model, permissions: options.permissions };
  }

  async create(prompt: string | undefined, projectId: string | undefined): Promise<string> {
    const place = await this.place(projectId);
    const input = prompt === undefined ? undefined : text("create", "prompt", prompt);
    return (await this.tenure.sessions.create({ ...this.spec, ...place, input })).id;
  }

  /** Where a session works. A project is registered with its directory at its first use. */
  async place(projectId: string | undefined): Promise<{ cwd: string } | { project: string }> {
    if (projectId === undefined) return { cwd: this.#options.cwd };
    const projects = this.#options.projects ?? {};
    const path = Object.hasOwn(projects, projectId) ? projects[projectId] : undefined;
    if (path === undefined) {
      throw refusal("create", `does not know the projectId \`${projectId}\`: name its directory in \`projects\``, "projectId");
    }
    let registered = this.#registered.get(projectId);
    if (registered === undefined) {
      registered = this.#register(projectId, path);
      this.#registered.set(projectId, registered);
      registered.catch(() => this.#registered.delete(projectId));
    }
    return { project: await registered };
  }

  /** Gives the project's id in Tenure: a directory in which something has worked before may have one already. */
  async #register(id: string, path: string): Promise<string> {
    try {
      return (await this.tenure.projects.register({ id, path })).id;
    } catch (error) {
      const known = isTenureError(error, "conflict") ? (error.data as { readonly id?: unknown } | undefined)?.id : undefined;
      if (typeof known !== "string") throw error;
      return known;
    }
  }

  /** A session that was ended goes on. */
  async send(sessionId: string, message: string): Promise<void> {
    const session = this.tenure.session(sessionId);
    const input = text("sendMessage", "text", message);
    const id = `in-${crypto.randomUUID()}`;
    await this.#heard();
    try {
      await session.enqueue(input, { id });
    } catch (error) {
      if (!isTenureError(error, "closed")) throw error;
      await session.resume({ wait: "accepted" });
      await session.enqueue(input, { id });
    }
  }

  async status(sessionId: string): Promise<PluginStatus> {
    const session = present(await this.tenure.sessions.get(sessionId));
    return STATUS[momentOrArchived(session, { fresh: isFresh(session) })];
  }

  async messages(sessionId: string): Promise<Message[]> {
    const all: Message[] = [];
    for await (const message of this.tenure.session(sessionId).messages()) all.push(message);
    return all;
  }

  async stop(sessionId: string): Promise<void> {
    await this.#heard();
    await this.tenure.session(sessionId).close();
  }

  /** Waits until those who listen already miss nothing that is done from here on. */
  async #heard(): Promise<void> {
    await Promise.allSettled(this.#beginnings);
  }

  /** Tells each change of the status; never before it has returned, and never the status that it begins with. */
  watch(sessionId: string, handler: (status: PluginStatus) => void, log: PluginLog): () => void {
    const stopped = new AbortController();
    const { signal } = stopped;
    const session = this.tenure.session(sessionId);
    const beginning = session.get({ signal });
    this.#beginnings.add(beginning);
    const watching = async () => {
      const now = await beginning.finally(() => this.#beginnings.delete(beginning));
      let last = STATUS[momentOrArchived(now, { fresh: isFresh(now) })];
      let fresh = isFresh(now);
      for await (const event of session.follow({ after: now.last_seq, signal })) {
        if (!isDurable(event)) continue;
        if (event.type === "process.started") fresh = true;
        if (event.type === "turn.started") fresh = false;
        if (!("lifecycle" in event.data) || event.type === "session.destroyed") continue;
        const status = STATUS[momentOrArchived(event.data, { fresh })];
        if (status === last) continue;
        last = status;
        call(
          () => handler(status),
          (error) => log.error(`a handler of onStatusChange threw: ${sentence(error)}`),
        );
        // The handler may have ended this.
        if (signal.aborted) return;
      }
    };
    watching().catch((error: unknown) => {
      if (!signal.aborted) log.error(`onStatusChange of ${sessionId} ended: ${sentence(error)}`);
    });
    return () => stopped.abort();
  }
}

const STATUS: Record<Moment, PluginStatus> = {
  archived: "archived",
  creating: "starting",
  failed: "error",
  closed: "ended",
  destroyed: "ended",
  paused: "paused",
  rested: "needs_input",
  fell: "error",
  first_queued: "running",
  running: "running",
  waits_for_person: "needs_input",
  waits_for_limit: "paused",
  compacting: "running",
  interrupting: "running",
  stalled: "running",
  tasks_running: "running",
  idle_failed: "error",
  idle_limit: "paused",
  idle_interrupted: "needs_input",
  idle: "needs_input",
};
