/** One session: what is said to it, how it is followed and controlled. The files it works on are in `resources/`. */
import { Told } from "./callbacks.js";
import type { CallOptions, Connection } from "./connection.js";
import { TenureError } from "./errors.js";
import type { DurableEvent, FollowedEvent } from "./events.js";
import { type FollowOptions, follow, rawStream } from "./follow.js";
import type {
  AcpRow,
  AnswerAsk,
  Ask,
  AskAnswered,
  Capabilities,
  ConfigPatch,
  Created,
  ForkSession,
  InputContent,
  InputView,
  Message,
  Metrics,
  Process,
  RawPage,
  Receipt,
  RewindPlan,
  RewindRequest,
  SendInput,
  Session as SessionData,
  SessionConfig,
  SessionPatch,
  TaskDetail,
  TaskView,
  Todo,
  ToolCompleted,
  ToolStarted,
  TurnResult,
  VerbReply,
} from "./generated/api.js";
import { Artifacts } from "./resources/artifacts.js";
import { Checkpoints } from "./resources/checkpoints.js";
import { type ExecPiece, type ExecRequest, type ExecResult, exec, execStream } from "./resources/exec.js";
import { Files } from "./resources/files.js";
import { Mcp } from "./resources/mcp.js";
import { type Listed, type Page, pages } from "./resources/pages.js";
import { type SendOptions, type TurnEvent, admit, turn } from "./turn.js";
import type { QueryOf } from "./typed.js";

/** A decision as a word, or an answer with all that belongs to it. */
export type Answer = "allow" | "deny" | "cancel" | AnswerAsk;

/**
 * What `send` tells while it waits. One that throws, or whose promise rejects, rejects the call at once with just that; the turn
 * goes on. Promises are waited for before the call resolves, except that of an ask which is not open any more.
 */
export interface Callbacks {
  readonly onText?: ((text: string) => void) | undefined;
  readonly onThought?: ((text: string) => void) | undefined;
  readonly onTool?: ((tool: ToolStarted | ToolCompleted, phase: "started" | "completed") => void) | undefined;
  /**
   * What it gives (or what its promise gives) is the answer; nothing leaves the ask to others. TypeScript takes an async function's
   * `"allow"` for any string here.
   */
  readonly onAsk?: ((ask: Ask) => Answer | void | Promise<Answer | string | void>) | undefined;
  readonly onEvent?: ((event: FollowedEvent) => void) | undefined;
}

/** How an input is sent that nobody waits for to its end. */
export interface EnqueueOptions extends Omit<SendOptions, "onAbort" | "onLost" | "onConnected"> {
  readonly wait?: "accepted" | "started" | undefined;
}

/** How a verb waits: until it is done, or until it was accepted. */
export interface VerbOptions extends CallOptions {
  readonly wait?: "accepted" | "done" | undefined;
}

/** One session of a daemon. Holds nothing but its id, and what it was created with. */
export class Session {
  /** Ours, from the moment it is created. */
  readonly id: string;
  /** What the daemon said when it was created; otherwise see `get`. */
  readonly created: Created | undefined;
  /** The files where it works. */
  readonly files: Files;
  /** Named outputs with versions. */
  readonly artifacts: Artifacts;
  /** States of the workspace's files that can be brought back. */
  readonly checkpoints: Checkpoints;
  /** The agent's tool servers. */
  readonly mcp: Mcp;
  readonly #connection: Connection;

  /** Made by `Tenure.session` and `Tenure.sessions.create`. */
  constructor(connection: Connection, id: string, created?: Created) {
    this.#connection = connection;
    this.id = id;
    this.created = created;
    this.files = new Files(connection, id);
    this.artifacts = new Artifacts(connection, id);
    this.checkpoints = new Checkpoints(connection, id);
    this.mcp = new Mcp(connection, id);
  }

  /** The session as it is now. */
  get(options: CallOptions = {}): Promise<SessionData> {
    return this.#connection.call("get", "/v1/sessions/{id}", [this.id], options);
  }

  /** Changes title, tags, metadata, draft or the archived mark. */
  update(patch: SessionPatch, options: CallOptions = {}): Promise<SessionData> {
    return this.#connection.call("patch", "/v1/sessions/{id}", [this.id], { body: patch, ...options });
  }

