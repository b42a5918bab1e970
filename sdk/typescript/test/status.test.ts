/** The table of moments: which one some axes are. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { api } from "tenure";

// Inner to the package: not among its exports.
const status = (await import(new URL("../dist/dialects/status.js", import.meta.url).href)) as {
  moment(axes: api.Axes, begun: { fresh: boolean }): string;
  momentOrArchived(axes: api.Axes, begun: { fresh: boolean }): string;
  works(moment: string): boolean;
  isFresh(session: unknown): boolean;
};

const since = "2026-01-01T00:00:00Z";
const axes = (more: Partial<api.Axes>): api.Axes => ({
  lifecycle: "live",
  activity: { state: "idle", since },
  archived: false,
  health: { state: "healthy" },
  tasks_running: 0,
  ...more,
});
const live = (state: api.ActivityState, reason?: api.WaitReason) => axes({ activity: { state, since, reason } });
const idle = (last_outcome: api.Outcome) => axes({ last_outcome });

const rows: readonly (readonly [moment: string, axes: api.Axes])[] = [
  ["creating", axes({ lifecycle: "creating", activity: null })],
  ["failed", axes({ lifecycle: "failed", activity: null })],
  ["closed", axes({ lifecycle: "closed", activity: null, last_outcome: "failed" })],
  ["paused", axes({ lifecycle: "suspended", activity: null, suspended_by: "request" })],
  ["paused", axes({ lifecycle: "suspended", activity: null, suspended_by: "limit" })],
  ["rested", axes({ lifecycle: "suspended", activity: null, suspended_by: "idle" })],
  ["fell", axes({ lifecycle: "suspended", activity: null, suspended_by: "crash" })],
  ["running", live("queued")],
  ["running", live("running")],
  ["waits_for_person", live("waiting", "permission")],
  ["waits_for_person", live("waiting", "question")],
  ["waits_for_person", live("waiting", "plan")],
  ["waits_for_person", live("waiting", "elicitation")],
  ["waits_for_person", live("waiting", "auth")],
  ["waits_for_limit", live("waiting", "rate_limit")],
  ["waits_for_limit", live("waiting", "retry")],
  ["compacting", live("compacting")],
  ["interrupting", live("interrupting")],
  ["stalled", live("stalled")],
  ["tasks_running", axes({ tasks_running: 1, last_outcome: "failed" })],
  ["idle_failed", idle("failed")],
  ["idle_failed", idle("crashed")],
  ["idle_limit", idle("limit")],
  ["idle_interrupted", idle("interrupted")],
  ["idle", idle("completed")],
  ["idle", axes({})],
];

describe("the moment of a session", () => {
  for (const [moment, of] of rows) {
    it(`is ${moment}: ${of.lifecycle} ${of.activity?.state ?? of.suspended_by ?? ""} ${of.activity?.reason ?? ""} ${of.last_outcome ?? ""}`, () => {
      assert.equal(status.moment(of, { fresh: false }), moment);
      const works = status.works(moment);
      assert.equal(status.momentOrArchived({ ...of, archived: true }, { fresh: false }), works ? moment : "archived");
    });
  }

  it("tells a first turn that waits for its process from one between turns", () => {
    assert.equal(status.moment(live("queued"), { fresh: true }), "first_queued");
    const at = (started_at: string, last_outcome: api.Outcome | null) => ({ ...live("queued"), last_outcome, process: { started_at } });
    assert.equal(status.isFresh(at("2025-12-31T23:59:00Z", null)), true);
    assert.equal(status.isFresh(at("2025-12-31T23:59:00Z", "completed")), false);
    assert.equal(status.isFresh(at("2026-01-01T00:00:01Z", "completed")), true);
    assert.equal(status.isFresh({ ...live("queued"), last_outcome: "completed", process: null }), true);
  });
});
