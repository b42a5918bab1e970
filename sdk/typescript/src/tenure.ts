/** The client of one daemon, and what belongs to no single session. */
import { type CallOptions, Connection } from "./connection.js";
import type { FollowedEvent } from "./events.js";
import { type FollowOptions, follow, followRows } from "./follow.js";
import type { AcpRow, AgentEntry, Ask, AskAnswered, CreateSession, HealthReply, Info, Session as SessionData } from "./generated/api.js";
import { History } from "./resources/history.js";
import { type Listed, pages } from "./resources/pages.js";
import { Processes } from "./resources/processes.js";
import { Projects } from "./resources/projects.js";
import { Tokens } from "./resources/tokens.js";
import { Workspaces } from "./resources/workspaces.js";
import { type Answer, Session } from "./session.js";
import type { AnswerOf, BodyOf, MethodOf, Path, QueryOf, Verb } from "./typed.js";

/** Where the daemon is. With nothing given: the home's, started if none runs. */
export interface TenureOptions {
  /** Its address, for example `http://127.0.0.1:7420`; then nothing is started. */
  readonly url?: string | undefined;
  /** With `url`: the home's token, or a narrower one. */
  readonly token?: string | undefined;
  /** Its Unix socket; then nothing is started. */
  readonly socket?: string | undefined;
  /** Its home; else `TENURE_HOME`, else the XDG state directory. */
  readonly home?: string | undefined;
  /** Whether a daemon is started when none answers (and again when one was killed); true if left out. */
  readonly start?: boolean | undefined;
  /** The `tenure` program; else `TENURE_BIN`, else the one on the PATH. */
  readonly binary?: string | undefined;
}

/** Which sessions are listed. */
export type SessionFilter = Omit<QueryOf<"/v1/sessions", "get">, "cursor">;

/** A client of one daemon. Connects at its first use. */
export class Tenure {
  /** Sessions: made, found, listed. */
  readonly sessions: Sessions;
  /** The past of all agents on the daemon's machine: listed, read, searched, counted. */
  readonly history: History;
  /** Directories by a stable id. */
  readonly projects: Projects;
  /** Directories in which sessions work, git worktrees among them. */
  readonly workspaces: Workspaces;
  /** Processes of agents and commands. */
  readonly processes: Processes;
  /** Narrower tokens. */
  readonly tokens: Tokens;
  readonly #connection: Connection;

  constructor(options: TenureOptions = {}) {
    this.#connection = new Connection({ ...options, start: options.start ?? true });
    this.sessions = new Sessions(this.#connection);
    this.history = new History(this.#connection);
    this.projects = new Projects(this.#connection);
    this.workspaces = new Workspaces(this.#connection);
    this.processes = new Processes(this.#connection);
    this.tokens = new Tokens(this.#connection);
  }

  /** A session by its id, without asking whether there is one. */
  session(id: string): Session {
    return new Session(this.#connection, id);
  }

  /** The daemon's version and whether it answers. */
  health(options: CallOptions = {}): Promise<HealthReply> {
    return this.#connection.call("get", "/healthz", [], options);
  }

  /** What the daemon is, counts, and limits in force. */
  info(options: CallOptions = {}): Promise<Info> {
    return this.#connection.call("get", "/v1/info", [], options);
  }

  /** The agents that it knows, installed or not. */
  async agents(options: CallOptions = {}): Promise<readonly AgentEntry[]> {
    return (await this.#connection.call("get", "/v1/agents", [], options)).items;
  }

  /** Asks of all sessions; those that are open if `state` is left out. */
  async asks(options: CallOptions & { state?: string; limit?: number } = {}): Promise<readonly Ask[]> {
    const { signal, ...query } = options;
    return (await this.#connection.call("get", "/v1/asks", [], { query, signal })).items;
  }

  /** Answers an ask of any session. The first answer wins; a later one is `conflict`. */
  answer(askId: string, answer: Answer, options: CallOptions = {}): Promise<AskAnswered> {
    const body = typeof answer === "string" ? { decision: answer } : answer;
    return this.#connection.call("post", "/v1/asks/{ask_id}", [askId], { body, ...options });
  }

  /** Events of all sessions, or of those with a tag, by `gseq`; over restarts of the daemon. */
  follow(options: FollowOptions & { session?: string; tag?: string } = {}): AsyncGenerator<FollowedEvent, void, undefined> {
    const { session, tag, ...rest } = options;
    const source = { path: "/v1/events/stream", query: { session, tag }, number: "gseq" } as const;
    return follow(this.#connection, source, rest);
  }

  /** The same in the words of the Agent Client Protocol: `session/update` notifications. */
  followRows(options: FollowOptions & { session?: string; tag?: string } = {}): AsyncGenerator<AcpRow, void, undefined> {
    const { session, tag, ...rest } = options;
    return followRows(this.#connection, { path: "/v1/events/stream", query: { session, tag }, number: "gseq" }, rest);
  }

  /** Any request of the HTTP interface, typed by its document: `request("get", "/v1/sessions/{id}/todos", ["s1"])`. */
  request<P extends Path, M extends Verb>(
    method: M & MethodOf<P>,
    path: P,
    ids: readonly string[] = [],
    options: CallOptions & { query?: QueryOf<P, M>; body?: BodyOf<P, M> } = {},
  ): Promise<AnswerOf<P, M>> {
    return this.#connection.call(method, path, ids, options);
  }

  /** Ends what this client waits for. The daemon and its sessions go on. */
  close(): void {
    this.#connection.close();
  }
}

/** Sessions of a daemon. */
export class Sessions {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Creates one. It starts its agent at once; `wait: "live"` waits for that. The same `id` and body again is the same one. */
  async create(body: CreateSession, options: CallOptions = {}): Promise<Session> {
    const limitMs = body.wait === "finished" ? Infinity : 120_000;
    const made = await this.#connection.call("post", "/v1/sessions", [], { body, limitMs, ...options });
    return new Session(this.#connection, made.id, made);
  }

  /** One of them, as it is now. */
  get(id: string, options: CallOptions = {}): Promise<SessionData> {
    return this.#connection.call("get", "/v1/sessions/{id}", [id], options);
  }

  /** Those that fit; newest activity first. */
  list(filter: SessionFilter & CallOptions = {}): Listed<SessionData> {
    const { signal, ...query } = filter;
    return pages(query, (more) => this.#connection.call("get", "/v1/sessions", [], { query: more, signal }));
  }
}
