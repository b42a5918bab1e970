/** Directories in which sessions work, and git worktrees among them. */
import type { CallOptions, Connection } from "../connection.js";
import type { Discarded, MergeWorkspace, Merged, Workspace, WorkspaceDiff } from "../generated/api.js";
import { type Listed, pages } from "./pages.js";

/** Workspaces of a daemon. */
export class Workspaces {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** All that there are. */
  list(options: CallOptions & { limit?: number } = {}): Listed<Workspace> {
    const { signal, ...query } = options;
    return pages(query, (more) => this.#connection.call("get", "/v1/workspaces", [], { query: more, signal }));
  }

  /** One of them. */
  get(id: string, options: CallOptions = {}): Promise<Workspace> {
    return this.#connection.call("get", "/v1/workspaces/{id}", [id], options);
  }

  /** What was done in a worktree since its base, committed or not. */
  diff(id: string, options: CallOptions = {}): Promise<WorkspaceDiff> {
    return this.#connection.call("get", "/v1/workspaces/{id}/diff", [id], options);
  }

  /** Merges a worktree's work, or with `dry_run` tells what that would do. */
  merge(id: string, how: MergeWorkspace = {}, options: CallOptions = {}): Promise<Merged> {
    return this.#connection.call("post", "/v1/workspaces/{id}/merge", [id], { body: how, ...options });
  }

  /** Removes a worktree that Tenure made; with `force` also work that is nowhere else. */
  discard(id: string, how: { force?: boolean } = {}, options: CallOptions = {}): Promise<Discarded> {
    return this.#connection.call("post", "/v1/workspaces/{id}/discard", [id], { body: how, ...options });
  }
}
