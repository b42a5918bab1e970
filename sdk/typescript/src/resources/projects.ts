/** Directories by a stable id. */
import type { CallOptions, Connection } from "../connection.js";
import type { CreateProject, Project } from "../generated/api.js";

/** Projects of a daemon. */
export class Projects {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** All that are known. */
  async list(options: CallOptions = {}): Promise<readonly Project[]> {
    return (await this.#connection.call("get", "/v1/projects", [], options)).items;
  }

  /** Names a directory. The same id and path again is the same project; another path is `conflict`. */
  register(body: CreateProject, options: CallOptions = {}): Promise<Project> {
    return this.#connection.call("post", "/v1/projects", [], { body, ...options });
  }
}
