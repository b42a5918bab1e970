/** Commands where a session works: run whole, or streamed. */
import type { CallOptions, Connection } from "../connection.js";
import { lost } from "../connection.js";
import { TenureError } from "../errors.js";
import type { ExecOutput, ExecRequest, ExecResult } from "../generated/api.js";
import { join } from "../platform/check.js";
import { type Frame, frames } from "../sse.js";

export type { ExecRequest, ExecResult } from "../generated/api.js";

/** What a running command gives. */
export type ExecPiece =
  | { readonly type: "started"; readonly exec_id: string; readonly pid: number }
  | { readonly type: "stdout" | "stderr"; readonly bytes: Uint8Array }
  | { readonly type: "ended"; readonly result: ExecResult };

/** Milliseconds that a command takes at most unless its request says otherwise. */
const USUAL_MS = 120_000;
/** What is kept of an output that nobody streams, in bytes. */
const MOST_BYTES = 1 << 20;
/** What an answer may take beyond its command. */
const MARGIN_MS = 60_000;

/** Runs a command to its end. A lost answer is asked for again: the command runs once. An abort cancels it. */
export async function exec(
  connection: Connection,
  session: string,
  request: ExecRequest,
  options: CallOptions = {},
): Promise<ExecResult> {
  const limitMs = (request.timeout_ms ?? USUAL_MS) + MARGIN_MS;
  const path = "/v1/sessions/{id}/exec";
  if (options.signal === undefined) return connection.call("post", path, [session], { body: request, limitMs });
  // With a key a command belongs to its key and outlives its caller; streamed without one it goes with the caller.
  const out = { stdout: new Kept(), stderr: new Kept() };
  for await (const piece of execStream(connection, session, request, options)) {
    if (piece.type === "ended") {
      const truncated = piece.result.truncated || out.stdout.cut || out.stderr.cut;
      return { ...piece.result, stdout: out.stdout.text(), stderr: out.stderr.text(), truncated };
    }
    if (piece.type !== "started") out[piece.type].add(piece.bytes);
  }
  throw new TenureError("unreachable", "the stream ended before the command did");
}

/** Runs a command and yields what it writes. Leaving the loop cancels it. */
export async function* execStream(
  connection: Connection,
  session: string,
  request: ExecRequest,
  options: CallOptions = {},
): AsyncGenerator<ExecPiece, void, undefined> {
  const signal = connection.signal(options.signal);
  const link = await connection.link(signal);
  const headers = { accept: "text/event-stream", "content-type": "application/json" };
  const path = `/v1/sessions/${encodeURIComponent(session)}/exec`;
  const answer = await connection.open({ method: "POST", path, headers, body: JSON.stringify(request), signal }, link);
  let ended = false;
  try {
    for await (const frame of frames(answer.body)) {
      const piece = read(frame);
      ended = piece.type === "ended";
      yield piece;
      if (ended) return;
    }
  } catch (error) {
    signal.throwIfAborted();
    throw lost(link, error);
  } finally {
    answer.cancel();
  }
  if (!ended) throw new TenureError("unreachable", "the daemon was lost before the command ended, and the command with it");
}

function read(frame: Frame): ExecPiece {
  const data = JSON.parse(frame.data) as unknown;
  switch (frame.event) {
    case "started":
      return { type: "started", ...(data as { exec_id: string; pid: number }) };
    case "stdout":
    case "stderr":
      return { type: frame.event, bytes: bytes(data as ExecOutput) };
    case "ended":
      return { type: "ended", result: data as ExecResult };
    default:
      throw new TenureError("unintelligible", `a frame \`${frame.event}\` of a command`);
  }
}

function bytes(output: ExecOutput): Uint8Array {
  if (!output.base64) return new TextEncoder().encode(output.text ?? "");
  return Uint8Array.from(atob(output.base64), (c) => c.charCodeAt(0));
}

/** The beginning of an output, as much as the daemon keeps of one. */
class Kept {
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  cut = false;

  add(piece: Uint8Array): void {
    const kept = piece.subarray(0, MOST_BYTES - this.#bytes);
    this.cut ||= kept.length < piece.length;
    this.#bytes += kept.length;
    if (kept.length > 0) this.#pieces.push(kept);
  }

  text(): string {
    return new TextDecoder().decode(join(this.#pieces));
  }
}
