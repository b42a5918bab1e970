/** The past: conversations of all agents on this machine, ours and those that other tools have had. */
import type { CallOptions, Connection } from "../connection.js";
import type { AdoptConversation, History as Entry, IndexState, Message, SearchHit, UsageReply } from "../generated/api.js";
import { Session } from "../session.js";
import type { QueryOf } from "../typed.js";
import { type Listed, pages } from "./pages.js";

/** Which conversations. */
export type HistoryFilter = Omit<QueryOf<"/v1/history", "get">, "cursor"> & CallOptions;
/** What of a conversation. */
export type PastMessages = Omit<QueryOf<"/v1/history/{agent}/{native_id}/messages", "get">, "cursor"> & CallOptions;
/** What is searched, and where. */
export type SearchFilter = Omit<QueryOf<"/v1/search", "get">, "cursor" | "q"> & CallOptions;
/** What is counted, and by what. */
export type UsageFilter = QueryOf<"/v1/usage", "get"> & CallOptions;

/** Conversations on a daemon's machine. */
export class History {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Those that fit, newest first, each once. */
  list(filter: HistoryFilter = {}): Listed<Entry> {
    const { signal, ...query } = filter;
    return pages(query, (more) => this.#connection.call("get", "/v1/history", [], { query: more, signal }));
  }

  /** One, by its agent and the agent's own id. */
  get(agent: string, nativeId: string, options: CallOptions = {}): Promise<Entry> {
    return this.#connection.call("get", "/v1/history/{agent}/{native_id}", [agent, nativeId], options);
  }

  /** What was said in it, oldest first. */
  messages(agent: string, nativeId: string, options: PastMessages = {}): Listed<Message> {
    const { signal, ...query } = options;
    const path = "/v1/history/{agent}/{native_id}/messages";
    return pages(query, (more) => this.#connection.call("get", path, [agent, nativeId], { query: more, signal }));
  }

  /** The same as text: `jsonl`, `acp`, `markdown` or `html`. */
  async transcript(agent: string, nativeId: string, options: CallOptions & { format?: string } = {}): Promise<string> {
    const { signal, ...query } = options;
    const path = `/v1/history/${encodeURIComponent(agent)}/${encodeURIComponent(nativeId)}/transcript`;
    const headers = { accept: "*/*" };
    return new TextDecoder().decode(await this.#connection.bytes({ method: "GET", path, query, headers, signal }));
  }

  /**
   * Goes on in one that another program began: a session of the agent that keeps it, with what was said before. One that a session here
   * holds is `conflict` with its id, one that another program is at work in `busy`.
   */
  async adopt(agent: string, nativeId: string, body: AdoptConversation = {}, options: CallOptions = {}): Promise<Session> {
    const limitMs = body.wait === "finished" ? Infinity : 120_000;
    const path = "/v1/history/{agent}/{native_id}/adopt";
    const made = await this.#connection.call("post", path, [agent, nativeId], { body, limitMs, ...options });
    return new Session(this.#connection, made.id, made);
  }

  /** What was said about something: `one two "a phrase" begin* -without`. */
  search(q: string, filter: SearchFilter = {}): Listed<SearchHit> {
    const { signal, ...query } = filter;
    return pages({ q, ...query }, (more) => this.#connection.call("get", "/v1/search", [], { query: more, signal }));
  }

  /** Tokens and their cost; what forks share counts once. */
  usage(filter: UsageFilter = {}): Promise<UsageReply> {
    const { signal, ...query } = filter;
    return this.#connection.call("get", "/v1/usage", [], { query, signal });
  }

  /** How far the index is. While it still reads there may be more to find; `wait_ms` waits until it has read all that there is now. */
  index(options: CallOptions & QueryOf<"/v1/index", "get"> = {}): Promise<IndexState> {
    const { signal, ...query } = options;
    return this.#connection.call("get", "/v1/index", [], { query, signal });
  }

  /** Throws the index away and has everything read again. Nothing else is lost by it. */
  rebuildIndex(options: CallOptions = {}): Promise<IndexState> {
    return this.#connection.call("post", "/v1/index/rebuild", [], options);
  }
}
