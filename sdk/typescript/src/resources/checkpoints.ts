/** States of a workspace's files that can be brought back. */
import type { CallOptions, Connection } from "../connection.js";
import type { Checkpoint, CheckpointDiff, RewindPlan } from "../generated/api.js";
import { type Listed, pages } from "./pages.js";

/** Checkpoints of one session. */
export class Checkpoints {
  readonly #connection: Connection;
  readonly #session: string;

  constructor(connection: Connection, session: string) {
    this.#connection = connection;
    this.#session = session;
  }

  /** All that there are. */
  list(options: CallOptions & { limit?: number } = {}): Listed<Checkpoint> {
    const { signal, ...query } = options;
    return pages(query, (more) =>
      this.#connection.call("get", "/v1/sessions/{id}/checkpoints", [this.#session], { query: more, signal }),
    );
  }

  /** Takes one now. */
  create(label?: string, options: CallOptions = {}): Promise<Checkpoint> {
    const body = label === undefined ? {} : { label };
    return this.#connection.call("post", "/v1/sessions/{id}/checkpoints", [this.#session], { body, ...options });
  }

  /** What changed since the one before, or since `against`. */
  diff(checkpoint: string, options: CallOptions & { against?: string } = {}): Promise<CheckpointDiff> {
    const { signal, ...query } = options;
    const path = "/v1/sessions/{id}/checkpoints/{checkpoint_id}/diff";
    return this.#connection.call("get", path, [this.#session, checkpoint], { query, signal });
  }

  /** Brings its state back, or with `dry_run` tells what that would change. */
  restore(checkpoint: string, how: { dry_run?: boolean; force?: boolean } = {}, options: CallOptions = {}): Promise<RewindPlan> {
    const path = "/v1/sessions/{id}/checkpoints/{checkpoint_id}/restore";
    return this.#connection.call("post", path, [this.#session, checkpoint], { body: how, ...options });
  }
}
