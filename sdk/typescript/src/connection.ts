/**
 * Asks the daemon, finds it again when it was restarted, and repeats what may be repeated. Every request of this
 * client may be: by its method, its `Idempotency-Key`, or an id in its body.
 */
import { platform } from "#platform";

import { TenureError, isTenureError, ofProblem, sentence } from "./errors.js";
import { join } from "./platform/check.js";
import type { Link, Place, WireAnswer } from "./platform/transport.js";
import type { AnswerOf, BodyOf, MethodOf, Path, QueryOf, Verb } from "./typed.js";

/** What an ordinary request may take, in milliseconds. Verbs answer when they are done. */
const REQUEST_MS = 120_000;
/** How long a request looks for a daemon that was there a moment ago. */
const PATIENCE_MS = 10_000;
const PAUSE_MS = 50;

/** What each call takes besides its own arguments. */
export interface CallOptions {
  /** Rejects the call with its reason. What the daemon has begun goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** A request before it is written. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly query?: object | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long it may take, in milliseconds; `Infinity` for as long as the daemon takes. */
  readonly limitMs?: number | undefined;
}

/** Fills `{name}` of a path in order. */
export function fill(path: string, ids: readonly string[]): string {
  let at = 0;
  return path.replace(/\{[^}]+\}/g, () => {
    const id = ids[at++];
    if (!id) throw new TenureError("usage", `an id for ${path} is missing or empty`);
    return encodeURIComponent(id);
  });
}

