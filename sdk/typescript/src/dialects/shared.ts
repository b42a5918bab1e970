/** A stream that several listeners share: there while somebody holds it, so that nothing keeps a program alive else. */
import { call } from "../callbacks.js";
import { sentence } from "../errors.js";

/** Reads until the signal aborts; says when nothing can be missed any more. */
export type Read = (signal: AbortSignal, onConnected: () => void) => Promise<void>;

/** One stream and who holds it. */
export class Shared {
  readonly #read: Read;
  readonly #name: string;
  #holders = 0;
  #stream: { readonly stop: AbortController; readonly ready: Promise<void> } | undefined;

  /** `name` is for complaints. */
  constructor(name: string, read: Read) {
    this.#name = name;
    this.#read = read;
  }

  /** Starts it if nobody has yet. What is given lets go of it, once. */
  hold(): () => void {
    this.#holders++;
    this.#stream ??= this.#start();
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      if (--this.#holders > 0) return;
      this.#stream?.stop.abort();
      this.#stream = undefined;
    };
  }

  /** Resolves once nothing can be missed by those who hold it; at once if nobody does. */
  async ready(): Promise<void> {
    await this.#stream?.ready;
  }

  #start(): { stop: AbortController; ready: Promise<void> } {
    const stop = new AbortController();
    let connected = false;
    const ready = new Promise<void>((resolve, reject) => {
      const onConnected = () => {
        connected = true;
        resolve();
      };
      this.#read(stop.signal, onConnected).catch((error: unknown) => {
        // Whoever let go of it waits for nothing.
        if (stop.signal.aborted) return resolve();
        this.#stream = undefined;
        if (connected) console.error(`${this.#name} ended: ${sentence(error)}`);
        reject(error as Error);
      });
    });
    // Told by the next call that waits for it.
    ready.catch(() => undefined);
    return { stop, ready };
  }
}

/** Calls each handler that is still there; one that throws, or whose promise rejects, is told to the console, and holds up no other. */
export function tell<T>(name: string, handlers: ReadonlySet<(event: T) => void> | undefined, event: T): void {
  for (const handler of [...(handlers ?? [])]) {
    // One that another has taken away meanwhile is not called any more.
    if (!handlers?.has(handler)) continue;
    call(
      () => handler(event),
      (error) => console.error(`a handler of ${name} threw: ${sentence(error)}`),
    );
  }
}
