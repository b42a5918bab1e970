/**
 * Following events: each durable one once and in order, over lost connections and restarts of the daemon. The
 * position is the number of the last event that was handed on, so a stream that is joined anew begins right after
 * it. It keeps no events; a reader that is slow slows the socket.
 */
import { caught } from "./callbacks.js";
import { type CallOptions, type Connection, mayPass, pause } from "./connection.js";
import { TenureError, isTenureError, sentence } from "./errors.js";
import type { DurableEvent, EphemeralEvent, FollowedEvent, Gap } from "./events.js";
import type { AcpRow } from "./generated/api.js";
import { type Frame, frames } from "./sse.js";

/** The daemon sends a comment every 15 s; a stream that is silent for three of them is dead. */
const SILENCE_MS = 45_000;
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 2_000;
const PATIENCE_MS = 60_000;

/** Where to begin, and what to bring. */
export interface FollowOptions extends CallOptions {
  /** The number of the last event that is known already: `seq`, or `gseq` over all sessions. `"now"` for what comes. */
  readonly after?: number | "now" | undefined;
  /** Names of the events wanted, for example `turn.*`; all if left out. */
  readonly types?: readonly string[] | undefined;
  /** Bring ephemeral events too. */
  readonly deltas?: boolean | undefined;
  /** How long a daemon that does not answer is looked for, in milliseconds; 60 s if left out. */
  readonly patienceMs?: number | undefined;
  /** Told once when the connection breaks; nothing is lost. */
  readonly onLost?: ((why: string) => void) | undefined;
  /** Told when the daemon was found: at first, and again after each loss. */
  readonly onConnected?: (() => void) | undefined;
}

/** One stream of the daemon. */
export interface Source {
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  /** Which number is the position. */
  readonly number: "seq" | "gseq";
}

/** Yields what comes until the session is destroyed, the loop is left, the signal aborts or patience ends. */
export function follow(
  connection: Connection,
  source: Source,
  options: FollowOptions = {},
): AsyncGenerator<FollowedEvent, void, undefined> {
  return run(new Follower(connection, source, options, new Events(source.number)));
}

/** The same in the words of the Agent Client Protocol. */
export function followRows(
  connection: Connection,
  source: Source,
  options: FollowOptions = {},
): AsyncGenerator<AcpRow, void, undefined> {
  const asked = { ...source, query: { ...source.query, format: "acp" } };
  return run(new Follower(connection, asked, options, new Rows()));
}

/** One stream's bytes as they come. */
export async function rawStream(
  connection: Connection,
  path: string,
  options: Pick<FollowOptions, "after" | "types" | "deltas" | "signal">,
): Promise<ReadableStream<Uint8Array>> {
  const { signal, ...query } = options;
  const headers = { accept: "text/event-stream" };
  const answer = await connection.open({ method: "GET", path, query, headers, signal });
  const bytes = answer.body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = await bytes.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: () => answer.cancel(),
  });
}

async function* run<T>(follower: Follower<T>): AsyncGenerator<T, void, undefined> {
  try {
    yield* follower.run();
  } catch (error) {
    throw error instanceof Thrown ? error.cause : error;
  } finally {
    follower.end();
  }
}

/** Makes something of frames. */
interface Reader<T> {
  /** What a frame brings, and the position after it if it has one. */
  take(frame: Frame): { readonly items: readonly T[]; readonly position?: number };
  /** A stream ended: what was begun and not finished comes again. */
  reset(): void;
  /** Whether nothing can come any more. */
  readonly ended: boolean;
}

class Events implements Reader<FollowedEvent> {
  readonly #number: Source["number"];
  ended = false;

  constructor(number: Source["number"]) {
    this.#number = number;
  }

  reset(): void {}

