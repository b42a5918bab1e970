/** What is heard of all sessions of a workspace: one stream per kind, there only while somebody listens. */
import type { AcpRow, AskOption } from "../../generated/api.js";
import type { Tenure } from "../../tenure.js";
import { refusal } from "../common.js";
import { Shared, tell } from "../shared.js";

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
      sessionEvent: new Source("sessionEvent", async (signal, onConnected, told) => {
        for await (const row of tenure.followRows({ ...common, deltas: true, signal, onConnected })) told(updateOf(row));
      }),
      permissionRequest: new Source("permissionRequest", async (signal, onConnected, told) => {
        for await (const event of tenure.follow({ ...common, types: ["ask.opened"], signal, onConnected })) {
          if (event.type !== "ask.opened" || event.data.kind !== "permission") continue;
          const { id: permissionId, session_id: sessionId, title, tool, input, options } = event.data;
          told({ sessionId, request: { permissionId, title, tool: tool ?? undefined, input, options: options ?? [] } });
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

/** One stream and its handlers. */
class Source<T> {
  readonly #handlers = new Set<(event: T) => void>();
  readonly #stream: Shared;

  constructor(name: string, read: (signal: AbortSignal, onConnected: () => void, told: (event: T) => void) => Promise<void>) {
    this.#stream = new Shared(name, (signal, onConnected) => read(signal, onConnected, (event) => tell(name, this.#handlers, event)));
  }

  add(handler: (event: T) => void): () => void {
    // Two with one function are two.
    const own = (event: T) => handler(event);
    this.#handlers.add(own);
    const release = this.#stream.hold();
    return () => {
      this.#handlers.delete(own);
      release();
    };
  }

  ready(): Promise<void> {
    return this.#stream.ready();
  }
}
