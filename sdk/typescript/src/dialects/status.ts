/**
 * The status strings of the dialects, derived from a session's axes and never stored: one moment per row, the first
 * that holds. What each dialect calls it stands in the dialect's page under docs/dialects.
 */
import type { Axes } from "../generated/api.js";

/** Where a session is. */
export type Moment =
  | "archived"
  | "creating"
  | "failed"
  | "closed"
  | "destroyed"
  | "paused"
  | "rested"
  | "fell"
  | "first_queued"
  | "running"
  | "waits_for_person"
  | "waits_for_limit"
  | "compacting"
  | "interrupting"
  | "stalled"
  | "tasks_running"
  | "idle_failed"
  | "idle_limit"
  | "idle_interrupted"
  | "idle";

/** What tells whether its process has had a turn. */
export interface Begun {
  /** No turn has begun since its process was started. */
  readonly fresh: boolean;
}

/** The moment of these axes, the archived mark aside. */
export function moment(axes: Axes, { fresh }: Begun): Moment {
  switch (axes.lifecycle) {
    case "creating":
      return "creating";
    case "failed":
      return "failed";
    case "closed":
      return "closed";
    case "destroyed":
      return "destroyed";
    case "suspended":
      return axes.suspended_by === "idle" ? "rested" : axes.suspended_by === "crash" ? "fell" : "paused";
    case "live":
      return working(axes, fresh);
  }
}

/** The same, where an archived session at which nothing works is just that. */
export function momentOrArchived(axes: Axes, begun: Begun): Moment {
  const now = moment(axes, begun);
  return axes.archived && !works(now) && now !== "destroyed" ? "archived" : now;
}

/** Whether something goes on. */
export function works(now: Moment): boolean {
  return (
    now === "creating" ||
    now === "first_queued" ||
    now === "running" ||
    now === "waits_for_person" ||
    now === "waits_for_limit" ||
    now === "compacting" ||
    now === "interrupting" ||
    now === "stalled" ||
    now === "tasks_running"
  );
}

function working(axes: Axes, fresh: boolean): Moment {
  const activity = axes.activity;
  switch (activity?.state) {
    case "queued":
      return fresh ? "first_queued" : "running";
    case "running":
      return "running";
    case "waiting":
      return activity.reason === "rate_limit" || activity.reason === "retry" ? "waits_for_limit" : "waits_for_person";
    case "compacting":
    case "interrupting":
    case "stalled":
      return activity.state;
    default:
      return resting(axes);
  }
}

function resting(axes: Axes): Moment {
  if (axes.tasks_running > 0) return "tasks_running";
  switch (axes.last_outcome) {
    case "failed":
    case "crashed":
      return "idle_failed";
    case "limit":
      return "idle_limit";
    case "interrupted":
      return "idle_interrupted";
    default:
      return "idle";
  }
}

/** Whether a session that was looked at has had no turn since its process was started. */
export function isFresh(session: Axes & { readonly process?: { readonly started_at: string } | null }): boolean {
  if (session.last_outcome == null || session.process == null) return true;
  // What waits since before the process was there has waited for it; between turns it waits since the last one.
  const since = session.activity?.since;
  return since !== undefined && Date.parse(since) <= Date.parse(session.process.started_at);
}