/** A path with its query. */
export function target(path: string, query: object = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    words.append(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = words.toString();
  return text ? `${path}?${text}` : path;
}

/** Waits; an abort ends it early. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** One daemon, wherever it is at the moment. */
export class Connection {
  readonly #place: Place;
  readonly #closed = new AbortController();
  #link: Link | undefined;
  #finding: Promise<Link> | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Asks by a path of the OpenAPI document; its types say what goes in and comes out. */
  async call<P extends Path, M extends Verb>(
    method: M & MethodOf<P>,
    path: P,
    ids: readonly string[],
    options: CallOptions & { query?: QueryOf<P, M>; body?: BodyOf<P, M>; limitMs?: number } = {},
  ): Promise<AnswerOf<P, M>> {
    return this.json(String(method), fill(path, ids), options) as Promise<AnswerOf<P, M>>;
  }

  /** Asks by any path, and reads the answer as JSON. */
  async json(
    method: string,
    path: string,
    options: CallOptions & { query?: unknown; body?: unknown; limitMs?: number; headers?: Record<string, string> } = {},
  ): Promise<unknown> {
    const headers: Record<string, string> = { ...options.headers };
    const body = options.body === undefined ? undefined : JSON.stringify(options.body);
    if (body !== undefined) headers["content-type"] = "application/json";
    const { signal, limitMs } = options;
    const query = options.query as object | undefined;
    const bytes = await this.bytes({ method: method.toUpperCase(), path, query, headers, body, signal, limitMs });
    return parse(new TextDecoder().decode(bytes));
  }

  /** Asks, and reads the answer whole. A lost connection is followed by another try. */
  async bytes(request: Request): Promise<Uint8Array<ArrayBuffer>> {
    const headers: Record<string, string> = { ...request.headers };
    const json = request.method === "PUT" && headers["content-type"] === "application/json";
    if (request.method === "POST" || json) headers["idempotency-key"] ??= crypto.randomUUID();
    const again = { ...request, headers };
    const deadline = Date.now() + PATIENCE_MS;
    const signal = this.signal(request.signal);
    for (;;) {
      try {
        return await this.#once(again);
      } catch (error) {
        signal.throwIfAborted();
        // One that was never there is not waited for.
        if (this.#link === undefined || !mayPass(error) || Date.now() > deadline) throw error;
        await pause(PAUSE_MS, signal);
        if (isTenureError(error, "unreachable")) await this.findAgain("killed", signal).catch(() => undefined);
      }
    }
  }

  async #once(request: Request): Promise<Uint8Array<ArrayBuffer>> {
    const limit = request.limitMs ?? REQUEST_MS;
    const asked = this.signal(request.signal);
    // Finding, and perhaps starting, a daemon has a limit of its own.
    const link = await this.link(asked);
    const late = Number.isFinite(limit) ? AbortSignal.timeout(limit) : undefined;
    const signal = late === undefined ? asked : AbortSignal.any([asked, late]);
    try {
      const answer = await this.open({ ...request, signal }, link);
      const chunks: Uint8Array[] = [];
      try {
        for await (const chunk of answer.body) chunks.push(chunk);
      } catch (error) {
        throw lost(link, error);
      }
      return join(chunks);
    } catch (error) {
      asked.throwIfAborted();
      if (!late?.aborted) throw error;
      throw new TenureError("timeout", `the daemon did not answer within ${limit / 1000} s`);
    }
  }

  /** Asks once, and gives the answer's head; an answer that is a problem is thrown. The caller reads the body. */
  async open(request: Request, link?: Link): Promise<WireAnswer> {
    const signal = this.signal(request.signal);
    const via = link ?? (await this.link(signal));
    let answer: WireAnswer;
    try {
      const headers = { accept: "application/json", ...request.headers };
      const to = target(request.path, request.query);
      answer = await via.send({ method: request.method, target: to, headers, body: request.body, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw lost(via, error);
    }
    if (answer.status < 400) return answer;
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of answer.body) chunks.push(chunk);
    } catch (error) {
      throw lost(via, error);
    }
    const text = new TextDecoder().decode(join(chunks));
    const problem = ofProblem(answer.status, attempt(text));
    throw problem ?? new TenureError("unintelligible", `status ${answer.status} and no problem+json; is this a Tenure daemon?`);
  }

  /** The way to the daemon, looked for at the first use. */
  async link(signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted();
    return this.#link ?? (await this.#find("always", signal));
  }

  /** Looks the daemon up anew: port and socket may have changed. One that was stopped is not started. */
  findAgain(start: "killed" | "never", signal: AbortSignal): Promise<Link> {
    return this.#find(start, signal);
  }

  #find(start: "always" | "killed" | "never", signal: AbortSignal): Promise<Link> {
    // Of those who look at once one looks; its abort must not be that of another.
    this.#finding ??= Promise.resolve()
      .then(() => platform.find(this.#place, start, this.#closed.signal))
      .then((found) => {
        // Answers that still come over the old way are not cut off.
        this.#link = found;
        return found;
      })
      .finally(() => (this.#finding = undefined));
    return unless(signal, this.#finding);
  }

  /** The caller's signal, and the end of this client: one for each call, as many may wait at once. */
  signal(of: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any(of === undefined ? [this.#closed.signal] : [of, this.#closed.signal]);
  }

  /** Ends everything that this client does. The daemon and its sessions go on. */
  close(): void {
    this.#closed.abort(new TenureError("usage", "this client was closed"));
    this.#link?.close();
  }
}

/** A promise, or an abort that comes before it. */
function unless<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** Whether the same request may do better in a moment. */
export function mayPass(error: unknown): boolean {
  return isTenureError(error, "unreachable", "not_ready") || isKeyBusy(error);
}

/** The first of two equal requests still runs: what a repeated one meets after its answer was lost. */
function isKeyBusy(error: unknown): boolean {
  return isTenureError(error, "busy") && /Idempotency-Key/i.test(error.message);
}

/** A connection that broke, in our words. */
export function lost(link: Link, error: unknown): TenureError {
  if (error instanceof TenureError) return error;
  return new TenureError("unreachable", `the daemon at ${link.place} is lost: ${sentence(error)}`, { cause: error });
}

function attempt(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  const value = attempt(text);
  if (value === undefined) throw new TenureError("unintelligible", "the answer is no JSON; is this a Tenure daemon, and of this version?");
  return value;
}