  take(frame: Frame): { items: readonly FollowedEvent[]; position?: number } {
    const value = JSON.parse(frame.data) as unknown;
    if (frame.event === "gap") {
      const gap: Gap = { type: "gap", data: value as Gap["data"] };
      return { items: [gap], ...(this.#number === "seq" ? { position: gap.data.to } : {}) };
    }
    if (frame.id === undefined) return { items: [value as EphemeralEvent] };
    const event = value as DurableEvent;
    this.ended ||= this.#number === "seq" && event.type === "session.destroyed";
    return { items: [event], position: event[this.#number] };
  }
}

/** An event may make several rows, of which only the last carries its number: they are handed on together. */
class Rows implements Reader<AcpRow> {
  readonly ended = false;
  #begun: AcpRow[] = [];

  reset(): void {
    this.#begun = [];
  }

  take(frame: Frame): { items: readonly AcpRow[]; position?: number } {
    if (frame.event === "gap") return { items: [] };
    const row = JSON.parse(frame.data) as AcpRow;
    if (frame.id === undefined && row.seq == null) return { items: [row] };
    this.#begun.push(row);
    if (frame.id === undefined) return { items: [] };
    const items = this.#begun;
    this.#begun = [];
    return { items, position: Number(frame.id) };
  }
}

class Follower<T> {
  readonly #reader: Reader<T>;
  readonly #connection: Connection;
  readonly #source: Source;
  readonly #options: FollowOptions;
  /** Ends what this follower waits for, at the latest when its loop is left. */
  readonly #own = new AbortController();
  readonly #signal: AbortSignal;
  #after: number | "now";
  #generation: string | undefined;
  #lostSince: number | undefined;

  constructor(connection: Connection, source: Source, options: FollowOptions, reader: Reader<T>) {
    this.#reader = reader;
    this.#connection = connection;
    this.#source = source;
    this.#options = options;
    this.#after = options.after ?? 0;
    const outer = connection.signal(options.signal);
    this.#signal = AbortSignal.any([outer, this.#own.signal]);
  }

  end(): void {
    this.#own.abort();
  }

  async *run(): AsyncGenerator<T, void, undefined> {
    let wait = FIRST_PAUSE_MS;
    for (;;) {
      const before = this.#after;
      let start: "killed" | "never" = "killed";
      try {
        yield* this.#oneStream();
        if (this.#reader.ended) return;
        // Ended properly, as by a daemon that was stopped: looked for, but not started.
        start = "never";
        this.#lose("the daemon was stopped");
      } catch (error) {
        this.#signal.throwIfAborted();
        if (!mayPass(error)) throw error;
        this.#lose(sentence(error));
      }
      if (this.#after !== before) wait = FIRST_PAUSE_MS;
      await pause(wait, this.#signal);
      wait = Math.min(wait * 2, LONGEST_PAUSE_MS);
      await this.#find(start);
    }
  }

  #read(frame: Frame): ReturnType<Reader<T>["take"]> {
    try {
      return this.#reader.take(frame);
    } catch (error) {
      throw new TenureError("unintelligible", `a frame of the stream cannot be read: ${sentence(error)}`, { cause: error });
    }
  }

  /** What a callback throws ends the loop, and so does what its promise rejects with; as itself. */
  #tell(callback: () => unknown): void {
    try {
      void caught(callback(), (error) => this.#own.abort(new Thrown(error)));
    } catch (error) {
      throw new Thrown(error);
    }
  }

  #lose(why: string): void {
    if (this.#lostSince !== undefined) return;
    this.#lostSince = Date.now();
    this.#tell(() => this.#options.onLost?.(why));
  }

  async #find(start: "killed" | "never"): Promise<void> {
    try {
      await this.#connection.findAgain(start, this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      const gone = Date.now() - (this.#lostSince ?? Date.now());
      if (!isTenureError(error, "unreachable", "not_started")) throw error;
      if (gone > (this.#options.patienceMs ?? PATIENCE_MS)) throw error;
    }
  }

  async *#oneStream(): AsyncGenerator<T, void, undefined> {
    const silence = new Silence(SILENCE_MS);
    const signal = AbortSignal.any([this.#signal, silence.signal]);
    let cancel: (() => void) | undefined;
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (this.#generation !== undefined) headers["tenure-log-generation"] = this.#generation;
      const query = { ...this.#source.query, after: this.#after, types: this.#options.types, deltas: this.#options.deltas };
      const answer = await this.#connection.open({ method: "GET", path: this.#source.path, query, headers, signal });
      cancel = answer.cancel;
      this.#generation ??= answer.header("tenure-log-generation");
      const position = answer.header("tenure-position");
      if (this.#after === "now" && position !== undefined) this.#after = Number(position);
      this.#lostSince = undefined;
      this.#tell(() => this.#options.onConnected?.());
      for await (const frame of frames(answer.body, () => silence.broken())) {
        const { items, position } = this.#read(frame);
        if (position !== undefined && this.#after !== "now" && position <= this.#after) continue;
        if (position !== undefined) this.#after = position;
        // Whoever reads slowly is not the daemon's silence.
        silence.stop();
        for (const item of items) yield item;
        silence.broken();
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof Thrown || (error instanceof TenureError && !silence.signal.aborted)) throw error;
      throw new TenureError("unreachable", silence.signal.aborted ? `nothing came for ${SILENCE_MS / 1000} s` : sentence(error));
    } finally {
      silence.stop();
      this.#reader.reset();
      cancel?.();
    }
  }
}

/** What a callback threw: no loss of the connection. */
class Thrown {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

/** Aborts when nothing has come for a while. Its timer keeps no process alive. */
class Silence {
  readonly #controller = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number) {
    this.#ms = ms;
    this.broken();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  broken(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#controller.abort(), this.#ms);
    (this.#timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
