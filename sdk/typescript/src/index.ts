/**
 * A client of Tenure.
 *
 * - `new Tenure()` finds the daemon of this machine and starts it if none runs; with `url` and `token` it talks to
 *   one elsewhere, in browsers too.
 * - A `Session` is sent to, followed and controlled; what it says can be awaited, called back or looped over.
 * - Every failure is a `TenureError` with a `code`; every call takes an abort signal.
 *
 * The field names are those of the HTTP interface; their types are made from its document.
 */
export type * as api from "./generated/api.js";
export type { CallOptions } from "./connection.js";
export { type ErrorCode, type ErrorDetails, TenureError, isTenureError } from "./errors.js";
export { type DurableEvent, type EphemeralEvent, type FollowedEvent, type Gap, isDurable } from "./events.js";
export type { FollowOptions } from "./follow.js";
export type { Artifacts } from "./resources/artifacts.js";
export type { Checkpoints } from "./resources/checkpoints.js";
export type { ExecPiece, ExecRequest, ExecResult } from "./resources/exec.js";
export type { Files, WriteOptions } from "./resources/files.js";
export type { History, HistoryFilter, PastMessages, SearchFilter, UsageFilter } from "./resources/history.js";
export type { Mcp } from "./resources/mcp.js";
export type { Listed, Page } from "./resources/pages.js";
export { type Answer, type Callbacks, type EnqueueOptions, Session, type VerbOptions } from "./session.js";
export type { Processes } from "./resources/processes.js";
export type { Projects } from "./resources/projects.js";
export type { Tokens } from "./resources/tokens.js";
export type { Workspaces } from "./resources/workspaces.js";
export { type SessionFilter, type Sessions, Tenure, type TenureOptions } from "./tenure.js";
export type { SendOptions, TurnEvent } from "./turn.js";
