/**
 * What callbacks give back. Nobody waits for one before going on, yet what its promise rejects with is neither lost nor left
 * unhandled, which would end the program.
 */

/** Has `failed` told what a callback's promise rejects with, if it gave one. The promise given here never rejects. */
export function caught(given: unknown, failed: (error: unknown) => void): Promise<void> | undefined {
  if (typeof given !== "object" || given === null || !("then" in given) || typeof given.then !== "function") return undefined;
  return Promise.resolve(given as PromiseLike<unknown>).then(() => undefined, failed);
}

/** Calls a handler. What it throws, or its promise rejects with, is told to `failed`. */
export function call(handler: () => unknown, failed: (error: unknown) => void): void {
  try {
    void caught(handler(), failed);
  } catch (error) {
    failed(error);
  }
}

/** The callbacks of one call: the first that fails ends it, also while it waits for something that then never comes. */
export class Told {
  readonly #ended = new AbortController();
  readonly #open = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  /** Aborts when one has failed. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Takes what a callback gave; a promise is waited for by `all`. */
  take(given: unknown): void {
    const open = this.beside(given);
    if (open === undefined) return;
    this.#open.add(open);
    void open.then(() => this.#open.delete(open));
  }

  /** The same for something that `all` does not wait for. */
  beside(given: unknown): Promise<void> | undefined {
    return caught(given, (error) => {
      this.#failure ??= { error };
      this.#ended.abort(error);
    });
  }

  /** Throws what the first threw that failed. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Waits for all that were taken; no longer than until one fails, or the signal aborts. */
  async all(signal?: AbortSignal): Promise<void> {
    if (this.#open.size > 0) {
      const ends = AbortSignal.any(signal === undefined ? [this.signal] : [this.signal, signal]);
      await new Promise<void>((resolve, reject) => {
        const end = () => reject(ends.reason as Error);
        if (ends.aborted) return end();
        ends.addEventListener("abort", end, { once: true });
        void Promise.all(this.#open).then(() => resolve());
      });
    }
    this.check();
  }
}
