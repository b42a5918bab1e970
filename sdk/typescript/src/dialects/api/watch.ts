/** The events of this dialect, made of one stream over all sessions that is there only while somebody listens. */
import { type DurableEvent, isDurable } from "../../events.js";
import type { Axes, MessageCompleted, Part } from "../../generated/api.js";
import type { Tenure } from "../../tenure.js";
import { refusal } from "../common.js";
import { Shared, tell } from "../shared.js";
import { type Moment, isFresh, moment } from "../status.js";
import { WORKING } from "./working.js";

/** `claude-output`. */
export interface OutputPayload {
  readonly sessionId: string;
  /** A message that is whole: one JSON object `{role, content, timestamp}`, and a newline. */
  readonly content: string;
}

/** `claude-status`. */
export interface StatusPayload {
  readonly sessionId: string;
  readonly status: Status;
}

/** `claude-error`. */
export interface ErrorPayload {
  readonly sessionId: string;
  readonly error: string;
  readonly code: string;
}

/** `claude-complete`. */
export interface CompletePayload {
  readonly sessionId: string;
  readonly success: boolean;
  readonly status: "completed" | "failed" | "cancelled";
}

type Status = "initializing" | "running" | "completing" | CompletePayload["status"];
interface Payloads {
  "claude-output": OutputPayload;
  "claude-status": StatusPayload;
  "claude-error": ErrorPayload;
  "claude-complete": CompletePayload;
}

/** Payloads by event. */
export type Payload<Name extends keyof Payloads = keyof Payloads> = Payloads[Name];
/** The event that a name with or without an id means. */
export type EventName<Name extends string> = Name extends keyof Payloads
  ? Name
  : Name extends `${infer Event extends keyof Payloads}:${string}`
    ? Event
    : keyof Payloads;

/** What a handler is given. */
export interface ApiEvent<Name extends keyof Payloads = keyof Payloads> {
  readonly event: string;
  /** Rises with each event. */
  readonly id: number;
  readonly payload: Payloads[Name];
}

type Handler = (event: ApiEvent) => void;
const NAMES: readonly string[] = ["claude-output", "claude-status", "claude-error", "claude-complete"];

/** What is known of a session. */
interface Known {
  fresh: boolean;
  status: Status | undefined;
  native: string | undefined;
  /** An error was told since its process ended or its turn began. */
  complained: boolean;
}

/** One stream for all listeners. */
export class Watch {
  readonly #tenure: Tenure;
  readonly #listeners = new Map<string, Set<Handler>>();
  #known = new Map<string, Known>();
  readonly #stream: Shared;
  #told = 0;

