/** Tool servers of a session. */
import type { CallOptions, Connection } from "../connection.js";
import type { McpServer, McpServersSet, SetMcpServers, VerbReply } from "../generated/api.js";

/** How a verb on one server waits. */
interface VerbOptions extends CallOptions {
  readonly wait?: "accepted" | "done" | undefined;
}

/** Tool servers of one session. */
export class Mcp {
  readonly #connection: Connection;
  readonly #session: string;

  constructor(connection: Connection, session: string) {
    this.#connection = connection;
    this.#session = session;
  }

  /** How they stand, and what they offer. */
  async list(options: CallOptions = {}): Promise<readonly McpServer[]> {
    return (await this.#connection.call("get", "/v1/sessions/{id}/mcp", [this.#session], options)).items;
  }

  /** Replaces those that this has set before; those that the session was created with stay. */
  set(servers: SetMcpServers, options: CallOptions = {}): Promise<McpServersSet> {
    return this.#connection.call("put", "/v1/sessions/{id}/mcp", [this.#session], { body: servers, ...options });
  }

  /** Connects to one again. */
  reconnect(name: string, options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("reconnect", name, options);
  }

  /** Uses one again that was disabled. */
  enable(name: string, options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("enable", name, options);
  }

  /** Uses one no more, until it is enabled. */
  disable(name: string, options: VerbOptions = {}): Promise<VerbReply> {
    return this.#verb("disable", name, options);
  }

  #verb(verb: "reconnect" | "enable" | "disable", name: string, options: VerbOptions): Promise<VerbReply> {
    const { signal, ...body } = options;
    return this.#connection.call("post", `/v1/sessions/{id}/mcp/{name}/${verb}`, [this.#session, name], { body, signal });
  }
}
