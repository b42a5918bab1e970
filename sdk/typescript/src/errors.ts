/**
 * What can go wrong, typed by `code`. The daemon's own codes come from its answers; five more tell what a client
 * alone can see.
 */
import type { ErrorCode as DaemonCode, Problem } from "./generated/api.js";

/**
 * The daemon's codes, and those of this side:
 * - `unreachable`: no daemon answers;
 * - `not_started`: a daemon was started and did not get ready, or there is no `tenure` program;
 * - `unintelligible`: what answers is no Tenure daemon, or one whose answer this version cannot read;
 * - `cancelled`: the input was taken back before a turn took it;
 * - `usage`: the call itself makes no sense here.
 */
export type ErrorCode = DaemonCode | "unreachable" | "not_started" | "unintelligible" | "cancelled" | "usage";

/** What an error knows besides its code and message. */
export interface ErrorDetails {
  readonly status?: number | undefined;
  /** With `invalid`: the field of the request. */
  readonly field?: string | undefined;
  /** With `unsupported`: what is lacking. */
  readonly capability?: string | undefined;
  /** With `unsupported` and others: the agent. */
  readonly agent?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Details by code. */
  readonly data?: unknown;
  readonly cause?: unknown;
}

/** Every failure of this package, except an abort, which rejects with the signal's own reason. */
export class TenureError<Code extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "TenureError";
  readonly code: Code;
  readonly status: number | undefined;
  readonly field: string | undefined;
  readonly capability: string | undefined;
  readonly agent: string | undefined;
  readonly sessionId: string | undefined;
  readonly data: unknown;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.field = details.field;
    this.capability = details.capability;
    this.agent = details.agent;
    this.sessionId = details.sessionId;
    this.data = details.data;
  }
}

/** Whether `error` comes from this package, and has one of these codes if any are given. */
export function isTenureError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  ...codes: Code[]
): error is TenureError<Code> {
  return error instanceof TenureError && (codes.length === 0 || codes.includes(error.code as Code));
}

/** The daemon's problem as an error; `undefined` if it is none. */
export function ofProblem(status: number, value: unknown): TenureError | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const problem = value as Partial<Problem>;
  if (typeof problem.code !== "string" || typeof problem.detail !== "string") return undefined;
  return new TenureError(problem.code, problem.detail, {
    status,
    field: problem.field ?? undefined,
    capability: problem.capability ?? undefined,
    agent: problem.agent ?? undefined,
    sessionId: problem.session_id ?? undefined,
    data: problem.data ?? undefined,
  });
}

/** What was thrown, as a sentence. */
export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  return error.message || (typeof code === "string" ? code : error.name);
}