  constructor(tenure: Tenure, tag: string | undefined) {
    this.#tenure = tenure;
    this.#stream = new Shared("claude-* events", async (signal, onConnected) => {
      this.#known = new Map();
      // What is there already is known before the first event is read.
      await this.#look(signal);
      const options = { after: "now", tag, signal, patienceMs: Infinity, onConnected } as const;
      for await (const event of tenure.follow(options)) if (isDurable(event)) await this.#take(event);
    });
  }

  async listen(name: string, handler: Handler): Promise<() => void> {
    if (!NAMES.includes(name.split(":", 1)[0] ?? "")) {
      throw refusal("listen", `does not know \`${name}\`: there are ${NAMES.join(", ")}, each also with :ID`);
    }
    // Two listeners with one function are two.
    const own: Handler = (event) => handler(event);
    const handlers = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, handlers.add(own));
    const release = this.#stream.hold();
    const unlisten = () => {
      handlers.delete(own);
      if (handlers.size === 0 && this.#listeners.get(name) === handlers) this.#listeners.delete(name);
      release();
    };
    try {
      await this.#stream.ready();
      return unlisten;
    } catch (error) {
      unlisten();
      throw error;
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    for await (const session of this.#tenure.sessions.list({ lifecycle: "live", archived: "any", signal })) {
      const fresh = isFresh(session);
      const status = statusOf(session, fresh);
      this.#known.set(session.id, { fresh, status, native: session.native_id ?? undefined, complained: false });
    }
  }

  async #take(event: DurableEvent): Promise<void> {
    const id = event.session_id;
    const before = this.#known.get(id);
    const known = before ?? { fresh: false, status: undefined, native: undefined, complained: false };
    this.#known.set(id, known);
    if (event.type === "session.native_bound") known.native = event.data.native_id ?? known.native;
    if (event.type === "process.started") Object.assign(known, { fresh: true, complained: false });
    if (event.type === "turn.started") Object.assign(known, { fresh: false, complained: false });
    if (event.type === "message.completed") await this.#output(id, event.data, event.ts);
    this.#errors(id, event, known);
    if (!("lifecycle" in event.data)) return;
    this.#status(id, event.type, event.data, known, before !== undefined);
    if (event.type === "session.destroyed") this.#known.delete(id);
  }

  async #output(id: string, message: MessageCompleted, timestamp: string): Promise<void> {
    if (!this.#wanted("claude-output", id)) return;
    const texts = await Promise.all(message.parts.map((part) => this.#text(id, part)));
    const row = { role: message.role, content: texts.join(""), timestamp };
    this.#tell("claude-output", id, { sessionId: id, content: `${JSON.stringify(row)}\n` });
  }

  async #text(id: string, part: Part): Promise<string> {
    if (part.type !== "text") return "";
    if (!part.blob) return part.text;
    // A session that was destroyed meanwhile has its beginning left.
    const whole = await this.#tenure.session(id).blob(part.blob).catch(() => undefined);
    return whole === undefined ? part.text : new TextDecoder().decode(whole);
  }

  #errors(id: string, event: DurableEvent, known: Known): void {
    let error: { code: string; message: string } | null | undefined;
    if (event.type === "turn.completed" || event.type === "session.failed") error = event.data.error;
    if (event.type === "session.suspended" && event.data.by === "crash" && !known.complained) {
      error = { code: "agent_exited", message: "the agent's process ended by itself" };
    }
    if (!error) return;
    known.complained = true;
    this.#tell("claude-error", id, { sessionId: id, error: error.message, code: error.code });
  }

  #status(id: string, type: string, axes: Axes, known: Known, before: boolean): void {
    const status = statusOf(axes, known.fresh || axes.last_outcome == null);
    const changed = status !== undefined && status !== known.status;
    known.status = status ?? known.status;
    // Of a session that was not seen before, a mere remark changes nothing.
    const remark = type === "session.updated" || type === "session.health_changed" || type === "session.native_bound";
    if (!changed || (!before && remark)) return;
    this.#tell("claude-status", id, { sessionId: id, status });
    // Nothing is complete that never began.
    if (axes.last_outcome == null && axes.lifecycle !== "failed") return;
    if (status === "completed" || status === "failed" || status === "cancelled") {
      this.#tell("claude-complete", id, { sessionId: id, success: status === "completed", status });
    }
  }

  #names(event: string, id: string): string[] {
    const native = this.#known.get(id)?.native;
    return [event, `${event}:${id}`, ...(native === undefined ? [] : [`${event}:${native}`])];
  }

  #wanted(event: string, id: string): boolean {
    return this.#names(event, id).some((name) => this.#listeners.has(name));
  }

  #tell<Name extends keyof Payloads>(event: Name, id: string, payload: Payloads[Name]): void {
    const number = ++this.#told;
    for (const name of this.#names(event, id)) tell(name, this.#listeners.get(name), { event: name, id: number, payload });
  }
}

function statusOf(axes: Axes, fresh: boolean): Status | undefined {
  if (axes.lifecycle === "closed") return axes.last_outcome === "interrupted" ? "cancelled" : "completed";
  return STATUS[moment(axes, { fresh })];
}

const STATUS: Partial<Record<Moment, Status>> = {
  ...WORKING,
  failed: "failed",
  rested: "completed",
  fell: "failed",
  idle_failed: "failed",
  idle_limit: "failed",
  idle_interrupted: "cancelled",
  idle: "completed",
};
