/** Processes of agents and commands. */
import type { CallOptions, Connection } from "../connection.js";
import type { Process } from "../generated/api.js";

/** Processes of a daemon. */
export class Processes {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Those that run, and those that have ended and were not reaped. */
  async list(options: CallOptions = {}): Promise<readonly Process[]> {
    return (await this.#connection.call("get", "/v1/processes", [], options)).items;
  }

  /** Forgets those that have ended; each is given once. */
  async reap(options: CallOptions = {}): Promise<readonly Process[]> {
    return (await this.#connection.call("post", "/v1/processes/reap", [], options)).items;
  }
}
