/** What this dialect calls a session at which something goes on; the same in its list and in its events. */
import type { Moment } from "../status.js";

/** Moments of work. */
export const WORKING: Partial<Record<Moment, "running" | "initializing" | "completing">> = {
  creating: "initializing",
  first_queued: "initializing",
  running: "running",
  waits_for_person: "running",
  waits_for_limit: "running",
  compacting: "running",
  interrupting: "completing",
  stalled: "running",
  tasks_running: "completing",
};