  /**
   * Sends an input and waits for the end of its turn. A turn that fails is a result, no error. If the daemon is
   * restarted meanwhile, this goes on.
   */
  async send(input: InputContent, options: SendOptions & Callbacks = {}): Promise<TurnResult> {
    const told = new Told();
    try {
      for await (const event of turn(this.#connection, this.id, input, options, told.signal)) {
        told.check();
        if (event.type === "text") told.take(options.onText?.(event.text));
        else if (event.type === "thought") told.take(options.onThought?.(event.text));
        else if (event.type === "tool") told.take(options.onTool?.(event.tool, event.phase));
        else if (event.type === "event") told.take(options.onEvent?.(event.event));
        // Not waited for, either: the turn may go on beside an open ask, and somebody else may answer it.
        else if (event.type === "ask") void told.beside(this.#ask(event.ask, options));
        else {
          await told.all(options.signal);
          return event.result;
        }
      }
    } catch (error) {
      told.check();
      throw error;
    }
    throw new Error("a turn ended without a result");
  }

  async #ask(ask: Ask, options: SendOptions & Callbacks): Promise<void> {
    const answer = await options.onAsk?.(ask);
    if (answer === undefined || answer === null) return;
    if (typeof answer !== "string" && typeof answer !== "object") {
      throw new TenureError("usage", `onAsk gave \`${String(answer)}\`: it gives allow, deny, cancel, an answer, or nothing`, { field: "onAsk" });
    }
    try {
      await this.answer(ask.id, answer as Answer, { signal: options.signal });
    } catch (error) {
      // Somebody else was first: the ask is answered, which is all that was wanted.
      if ((error as { code?: unknown }).code !== "conflict") throw error;
    }
  }

  /** Sends an input and yields what its turn does; the last is its result. Leaving the loop leaves the turn running. */
  stream(input: InputContent, options: SendOptions = {}): AsyncGenerator<TurnEvent, void, undefined> {
    return turn(this.#connection, this.id, input, options);
  }

  /** Sends an input and returns as soon as it is stored, or with `wait: "started"` once a turn has taken it. */
  enqueue(input: InputContent, options: EnqueueOptions = {}): Promise<Receipt> {
    const { signal, delivery, model, effort, wait = "accepted" } = options;
    const id = options.id ?? `in-${crypto.randomUUID()}`;
    const body: SendInput = { input, id, wait, delivery, model, effort };
    return admit(this.#connection, this.id, body, { signal });
  }

  /** Inputs that wait, and recent ones; newest first. */
  inputs(options: CallOptions & { limit?: number } = {}): Promise<readonly InputView[]> {
    return this.#items("/v1/sessions/{id}/inputs", options);
  }

  /** Takes a queued input back. */
  cancel(inputId: string, options: CallOptions = {}): Promise<VerbReply> {
    return this.#connection.call("delete", "/v1/sessions/{id}/inputs/{input_id}", [this.id, inputId], options);
  }

  /** Changes what a queued input says. */
  edit(inputId: string, input: InputContent, options: CallOptions = {}): Promise<InputView> {
    const path = "/v1/sessions/{id}/inputs/{input_id}";
    return this.#connection.call("patch", path, [this.id, inputId], { body: { input }, ...options });
  }

  /** The session's events, each once and in order, over restarts of the daemon; ends when it is destroyed. */
  follow(options: FollowOptions = {}): AsyncGenerator<FollowedEvent, void, undefined> {
    const path = `/v1/sessions/${encodeURIComponent(this.id)}/events/stream`;
    return follow(this.#connection, { path, query: {}, number: "seq" }, options);
  }

  /** The events that there are, by the page; does not wait for more. */
  events(options: CallOptions & { after?: number; limit?: number; types?: readonly string[] } = {}): Listed<DurableEvent> {
    return this.#events<DurableEvent>(options);
  }

  /** The same in the words of the Agent Client Protocol: `session/update` notifications. */
  rows(options: CallOptions & { after?: number; limit?: number } = {}): Listed<AcpRow> {
    return this.#events<AcpRow>({ ...options, format: "acp" });
  }

  #events<T>({ signal, ...query }: CallOptions & { readonly format?: "acp" }): Listed<T> {
    const path = `/v1/sessions/${encodeURIComponent(this.id)}/events`;
    return pages(query, async (more) => (await this.#connection.json("get", path, { query: more, signal })) as Page<T>, "after");
  }

  /**
   * One connection's events as the daemon sends them, for those who manage connections themselves: it ends when the
   * connection does. Cancel the stream to let go of it.
   */
  rawEvents(options: Pick<FollowOptions, "after" | "types" | "deltas" | "signal"> = {}): Promise<ReadableStream<Uint8Array>> {
    const path = `/v1/sessions/${encodeURIComponent(this.id)}/events/stream`;
    return rawStream(this.#connection, path, options);
  }

  /** Asks of this session, newest first; those in a `state` (`open`, `resolved`, `expired`, `withdrawn`), all if it is left out. */
  asks(options: CallOptions & { state?: string } = {}): Promise<readonly Ask[]> {
    return this.#items("/v1/sessions/{id}/asks", options);
  }

  /** Answers an ask. The first answer wins; a later one is `conflict`. */
  answer(askId: string, answer: Answer, options: CallOptions = {}): Promise<AskAnswered> {
    const body = typeof answer === "string" ? { decision: answer } : answer;
    return this.#connection.call("post", "/v1/asks/{ask_id}", [askId], { body, ...options });
  }

  /** Ends the running turn; `queue: "discard"` also cancels what waits. It never kills. */
  interrupt(options: VerbOptions & { queue?: "keep" | "discard" } = {}): Promise<VerbReply> {
    return this.#verb("interrupt", options);
  }

  /** Ends the process and keeps everything; the next input brings it back. */
  suspend(options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("suspend", options);
  }

  /** Brings the process back, also of a closed session. */
  resume(options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("resume", options);
  }

  /** Ends the process and all that it started; transcript and workspace stay. */
  close(options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("close", options);
  }

  /** As `close`, without grace. */
  kill(options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("kill", options);
  }

  /** Clears the conversation's context; the old transcript stays readable. */
  clear(options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("clear", options);
  }

  /** Has the agent compact its context. */
  compact(options: VerbOptions & { instructions?: string } = {}): Promise<VerbReply> {
    return this.#verb("compact", options);
  }

  /** Removes process and data; `keepTranscript` leaves what was said. Never removes a directory that Tenure did not make. */
  destroy(options: CallOptions & { keepTranscript?: boolean } = {}): Promise<VerbReply> {
    const { signal, keepTranscript } = options;
    const query = keepTranscript === undefined ? {} : { keep_transcript: keepTranscript };
    return this.#connection.call("delete", "/v1/sessions/{id}", [this.id], { query, signal });
  }

  /** Model, mode, effort and permissions in force; with a patch, sets them first. */
  config(patch?: ConfigPatch, options: CallOptions = {}): Promise<SessionConfig> {
    const path = "/v1/sessions/{id}/config";
    if (patch === undefined) return this.#connection.call("get", path, [this.id], options);
    return this.#connection.call("patch", path, [this.id], { body: patch, ...options });
  }

  /** Runs a command where the session works, without its agent, to its end. */
  exec(request: ExecRequest, options: CallOptions = {}): Promise<ExecResult> {
    return exec(this.#connection, this.id, request, options);
  }

  /** The same, yielding what it writes as it comes. Leaving the loop cancels the command. */
  execStream(request: ExecRequest, options: CallOptions = {}): AsyncGenerator<ExecPiece, void, undefined> {
    return execStream(this.#connection, this.id, request, options);
  }

  /** Everything that was said, whole, oldest first. */
  messages(options: Omit<QueryOf<"/v1/sessions/{id}/messages", "get">, "cursor"> & CallOptions = {}): Listed<Message> {
    const { signal, ...query } = options;
    return pages(query, (more) =>
      this.#connection.call("get", "/v1/sessions/{id}/messages", [this.id], { query: more, signal }),
    );
  }

  /** The transcript as text: `jsonl`, `acp`, `markdown` or `html`, as the daemon has it. */
  async transcript(options: CallOptions & { format?: string; epoch?: number } = {}): Promise<string> {
    const { signal, ...query } = options;
    const path = `/v1/sessions/${encodeURIComponent(this.id)}/transcript`;
    const headers = { accept: "*/*" };
    return new TextDecoder().decode(await this.#connection.bytes({ method: "GET", path, query, headers, signal }));
  }

  /** What the agent can do; `null` before its handshake. */
  async capabilities(options: CallOptions = {}): Promise<Capabilities | null> {
    const path = "/v1/sessions/{id}/capabilities";
    return (await this.#connection.call("get", path, [this.id], options)) as Capabilities | null;
  }

  /** Runs one of the agent's own commands, and waits for the end of its turn. */
  async command(
    name: string,
    args?: string | Record<string, unknown>,
    options: CallOptions & { id?: string; model?: string } = {},
  ): Promise<TurnResult> {
    const { signal, id = `in-${crypto.randomUUID()}`, model } = options;
    const path = `/v1/sessions/${encodeURIComponent(this.id)}/commands/${encodeURIComponent(name)}`;
    const body = { args, id, model, wait: "finished" };
    return (await this.#connection.json("post", path, { body, signal, limitMs: Infinity })) as TurnResult;
  }

  /** The agent's list of things to do. */
  todos(options: CallOptions = {}): Promise<readonly Todo[]> {
    return this.#items("/v1/sessions/{id}/todos", options);
  }

  /** Background commands and subagents. */
  tasks(options: CallOptions = {}): Promise<readonly TaskView[]> {
    return this.#items("/v1/sessions/{id}/tasks", options);
  }

  /** One task, with the end of what it wrote, also while it runs: the last `bytes` of it (64 KB unless told). */
  task(taskId: string, options: CallOptions & { readonly bytes?: number } = {}): Promise<TaskDetail> {
    const { signal, ...query } = options;
    return this.#connection.call("get", "/v1/sessions/{id}/tasks/{task_id}", [this.id, taskId], { query, signal });
  }

  /** Stops one task; the turn goes on. */
  stopTask(taskId: string, options: VerbOptions = {}): Promise<VerbReply> {
    const { signal, ...body } = options;
    return this.#connection.call("post", "/v1/sessions/{id}/tasks/{task_id}/stop", [this.id, taskId], { body, signal });
  }

  /** Counts, tokens and cost. */
  metrics(options: CallOptions = {}): Promise<Metrics> {
    return this.#connection.call("get", "/v1/sessions/{id}/metrics", [this.id], options);
  }

  /** The agent's process. */
  process(options: CallOptions = {}): Promise<Process> {
    return this.#connection.call("get", "/v1/sessions/{id}/process", [this.id], options);
  }

  /** The agent's own lines, the last 16 MB. */
  raw(options: CallOptions & { after?: number; generation?: number } = {}): Promise<RawPage> {
    const { signal, ...query } = options;
    return this.#connection.call("get", "/v1/sessions/{id}/raw", [this.id], { query, signal });
  }

  /** The whole of a part that was too large for its event. */
  blob(hash: string, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const path = `/v1/sessions/${encodeURIComponent(this.id)}/blobs/${encodeURIComponent(hash)}`;
    return this.#connection.bytes({ method: "GET", path, signal: options.signal });
  }

  /**
   * Begins another session of the same agent with what was said up to a point, or to the end of the last turn that has
   * ended. This one is not disturbed. The same `id` and body again is the same one.
   */
  async fork(request: ForkSession = {}, options: CallOptions = {}): Promise<Session> {
    const limitMs = request.wait === "finished" ? Infinity : 120_000;
    const path = "/v1/sessions/{id}/fork";
    const made = await this.#connection.call("post", path, [this.id], { body: request, limitMs, ...options });
    return new Session(this.#connection, made.id, made);
  }

  /** Takes files, the conversation or both back to a point, or with `dry_run` tells what that would change. */
  rewind(request: RewindRequest, options: CallOptions = {}): Promise<RewindPlan> {
    return this.#connection.call("post", "/v1/sessions/{id}/rewind", [this.id], { body: request, ...options });
  }

  /** Undoes the last rewind. */
  undoRewind(how: { dry_run?: boolean; force?: boolean } = {}, options: CallOptions = {}): Promise<RewindPlan> {
    return this.#connection.call("post", "/v1/sessions/{id}/rewind/undo", [this.id], { body: how, ...options });
  }

  #verb(
    verb: "interrupt" | "suspend" | "resume" | "close" | "kill" | "clear" | "compact",
    options: VerbOptions,
  ): Promise<VerbReply> {
    const { signal, ...body } = options;
    return this.#connection.call("post", `/v1/sessions/{id}/${verb}`, [this.id], { body, signal });
  }

  async #items<T>(path: string, options: CallOptions & object): Promise<readonly T[]> {
    const { signal, ...query } = options as CallOptions & Record<string, unknown>;
    const page = await this.#connection.json("get", path.replace("{id}", encodeURIComponent(this.id)), { query, signal });
    return (page as { items: readonly T[] }).items;
  }
}
