/** Tokens that may less than the home's. */
import type { CallOptions, Connection } from "../connection.js";
import type { TokenCreated, TokenEntry, TokenScope } from "../generated/api.js";

/** Tokens of a daemon. */
export class Tokens {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Names and scopes. */
  async list(options: CallOptions = {}): Promise<readonly TokenEntry[]> {
    return (await this.#connection.call("get", "/v1/tokens", [], options)).items;
  }

  /** Makes one; it is told this once. */
  create(name: string, scope: TokenScope, options: CallOptions = {}): Promise<TokenCreated> {
    return this.#connection.call("post", "/v1/tokens", [], { body: { name, scope }, ...options });
  }

  /** Removes one. */
  remove(name: string, options: CallOptions = {}): Promise<TokenEntry> {
    return this.#connection.call("delete", "/v1/tokens/{name}", [name], options);
  }
}
