/** What is heard of all sessions of a workspace: one stream per kind, there only while somebody listens. */
import { sentence } from "../../errors.js";
import type { AcpRow, AskOption } from "../../generated/api.js";
import type { Tenure } from "../../tenure.js";
import { refusal } from "../common.js";

/** `sessionEvent`: an update in the words of the Agent Client Protocol. */
export interface SessionEvent {
  readonly sessionId: string;
  readonly event: { readonly jsonrpc: "2.0"; readonly method: string; readonly params: unknown };
}

/** `permissionRequest`. */
export interface PermissionRequestEvent {
  readonly sessionId: string;
  readonly request: {
    readonly permissionId: string;
    readonly title: string;
    readonly tool: string | undefined;
    readonly input: unknown;
    readonly options: readonly AskOption[];
  };
}

/** Handlers by event. */
export interface VmHandlers {
  readonly sessionEvent: (event: SessionEvent) => void;
  readonly permissionRequest: (event: PermissionRequestEvent) => void;
}
/** What can be heard. */
export type VmEventName = keyof VmHandlers;

/** Both streams. */
export class VmEvents {
  readonly #sources: { readonly [Name in VmEventName]: Source<Parameters<VmHandlers[Name]>[0]> };

  constructor(tenure: Tenure, tag: string) {
    const common = { after: "now", tag, patienceMs: Infinity } as const;
    this.#sources = {
      sessionEvent: new Source("sessionEvent", async (signal, onConnected, tell) => {
        for await (const row of tenure.followRows({ ...common, deltas: true, signal, onConnected })) tell(updateOf(row));
      }),
      permissionRequest: new Source("permissionRequest", async (signal, onConnected, tell) => {
        for await (const event of tenure.follow({ ...common, types: ["ask.opened"], signal, onConnected })) {
          if (event.type !== "ask.opened" || event.data.kind !== "permission") continue;
          const { id: permissionId, session_id: sessionId, title, tool, input, options } = event.data;
          tell({ sessionId, request: { permissionId, title, tool: tool ?? undefined, input, options: options ?? [] } });
        }
      }),
    };
  }

  on<Name extends VmEventName>(name: Name, handler: VmHandlers[Name]): () => void {
    if (!Object.hasOwn(this.#sources, name)) throw refusal("on", `does not know \`${name}\`: there are sessionEvent and permissionRequest`);
    // A handler of one event takes what that event's source tells.
    return (this.#sources[name] as unknown as Source<unknown>).add(handler as (event: unknown) => void);
  }

  /** Resolves once nothing that comes can be missed by those who listen already. */
  async ready(): Promise<void> {
    await Promise.all(Object.values(this.#sources).map((source) => source.ready()));
  }
}

function updateOf(row: AcpRow): SessionEvent {
  return { sessionId: row.session_id, event: { jsonrpc: "2.0", method: row.method, params: row.params } };
}

type Read<T> = (signal: AbortSignal, onConnected: () => void, tell: (event: T) => void) => Promise<void>;

/** One stream and its handlers. */
class Source<T> {
  readonly #name: string;
  readonly #read: Read<T>;
  readonly #handlers = new Set<(event: T) => void>();
  #stream: { readonly stop: AbortController; readonly ready: Promise<void> } | undefined;

  constructor(name: string, read: Read<T>) {
    this.#name = name;
    this.#read = read;
  }

  add(handler: (event: T) => void): () => void {
    // Two with one function are two.
    const own = (event: T) => handler(event);
    this.#handlers.add(own);
    this.#stream ??= this.#start();
    return () => {
      this.#handlers.delete(own);
      if (this.#handlers.size > 0) return;
      this.#stream?.stop.abort();
      this.#stream = undefined;
    };
  }

  async ready(): Promise<void> {
    await this.#stream?.ready;
  }

  #start(): { stop: AbortController; ready: Promise<void> } {
    const stop = new AbortController();
    const ready = new Promise<void>((resolve, reject) => {
      this.#read(stop.signal, resolve, (event) => this.#tell(event)).catch((error: unknown) => {
        // Whoever took the last handler away waits for nothing.
        if (stop.signal.aborted) return resolve();
        this.#stream = undefined;
        reject(error as Error);
      });
    });
    // Told by the next call that needs it.
    ready.catch(() => undefined);
    return { stop, ready };
  }

  #tell(event: T): void {
    for (const handler of [...this.#handlers]) {
      if (!this.#handlers.has(handler)) continue;
      try {
        handler(event);
      } catch (error) {
        console.error(`a handler of ${this.#name} threw: ${sentence(error)}`);
      }
    }
  }
}
