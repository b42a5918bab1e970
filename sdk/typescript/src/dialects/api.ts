/**
 * The shape of a desktop application's session interface: execute, continue, resume, monitor, cancel.
 * The page docs/dialects/api.md says what each call is in Tenure. Events are in `api/watch.ts`.
 */
import { TenureError, isTenureError } from "../errors.js";
import type { CreateSession, Permissions, Session as SessionData } from "../generated/api.js";
import type { Session } from "../session.js";
import type { Tenure } from "../tenure.js";
import { type ApiProject, type ApiSession, type HistoryRow, Past } from "./api/past.js";
import { type ApiEvent, type EventName, Watch } from "./api/watch.js";
import { WORKING } from "./api/working.js";
import { type Client, begun, client, only, present, refusal, text } from "./common.js";
import { type Moment, isFresh, moment, works } from "./status.js";

export type { ApiProject, ApiSession, HistoryRow } from "./api/past.js";
export type { ApiEvent, CompletePayload, ErrorPayload, EventName, OutputPayload, Payload, StatusPayload } from "./api/watch.js";

/** The tag of sessions that this dialect starts. */
export const TAG = "claude-api";
/** Seconds without work after which their process ends. */
const IDLE_SECONDS = 2;

/** Lifecycles of sessions that hold a conversation. */
const HOLDING = "creating,live,suspended,closed";

/** How sessions are started, and which are seen. */
export interface ApiOptions {
  /** `claude` if left out. */
  readonly agent?: string;
  readonly permissions?: Permissions;
  /** `node` (all sessions of the daemon) if left out; `own`: those that carry the tag of this dialect. */
  readonly scope?: "node" | "own";
  /** The client, or how to make one. */
  readonly tenure?: Client;
}

/** A row of `listRunningClaudeSessions`. */
export interface RunningSession {
  readonly session_id: string;
  readonly project_path: string;
  readonly started_at: string;
  readonly pid: number;
  readonly model: string;
  readonly status: "running" | "initializing" | "completing";
  readonly memory_mb: number;
  readonly runtime_seconds: number;
}

/** What a session begins with, whether it is new or goes on in a conversation. */
type Begin = Pick<CreateSession, "id" | "cwd" | "model" | "tags" | "limits" | "permissions" | "input">;

/** The interface itself. */
export class Api {
  /** The client underneath. */
  readonly tenure: Tenure;
  readonly #options: ApiOptions;
  readonly #agent: string;
  readonly #past: Past;
  readonly #watch: Watch;

  constructor(options: ApiOptions = {}) {
    only("createApi", options, ["agent", "permissions", "scope", "tenure"]);
    this.#options = options;
    this.#agent = options.agent ?? "claude";
    this.tenure = client(options.tenure);
    this.#past = new Past(this.tenure, this.#agent, this.#tag().tag);
    this.#watch = new Watch(this.tenure, this.#tag().tag);
  }

