/**
 * Following events: each durable one once and in order, over lost connections and restarts of the daemon. The
 * position is the number of the last event that was handed on, so a stream that is joined anew begins right after
 * it. It keeps no events; a reader that is slow slows the socket.
 */
import { type CallOptions, type Connection, mayPass, pause } from "./connection.js";
import { TenureError, isTenureError, sentence } from "./errors.js";
import type { DurableEvent, EphemeralEvent, FollowedEvent, Gap } from "./events.js";
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
export async function* follow(
  connection: Connection,
  source: Source,
  options: FollowOptions = {},
): AsyncGenerator<FollowedEvent, void, undefined> {
  const follower = new Follower(connection, source, options);
  try {
    yield* follower.run();
  } finally {
    follower.end();
  }
}

class Follower {
  readonly #connection: Connection;
  readonly #source: Source;
  readonly #options: FollowOptions;
  /** Ends what this follower waits for, at the latest when its loop is left. */
  readonly #own = new AbortController();
  readonly #signal: AbortSignal;
  #after: number | "now";
  #generation: string | undefined;
  #lostSince: number | undefined;
  #destroyed = false;

  constructor(connection: Connection, source: Source, options: FollowOptions) {
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

  async *run(): AsyncGenerator<FollowedEvent, void, undefined> {
    let wait = FIRST_PAUSE_MS;
    for (;;) {
      const before = this.#after;
      let start: "killed" | "never" = "killed";
      try {
        yield* this.#oneStream();
        if (this.#destroyed) return;
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

  #lose(why: string): void {
    if (this.#lostSince !== undefined) return;
    this.#lostSince = Date.now();
    this.#options.onLost?.(why);
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

  async *#oneStream(): AsyncGenerator<FollowedEvent, void, undefined> {
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
      this.#lostSince = undefined;
      this.#options.onConnected?.();
      for await (const frame of frames(answer.body, () => silence.broken())) {
        const event = this.#take(frame);
        if (event === undefined) continue;
        // Whoever reads slowly is not the daemon's silence.
        silence.stop();
        yield event;
        silence.broken();
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      if (error instanceof TenureError && !silence.signal.aborted) throw error;
      throw new TenureError("unreachable", silence.signal.aborted ? `nothing came for ${SILENCE_MS / 1000} s` : sentence(error));
    } finally {
      silence.stop();
      cancel?.();
    }
  }

  #take(frame: Frame): FollowedEvent | undefined {
    const value = JSON.parse(frame.data) as unknown;
    if (frame.event === "gap") return this.#gap({ type: "gap", data: value as Gap["data"] });
    if (frame.id === undefined) return value as EphemeralEvent;
    const event = value as DurableEvent;
    const number = event[this.#source.number];
    if (this.#after !== "now" && number <= this.#after) return undefined;
    this.#after = number;
    this.#destroyed ||= this.#source.number === "seq" && event.type === "session.destroyed";
    return event;
  }

  #gap(gap: Gap): Gap {
    if (this.#source.number === "seq") this.#after = Math.max(this.#after === "now" ? 0 : this.#after, gap.data.to);
    return gap;
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