  /** Starts a session; resolves when its first turn has begun, and rejects if its agent does not start. */
  readonly executeClaudeCode = async (projectPath: string, prompt: string, model?: string): Promise<void> => {
    const input = text("executeClaudeCode", "prompt", prompt);
    await begun(await this.tenure.sessions.create({ agent: this.#agent, ...this.#request(projectPath, model, input) }));
  };

  /** Says more in the newest session of a project. */
  readonly continueClaudeCode = async (projectPath: string, prompt: string, model?: string): Promise<void> => {
    const input = text("continueClaudeCode", "prompt", prompt);
    const cwd = text("continueClaudeCode", "projectPath", projectPath);
    const session = await this.#newest(cwd);
    const other = await this.#past.newest(cwd);
    // A conversation that the agent has had by itself may be newer than all of ours.
    const later = other !== undefined && (session === undefined || Date.parse(other.updated_at) > Date.parse(session.updated_at));
    if (later) return this.#takeUp(other.native_id, this.#request(cwd, model, input));
    if (session !== undefined) return this.#more(session, input, model);
    throw new TenureError("not_found", `${this.#agent} has had no conversation in ${cwd} to continue`);
  };

  /** Says more in one session, by our id or the agent's own. */
  readonly resumeClaudeCode = async (
    projectPath: string,
    sessionId: string,
    prompt: string,
    model?: string,
  ): Promise<void> => {
    const input = text("resumeClaudeCode", "prompt", prompt);
    const session = await this.#look(text("resumeClaudeCode", "sessionId", sessionId));
    if (session !== undefined) return this.#more(session, input, model);
    await this.#takeUp(sessionId, this.#request(projectPath, model, input));
  };

  /** Sessions with a process that work, have tasks or were started here; the newest process first. */
  readonly listRunningClaudeSessions = async (): Promise<RunningSession[]> => {
    const rows: RunningSession[] = [];
    const sessions = await this.#running();
    if (sessions.length === 0) return rows;
    // A list of sessions tells which processes there are; their own list has measured them.
    const measured = new Map((await this.tenure.processes.list()).map((one) => [one.state === "running" ? one.session_id : null, one]));
    for (const session of sessions) {
      const status = LISTED[moment(session, { fresh: isFresh(session) })];
      const running = measured.get(session.id) ?? session.process;
      if (status === undefined || running == null) continue;
      rows.push({
        session_id: session.id,
        project_path: session.cwd,
        started_at: running.started_at,
        pid: running.pid,
        model: session.model ?? session.model_effective ?? "",
        status,
        memory_mb: running.memory_mb ?? 0,
        runtime_seconds: running.runtime_seconds,
      });
    }
    const started = (row: RunningSession) => Date.parse(row.started_at);
    return rows.sort((a, b) => started(b) - started(a) || (a.session_id < b.session_id ? 1 : -1));
  };

  /** Interrupts and closes one session, or all that `listRunningClaudeSessions` lists; gives the ids. */
  readonly cancelClaudeExecution = async (sessionId?: string): Promise<string[]> => {
    if (sessionId !== undefined) {
      const { id } = await this.#known(sessionId);
      await this.#cancel(this.tenure.session(id));
      return [id];
    }
    const ids = (await this.#running()).map((session) => session.id);
    const ends = await Promise.allSettled(ids.map((id) => this.#cancel(this.tenure.session(id))));
    // One that is gone meanwhile needs no cancelling.
    const failed = ends.find((end) => end.status === "rejected" && !isTenureError(end.reason, "not_found", "destroyed"));
    if (failed?.status === "rejected") throw failed.reason;
    return ids;
  };

  /** What was said so far, a JSON object per line; the message that is being written comes last. */
  readonly getClaudeSessionOutput = async (sessionId: string): Promise<string> => {
    const { id } = await this.#known(sessionId);
    const lines = (await this.tenure.session(id).transcript({ format: "jsonl" })).split("\n");
    const row = (line: string) => {
      const { role, content, timestamp } = JSON.parse(line) as Record<string, unknown>;
      return `${JSON.stringify({ role, content, timestamp })}\n`;
    };
    return lines.filter((line) => line !== "").map(row).join("");
  };

  /** Forgets processes that have ended; gives the ids of their sessions (of a command its process id). */
  readonly cleanupFinishedProcesses = async (): Promise<string[]> => {
    const reaped = await this.tenure.processes.reap();
    return [...new Set(reaped.map((one) => one.session_id ?? String(one.pid)))];
  };

  /** Directories in which there are sessions, here or of other tools, each once; newest activity first. */
  readonly listProjects = (): Promise<ApiProject[]> => this.#past.projects();

  /** Sessions of a project, and conversations in it that no session here holds; newest activity first. */
  readonly getProjectSessions = async (projectId: string): Promise<ApiSession[]> =>
    this.#past.sessions(text("getProjectSessions", "projectId", projectId));

  /** Everything that was said in one of them, oldest first. */
  readonly loadSessionHistory = async (sessionId: string, projectId: string): Promise<HistoryRow[]> => {
    const session = await this.#look(text("loadSessionHistory", "sessionId", sessionId));
    const here = session?.lifecycle === "destroyed" ? undefined : session;
    return this.#past.messages(sessionId, text("loadSessionHistory", "projectId", projectId), here);
  };

  /** Listens to an event, or with `NAME:ID` to that of one session. Resolves once nothing can be missed any more. */
  readonly listen = <Name extends string>(
    event: Name,
    handler: (event: ApiEvent<EventName<Name>>) => void,
  ): Promise<() => void> => this.#watch.listen(event, handler as (event: ApiEvent) => void);

  /** What all sessions of this interface begin with. */
  #request(projectPath: string, model: string | undefined, input: string): Begin {
    return {
      // What uses this interface shows the first eight characters of an id, by which those of Tenure's own do not differ.
      id: crypto.randomUUID(),
      cwd: text("this call", "projectPath", projectPath),
      model: model ?? (this.#agent === "claude" ? "sonnet" : undefined),
      tags: [TAG],
      limits: { idle_seconds: IDLE_SECONDS },
      permissions: this.#options.permissions,
      input,
    };
  }

  /** Goes on in a conversation that the agent has had by itself; with what was said before, where its files can be read. */
  async #takeUp(native_id: string, request: Begin): Promise<void> {
    const agent = this.#agent;
    const adopted = await this.#past.adopt(native_id, { agent, ...request });
    await begun(adopted ?? (await this.tenure.sessions.create({ agent, ...request, resume: { native_id } })));
  }

  /** Behind a turn that runs it waits in the queue, and this does not wait with it. */
  async #more(data: SessionData, input: string, model: string | undefined): Promise<void> {
    const session = this.tenure.session(data.id);
    if (data.lifecycle === "closed") await session.resume();
    const wait = works(moment(data, { fresh: false })) ? "accepted" : "started";
    await session.enqueue(input, { model, wait });
  }

  async #cancel(session: Session): Promise<void> {
    try {
      await session.interrupt({ queue: "discard" });
    } catch (error) {
      // Ended already, or deaf: closing is what counts.
      if (!isTenureError(error, "closed", "timeout", "agent_exited", "conflict")) throw error;
    }
    await session.close();
  }

  async #running(): Promise<SessionData[]> {
    const found = new Map<string, SessionData>();
    // In this order: one that gets live meanwhile is met twice, and not never.
    for (const lifecycle of ["creating", "live"] as const) {
      for await (const session of this.tenure.sessions.list({ lifecycle, archived: "any", ...this.#tag() })) {
        const busy = works(moment(session, { fresh: isFresh(session) })) || session.tags.includes(TAG);
        if (session.process != null && busy) found.set(session.id, session);
      }
    }
    return [...found.values()];
  }

  /** The session of a directory in which something happened last. */
  async #newest(cwd: string): Promise<SessionData | undefined> {
    for await (const session of this.tenure.sessions.list({ cwd, agent: this.#agent, archived: "any", limit: 10, ...this.#tag() })) {
      if (session.lifecycle !== "failed" && session.draft == null) return session;
    }
    return undefined;
  }

  /** A session by our id or the agent's own. */
  async #look(id: string): Promise<SessionData | undefined> {
    try {
      return await this.tenure.sessions.get(id);
    } catch (error) {
      if (!isTenureError(error, "not_found", "invalid")) throw error;
    }
    // One that was to resume a conversation and could not holds none.
    return (await this.tenure.sessions.list({ native_id: id, lifecycle: HOLDING, archived: "any", limit: 1 })).items[0];
  }

  async #known(id: string): Promise<SessionData> {
    const session = await this.#look(text("this call", "sessionId", id));
    if (session === undefined) throw new TenureError("not_found", `there is no session ${id}`, { sessionId: id });
    return present(session);
  }

  #tag(): { tag?: string } {
    return this.#options.scope === "own" ? { tag: TAG } : {};
  }
}

/** One that rests is listed while its process is there. */
const LISTED: Partial<Record<Moment, RunningSession["status"]>> = {
  ...WORKING,
  idle_failed: "completing",
  idle_limit: "completing",
  idle_interrupted: "completing",
  idle: "completing",
};

/** Makes the interface over one daemon. */
export function createApi(options: ApiOptions = {}): Api {
  if (options.scope !== undefined && !["node", "own"].includes(options.scope)) {
    throw refusal("createApi", "takes a `scope` of `node` or `own`", "scope");
  }
  return new Api(options);
}

/** The interface over this machine's daemon, which is found or started at its first use. */
export const api: Api = createApi();
